"""A pointer records of a run what describes the weights, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.project.runs.find_run import FoundRun
from gitmodel.project.runs.recorded import RecordedRun, record_run
from gitmodel.trackers.run_metadata import DataVersion, RunMetadata, RunStatus

if TYPE_CHECKING:
    from tests.support.desk import Desk


def recorded(desk: Desk, run: RunMetadata, *notes: str) -> RecordedRun:
    with desk.open() as project:
        return record_run(project, "fraud", FoundRun(run, notes))


def configure(desk: Desk, text: str) -> None:
    desk.repo.write(".gitmodel.yaml", desk.repo.read(".gitmodel.yaml").decode() + text)


def test_links_and_data_lose_user_info(desk: Desk) -> None:
    run = RunMetadata(
        "mlflow",
        "r1",
        url="https://me:secret@ml.example.org/#/experiments/1/runs/r1",
        experiment="fraud",
        name="brave-owl",
        status="finished",
        code="abc",
        data=(DataVersion("may", "d1", "https://me:secret@data.example.org/may"),),
    )

    found = recorded(desk, run)

    assert found.run == {
        "url": "https://ml.example.org/#/experiments/1/runs/r1",
        "system": "mlflow",
        "experiment": "fraud",
        "name": "brave-owl",
        "status": "finished",
        "code": "abc",
    }
    assert found.data == ({"name": "may", "uri": "https://data.example.org/may", "digest": "d1"},)
    assert found.notes == ()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1),
        ("1e-5", 1e-5),
        ("12", 12),
        ("true", True),
        ("True", True),
        ("yes", "yes"),
        ("017", "017"),
        ("12:30", "12:30"),
        ("", ""),
        ("null", "null"),
        ("adam", "adam"),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_params_are_numbers_only_where_yaml_spells_them_so(
    desk: Desk, text: str, value: object
) -> None:
    found = recorded(desk, RunMetadata("mlflow", "r1", params={"p": text})).params

    assert (found["p"], type(found["p"])) == (value, type(value))


def test_of_many_metrics_those_of_gates_and_directions_are_kept(desk: Desk) -> None:
    configure(
        desk,
        "better: {auc: higher}\n"
        'metrics_keep: ["eval.*"]\n'
        "gates: {fraud: {register: {m7: {min: 0}}, promote: {production: {m8: {max: 1}}}}}\n",
    )
    metrics = {f"m{number}": float(number) for number in range(60)}

    found = recorded(desk, RunMetadata("mlflow", "r", metrics={**metrics, "auc": 1, "eval.x": 2}))

    assert found.metrics == {"m7": 7.0, "m8": 8.0, "auc": 1, "eval.x": 2}
    assert found.notes == (
        "58 of 62 metrics of the run are not recorded; name those to keep in .gitmodel.yaml: metrics_keep",
    )


def test_fifty_metrics_are_all_kept(desk: Desk) -> None:
    metrics = {f"m{number}": float(number) for number in range(50)}

    assert recorded(desk, RunMetadata("mlflow", "r", metrics=metrics)).metrics == metrics


@pytest.mark.parametrize("status", ["running", "failed", "killed", "deleted"])
def test_a_run_that_did_not_finish_is_recorded_with_a_warning(
    desk: Desk, status: RunStatus
) -> None:
    found = recorded(desk, RunMetadata("mlflow", "r", status=status), "before")

    assert found.run["status"] == status
    assert found.notes == (
        "before",
        f"the run is {status}, so its metrics may not describe these weights",
    )


def test_hostile_text_becomes_text_that_a_pointer_holds(desk: Desk) -> None:
    run = RunMetadata("mlflow", "r", name="a\x1b[2J\ud800" + "x" * 1000, data=(DataVersion("\n"),))

    found = recorded(desk, run)

    assert found.run["name"] == "a\ufffd[2J\ufffd" + "x" * 494
    assert found.data == ({"name": "\ufffd"},)


def test_params_that_look_like_secrets_are_not_recorded(desk: Desk) -> None:
    params = {
        "lr": "0.1",
        "aws_secret_access_key": "x" * 40,
        "url": "postgres://me:hunter2@db.example.org/a",
        "db/password": "hunter2",
    }

    found = recorded(desk, RunMetadata("mlflow", "r", params=params))

    assert found.params == {"lr": 0.1}
    assert "hunter2" not in str(found)
    assert found.notes == (
        'params that look like secrets are not recorded: "aws_secret_access_key", "url", "db/password"',
    )
