"""Reads runs from a tracking server of MLflow through its REST interface, version 2.0.

Guarantee: only requests that read are sent; a search is a POST request there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import TrackerError
from gitmodel.trackers.mlflow.collected import Collected
from gitmodel.trackers.mlflow.http_request import Server
from gitmodel.trackers.mlflow.store import (
    bounded,
    check_run_id,
    is_run_id,
    milliseconds,
    no_such_experiment,
    no_such_run,
    run_status,
    seconds,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.trackers.mlflow.http_request import Answer
    from gitmodel.trackers.mlflow.settings import MlflowSettings
    from gitmodel.trackers.run_metadata import RunMetadata

_MAX_PAGES = 10
_PAGE = 1000
_ABSENT = "RESOURCE_DOES_NOT_EXIST"
_EXPERIMENT_ID = lazy_compile(r"[a-zA-Z0-9_-]{1,64}")


class RestStore:
    """The runs on one server.

    Args:
        uri: Address of the server.
        settings: Credentials.

    Raises:
        TrackerError: This is no such address, or a credential cannot be sent.
    """

    def __init__(self, uri: str, settings: MlflowSettings | None = None) -> None:
        self._server = Server(uri, settings)
        self._names: dict[str, object] = {}  # of experiments, by id

    def run(self, run_id: str) -> RunMetadata:
        """Read one run; see `MlflowStore`."""
        check_run_id(run_id, self._server.where)
        answer = self._server.ask(f"runs/get?run_id={quote(run_id)}")
        if _is_absent(answer):
            no_such_run(run_id, self._server.where)
        found = _mapping(self._checked(answer).get("run"))
        if run_id not in _ids(found):
            raise TrackerError(
                f"{self._server.where} did not answer with the run that was asked for",
                hint="check the address; it must be that of an MLflow tracking server",
            )
        return self._run(run_id, found)

    def recent_runs(self, experiment: str | None, since: float, limit: int) -> list[RunMetadata]:
        """Read the newest finished runs; see `MlflowStore`."""
        earliest = milliseconds(since)
        numbers = self._experiments() if experiment is None else [self._experiment(experiment)]
        if not numbers:
            return []
        body = {
            "experiment_ids": numbers,
            "filter": f"attributes.status = 'FINISHED' AND attributes.end_time >= {earliest}",
            "run_view_type": "ACTIVE_ONLY",
            "max_results": bounded(limit),
            "order_by": ["attributes.start_time DESC"],
        }
        answer = self._checked(self._server.ask("runs/search", body))
        runs = [
            self._run(run_id, found)
            for found in _mappings(answer.get("runs"))
            if is_run_id(run_id := _ids(found)[0])
        ]
        wanted = [run for run in runs if run.status == "finished" and (run.ended or 0) >= since]
        return wanted[: bounded(limit)]

    def _experiments(self) -> list[str]:
        """Ids of all experiments that are not deleted."""
        body: dict[str, object] = {"max_results": _PAGE, "view_type": "ACTIVE_ONLY"}
        for _ in range(_MAX_PAGES):
            answer = self._checked(self._server.ask("experiments/search", body))
            for found in _mappings(answer.get("experiments")):
                self._remember(found)
            token = answer.get("next_page_token")
            if not isinstance(token, str) or not token:
                break
            body["page_token"] = token
        return list(self._names)

    def _experiment(self, experiment: str) -> str:
        """Id of an experiment that is named by its name or id."""
        paths = [f"experiments/get-by-name?experiment_name={quote(experiment, safe='')}"]
        if _EXPERIMENT_ID.fullmatch(experiment):
            paths.append(f"experiments/get?experiment_id={experiment}")
        for path in paths:
            answer = self._server.ask(path)
            if not _is_absent(answer):
                found = self._remember(_mapping(self._checked(answer).get("experiment")))
                if found is not None:
                    return found
        return no_such_experiment(experiment, self._server.where)

    def _remember(self, found: dict[str, Any]) -> str | None:
        number = found.get("experiment_id")
        if not isinstance(number, str) or _EXPERIMENT_ID.fullmatch(number) is None:
            return None
        self._names[number] = found.get("name")
        return number

    def _run(self, run_id: str, found: dict[str, Any]) -> RunMetadata:
        info, data = _mapping(found.get("info")), _mapping(found.get("data"))
        collected = Collected(database=True)
        for metric in _mappings(data.get("metrics")):
            collected.add_metric(metric.get("key"), metric.get("value"))
        for param in _mappings(data.get("params")):
            collected.add_param(param.get("key"), param.get("value", ""))
        for tag in _mappings(data.get("tags")):
            collected.add_tag(tag.get("key"), tag.get("value"))
        for used in _mappings(_mapping(found.get("inputs")).get("dataset_inputs")):
            dataset = _mapping(used.get("dataset"))
            collected.add_data(dataset.get("name"), dataset.get("digest"), dataset.get("source"))
        number = info.get("experiment_id")
        known = isinstance(number, str) and _EXPERIMENT_ID.fullmatch(number) is not None
        return collected.finish(
            run_id=run_id,
            url=f"{self._server.base}/#/experiments/{number}/runs/{run_id}" if known else None,
            status=run_status(info.get("status"), info.get("lifecycle_stage")),
            name=info.get("run_name"),
            experiment=self._experiment_name(str(number), collected) if known else None,
            started=seconds(_integer(info.get("start_time"))),
            ended=seconds(_integer(info.get("end_time"))),
        )

    def _experiment_name(self, number: str, collected: Collected) -> object:
        if number not in self._names:
            answer = self._server.ask(f"experiments/get?experiment_id={number}")
            if answer.status != 200:
                collected.note(f"the name of experiment {number} could not be read")
                return None
            self._names[number] = _mapping(answer.body.get("experiment")).get("name")
        return self._names[number]

    def _checked(self, answer: Answer) -> dict[str, Any]:
        if answer.status != 200:
            raise self._server.unexpected(answer)
        return answer.body


def _is_absent(answer: Answer) -> bool:
    return answer.status in {400, 404} and answer.body.get("error_code") == _ABSENT


def _ids(found: dict[str, Any]) -> list[str]:
    info = _mapping(found.get("info"))
    ids = [info.get("run_id"), info.get("run_uuid")]
    return [one for one in ids if isinstance(one, str)] or [""]


def _integer(value: object) -> object:
    """Servers may write numbers of 64 bits as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: object) -> Iterator[dict[str, Any]]:
    yield from (one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()
