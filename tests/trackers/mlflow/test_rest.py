from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from gitmodel.errors import NoSuchRunError, TrackerError
from gitmodel.trackers.mlflow.open import open_store
from gitmodel.trackers.run_metadata import DataVersion, RunMetadata
from tests.support.scripted_server import Answer, Asked, scripted_server
from tests.trackers.mlflow.recorded_stores import answers, comparable, expected, names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gitmodel.trackers.mlflow.store import MlflowStore
    from tests.support.scripted_server import ScriptedServer
    from tests.trackers.mlflow.recorded_stores import Recorded

STORES = names("rest")
API = "/api/2.0/mlflow/"
RUN = "0123456789abcdef0123456789abcdef"
INFO = {
    "run_id": RUN,
    "run_uuid": RUN,
    "run_name": "one",
    "experiment_id": "7",
    "status": "FINISHED",
    "lifecycle_stage": "active",
    "start_time": 1000,
    "end_time": 2000,
}
EXPERIMENT = {"experiment": {"experiment_id": "7", "name": "fraud"}}
ABSENT = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as scripted:
        yield scripted


def said(body: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body).encode())


def serving(server: ScriptedServer, answers: Mapping[str, object]) -> MlflowStore:
    """A store on a server that has these answers; paths with other questions are absent."""

    def answer(asked: Asked) -> Answer:
        path = asked.path.removeprefix(API)
        return said(answers[path]) if path in answers else said(ABSENT, 404)

    server.script = answer
    return open_store(server.url, folder=".")


@contextlib.contextmanager
def dripping() -> Iterator[str]:
    """A server that sends a header of an answer byte by byte, and never ends it; gives its address."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not ended.wait(0.02):
                    connection.sendall(b"y")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()


def one_run(server: ScriptedServer, **parts: Any) -> RunMetadata:
    """Read the run `RUN` of which the server says these parts."""
    run = {"info": INFO, "data": {}} | parts
    answers = {
        f"runs/get?run_id={RUN}": {"run": run},
        "experiments/get?experiment_id=7": EXPERIMENT,
    }
    return serving(server, answers).run(RUN)


def test_responses_of_a_database_and_of_files_are_recorded() -> None:
    assert len(STORES) == 2


@pytest.mark.parametrize("name", STORES)
def test_every_run_is_as_the_client_of_mlflow_gives_it(
    name: str, server: ScriptedServer, recorded: Recorded
) -> None:
    folder = recorded(name)
    read = answers(folder)
    responses = json.loads((folder / "responses.json").read_text("utf-8"))

    def answer(asked: Asked) -> Answer:
        status, body = responses[asked.path.removeprefix(API)]
        return Answer(status, body.encode())

    server.script = answer
    store = open_store(server.url, folder=".")

    for run_id in read["runs"]:
        wanted = expected(read, run_id, kind="rest", base=server.url)
        assert comparable(store.run(run_id)) == comparable(wanted)
    with pytest.raises(NoSuchRunError, match="has no run"):
        store.run("0" * 32)


@pytest.mark.parametrize("name", STORES)
def test_recent_runs_are_asked_for_in_one_request(
    name: str, server: ScriptedServer, recorded: Recorded
) -> None:
    folder = recorded(name)
    read = answers(folder)
    responses = json.loads((folder / "responses.json").read_text("utf-8"))
    asked = read["recent"][0]

    def answer(request: Asked) -> Answer:
        status, body = responses[f"POST {request.path.removeprefix(API)} {request.body.decode()}"]
        return Answer(status, body.encode())

    server.script = answer
    found = open_store(server.url, folder=".").recent_runs(None, asked["since"], 1000)

    assert [run.run_id for run in found] == asked["ids"]
    assert [one.method for one in server.asked] == ["POST", "POST"]


def test_the_words_for_numbers_are_read(server: ScriptedServer) -> None:
    values = {"a": "NaN", "b": "Infinity", "c": "-Infinity", "d": 1.7976931348623157e308, "e": 3}
    metrics = [{"key": key, "value": value} for key, value in values.items()]
    found = one_run(server, data={"metrics": metrics})

    assert repr(found.metrics) == "{'a': nan, 'b': inf, 'c': -inf, 'd': inf, 'e': 3.0}"


def test_a_run_is_read_with_its_data_and_page(server: ScriptedServer) -> None:
    dataset = {"name": "train set", "digest": "0a1b", "source": '{"uri": "s3://data/x"}'}
    tags = {"mlflow.source.git.commit": "c" * 40, "mlflow.parentRunId": "p" * 32}
    data = {
        "params": [{"key": "lr", "value": "1e-3"}, {"key": "empty"}],
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
    found = one_run(server, data=data, inputs={"dataset_inputs": [{"dataset": dataset}]})

    assert found == RunMetadata(
        system="mlflow",
        run_id=RUN,
        url=f"{server.url}/#/experiments/7/runs/{RUN}",
        experiment="fraud",
        name="one",
        status="finished",
        code="c" * 40,
        parent="p" * 32,
        params={"empty": "", "lr": "1e-3"},
        data=(DataVersion("train set", "0a1b", "s3://data/x"),),
        started=1.0,
        ended=2.0,
    )


def test_a_running_run_has_no_end(server: ScriptedServer) -> None:
    info = {key: value for key, value in INFO.items() if key != "end_time"}
    found = one_run(server, info=info | {"status": "RUNNING", "start_time": "1000"})

    assert (found.status, found.started, found.ended) == ("running", 1.0, None)


def test_an_experiment_that_may_not_be_read_has_no_name(server: ScriptedServer) -> None:
    answers = {f"runs/get?run_id={RUN}": {"run": {"info": INFO}}}
    found = serving(server, answers).run(RUN)

    assert found.experiment is None
    assert found.notes == ("the name of experiment 7 could not be read",)


def test_the_prefix_of_an_address_is_kept(server: ScriptedServer) -> None:
    server.answers(said({"run": {"info": INFO}}), said(EXPERIMENT))
    found = open_store(f"{server.url}/team/mlflow/#/experiments", folder=".").run(RUN)

    assert server.asked[0].path == f"/team/mlflow{API}runs/get?run_id={RUN}"
    assert found.url == f"{server.url}/team/mlflow/#/experiments/7/runs/{RUN}"


def test_an_experiment_is_named_by_name_or_id(server: ScriptedServer) -> None:
    runs = {"runs": [{"info": INFO}, {"info": INFO | {"status": "FAILED"}}, {"info": 3}, 4]}
    by_name = {"experiments/get-by-name?experiment_name=fr%20%26%2F": EXPERIMENT}
    by_id = {"experiments/get?experiment_id=7": EXPERIMENT}

    store = serving(server, {**by_name, **by_id, "runs/search": runs})
    for experiment in ("fr &/", "7"):
        found = store.recent_runs(experiment, 1.5, 10)
        assert [(run.run_id, run.experiment) for run in found] == [(RUN, "fraud")]
    assert json.loads(server.asked[-1].body) == {
        "experiment_ids": ["7"],
        "filter": "attributes.status = 'FINISHED' AND attributes.end_time >= 1500",
        "run_view_type": "ACTIVE_ONLY",
        "max_results": 10,
        "order_by": ["attributes.start_time DESC"],
    }
    with pytest.raises(TrackerError, match='has no experiment "other"'):
        store.recent_runs("other", 0, 10)


def test_all_pages_of_experiments_are_read_and_not_more_than_ten(server: ScriptedServer) -> None:
    page = {"experiments": [EXPERIMENT["experiment"]], "next_page_token": "again"}
    store = serving(server, {"experiments/search": page, "runs/search": {}})

    assert store.recent_runs(None, 0, 10) == []
    assert [json.loads(one.body).get("page_token") for one in server.asked] == [
        None,
        *["again"] * 9,
        None,
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (said({}), "did not answer with the run that was asked for"),
        (said({"run": {"info": {"run_id": "other"}}}), "did not answer with the run"),
        (said([1]), "did not answer with JSON"),
        (said({"run": [{}]}), "did not answer with the run"),
        (Answer(200, b"<html>"), "did not answer with JSON"),
        (Answer(200, b"\xff"), "did not answer with JSON"),
        (Answer(200, b"[" * 1_000_000), "did not answer with JSON"),
        (Answer(200, b'{"a": ' + b"9" * 10_000 + b"}"), "did not answer with JSON"),
        (Answer(200, b"{}", cut=1), "cannot be reached"),
        (Answer(0), "cannot be reached"),
        (Answer(401, b"no"), r"denied the access \(HTTP 401\)"),
        (said({"message": "not yours"}, 403), r"denied the access \(HTTP 403\)"),
        (Answer(404, b"<html>"), "answered with HTTP 404"),
        (said({"message": "\x1b[2J"}, 500), r'answered with HTTP 500: "\\x1b\[2J"'),
        (Answer(204), "answered with HTTP 204"),
        (Answer(200, b"x" * (8 << 20) + b"x"), "is larger than 8 MiB"),
        (Answer(200, b"", {"X": "y" * 70_000}), "cannot be reached"),
    ],
)
def test_answers_that_are_no_run_are_explained(
    answer: Answer, reason: str, server: ScriptedServer
) -> None:
    server.answers(answer)

    with pytest.raises(TrackerError, match=reason) as raised:
        open_store(server.url, folder=".").run(RUN)
    assert not isinstance(raised.value, NoSuchRunError)


@pytest.mark.parametrize("stall", [0, 5])
def test_a_slow_answer_ends(
    stall: int, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitmodel.trackers.mlflow.http_request.MAX_SECONDS", 0.1)
    server.answers(Answer(200, b'{"run": {}}', stall=stall))

    with pytest.raises(TrackerError, match=r"does not answer within 0.1 seconds"):
        open_store(server.url, folder=".").run(RUN)


def test_an_answer_that_drips_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitmodel.trackers.mlflow.http_request.MAX_SECONDS", 0.3)
    with (
        dripping() as url,
        pytest.raises(TrackerError, match=r"does not answer within 0.3 seconds"),
    ):
        open_store(url, folder=".").run(RUN)


def test_a_server_that_is_not_there_is_named() -> None:
    with scripted_server() as closed:
        url = closed.url

    with pytest.raises(TrackerError, match='cannot be reached: "Connection refused"'):
        open_store(url, folder=".").run(RUN)
