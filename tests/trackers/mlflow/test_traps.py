"""What surprised in stores of MLflow: each is in the recorded stores, and is read right."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from gitmodel.errors import NoSuchRunError
from gitmodel.trackers.mlflow.open import open_store
from tests.trackers.mlflow.recorded_stores import answers, names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitmodel.trackers.mlflow.store import MlflowStore
    from tests.trackers.mlflow.recorded_stores import Recorded

DATABASES, FILES = names("sqlite"), names("files")
GREATEST = 1.7976931348623157e308
on_databases = pytest.mark.parametrize("name", DATABASES)
on_files = pytest.mark.parametrize("name", FILES)


def opened(name: str, folder: Path) -> tuple[MlflowStore, dict[str, Any]]:
    """A recorded store, and the answers of the client."""
    uri = "sqlite:///mlflow.db" if name in DATABASES else "mlruns"
    return open_store(uri, folder=str(folder)), answers(folder)


def rows(folder: Path, text: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        return database.execute(text).fetchall()


def metric_files(folder: Path) -> Iterator[tuple[str, str, list[list[str]]]]:
    """Run, key and lines of each metric file."""
    for path in (folder / "mlruns").rglob("metrics/**/*"):
        if path.is_file():
            parts = path.relative_to(folder).parts
            at = parts.index("metrics")
            lines = [line.split(" ") for line in path.read_text("utf-8").splitlines()]
            yield parts[at - 1], "/".join(parts[at + 1 :]), lines


@pytest.mark.parametrize("name", [*DATABASES, *FILES, *names("rest")])
def test_a_store_was_written_by_the_release_in_its_name(name: str, recorded: Recorded) -> None:
    assert answers(recorded(name))["mlflow"] == name.rpartition("-")[2]


@on_files
def test_the_last_line_is_not_the_last_value(name: str, recorded: Recorded) -> None:
    store, _ = opened(name, recorded(name))
    found = [
        (repr(store.run(run_id).metrics[key]), repr(float(lines[-1][1])))
        for run_id, key, lines in metric_files(recorded(name))
    ]

    assert len([1 for value, last in found if value != last]) > 10


@on_databases
def test_nan_is_zero_with_a_mark(name: str, recorded: Recorded) -> None:
    store, _ = opened(name, recorded(name))
    marked = rows(
        recorded(name), "SELECT run_uuid, key, value FROM latest_metrics WHERE is_nan = 1"
    )

    assert {value for _, _, value in marked} == {0.0}
    assert all(math.isnan(store.run(run_id).metrics[key]) for run_id, key, _ in marked)  # type: ignore[arg-type]


@on_databases
def test_infinity_is_the_greatest_float_in_a_database(name: str, recorded: Recorded) -> None:
    store, _ = opened(name, recorded(name))
    text = "SELECT run_uuid, key, value FROM latest_metrics WHERE abs(value) > 1e305"
    found = rows(recorded(name), text)

    assert {value for _, _, value in found} == {GREATEST, -GREATEST}
    for run_id, key, value in found:
        assert store.run(run_id).metrics[key] == math.copysign(math.inf, value)


@on_files
def test_infinity_is_a_word_in_files(name: str, recorded: Recorded) -> None:
    opened(name, recorded(name))
    words = {line[1] for _, _, lines in metric_files(recorded(name)) for line in lines}

    assert {"inf", "-inf", "nan"} <= words


def test_nan_is_a_word_and_infinity_the_greatest_float_on_a_server(recorded: Recorded) -> None:
    responses = json.loads((recorded(names("rest")[1]) / "responses.json").read_text("utf-8"))
    runs = [
        json.loads(body)["run"]
        for path, (_, body) in responses.items()
        if "get?run_id" in path and "metrics" in body
    ]
    values = [metric["value"] for run in runs for metric in run["data"].get("metrics", [])]

    assert "NaN" in values
    assert {GREATEST, -GREATEST} <= {value for value in values if value != "NaN"}


def test_lines_have_a_data_set_with_spaces_at_which_the_client_raises(recorded: Recorded) -> None:
    store, read = opened("files-3.17.2", recorded("files-3.17.2"))
    found = list(metric_files(recorded("files-3.17.2")))
    raised = [run_id for run_id, answer in read["runs"].items() if answer["raised"]]

    assert {2, 3, 5, 6} & {len(line) for _, _, lines in found for line in lines} == {3, 5, 6}
    assert raised
    for run_id in raised:
        assert set(store.run(run_id).metrics) == set(read["logged"][run_id]["metrics"])


@on_databases
def test_a_deleted_version_of_a_model_stays_and_does_not_disturb(
    name: str, recorded: Recorded
) -> None:
    store, read = opened(name, recorded(name))
    text = "SELECT run_id FROM model_versions WHERE current_stage = 'Deleted_Internal'"
    redacted = rows(recorded(name), text)

    assert len(redacted) == 1
    assert len(store.recent_runs(None, 0, 1000)) == len(read["recent"][0]["ids"])


@on_files
def test_registered_models_beside_the_experiments_are_no_runs(
    name: str, recorded: Recorded
) -> None:
    store, _ = opened(name, recorded(name))

    assert (recorded(name) / "mlruns" / "models" / "fraud" / "meta.yaml").exists()
    with pytest.raises(NoSuchRunError):
        store.run("fraud")


def test_releases_have_other_columns_and_tables(recorded: Recorded) -> None:
    schemas = {}
    for name in DATABASES:
        store, read = opened(name, recorded(name))
        columns = {
            column for _, column, *_ in rows(recorded(name), "PRAGMA table_info(experiments)")
        }
        tables = {table for (table,) in rows(recorded(name), "SELECT name FROM sqlite_master")}
        schemas[name] = ("workspace" in columns, "logged_models" in tables)
        assert store.run(next(iter(read["runs"]))).experiment

    assert schemas == {
        "sqlite-2.15.1": (False, False),
        "sqlite-2.22.5": (False, False),
        "sqlite-3.17.2": (True, True),
    }


@pytest.mark.parametrize("name", [*DATABASES, *FILES])
def test_ids_of_experiments_are_small_in_databases_and_long_in_files(
    name: str, recorded: Recorded
) -> None:
    small = name in DATABASES
    store, read = opened(name, recorded(name))
    asked = next(one for one in read["recent"] if one["experiment"] == "1e3" and one["ids"])
    number = read["runs"][asked["ids"][0]]["experiment_id"]
    found = store.recent_runs(number, asked["since"], 1000)

    assert (len(number) < 4) is small
    assert [run.run_id for run in found] == asked["ids"]


@pytest.mark.parametrize("name", [*DATABASES, *FILES])
def test_a_killed_run_goes_on_for_ever(name: str, recorded: Recorded) -> None:
    store, read = opened(name, recorded(name))
    left = [
        run_id
        for run_id, run in read["runs"].items()
        if run["status"] == "RUNNING" and run["lifecycle"] == "active"
    ]

    assert left
    assert {(store.run(run_id).status, store.run(run_id).ended) for run_id in left} == {
        ("running", None)
    }


@on_databases
def test_the_commit_is_only_in_a_tag(name: str, recorded: Recorded) -> None:
    store, read = opened(name, recorded(name))
    found = {store.run(run_id).code for run_id in read["runs"]}

    assert rows(recorded(name), "SELECT DISTINCT source_version FROM runs") == [("",)]
    assert len(found - {None}) > 10
