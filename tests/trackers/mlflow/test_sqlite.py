from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import NoSuchRunError, TrackerError
from gitmodel.trackers.mlflow.open import open_store
from tests.trackers.mlflow.recorded_stores import answers, comparable, expected, names, unpack

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.trackers.mlflow.store import MlflowStore
    from tests.trackers.mlflow.recorded_stores import Recorded

STORES = names("sqlite")
RUN = "0123456789abcdef0123456789abcdef"


def opened(folder: Path) -> MlflowStore:
    return open_store("sqlite:///mlflow.db", folder=str(folder))


TABLES = """
    CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, status TEXT, lifecycle_stage TEXT,
        start_time BIGINT, end_time BIGINT, experiment_id INTEGER);
    CREATE TABLE latest_metrics (key TEXT, value FLOAT, is_nan BOOLEAN, run_uuid TEXT);
    CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
    CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
    INSERT INTO experiments VALUES (1, 'fraud');
"""


def small(folder: Path, *statements: str) -> sqlite3.Connection:
    """A database with the tables of 2.9 that gitmodel reads, and one run."""
    database = sqlite3.connect(folder / "mlflow.db", isolation_level=None)
    database.executescript(TABLES)
    for statement in (
        "INSERT INTO runs VALUES (:run, 'one', 'FINISHED', 'active', 1000, 2000, 1)",
        "INSERT INTO latest_metrics VALUES ('f1', 0.5, 0, :run)",
        *statements,
    ):
        database.execute(statement, {"run": RUN} if ":run" in statement else {})
    return database


def test_stores_of_three_releases_are_recorded() -> None:
    assert len(STORES) == 3


@pytest.mark.parametrize("name", STORES)
def test_every_run_is_as_the_client_of_mlflow_gives_it(name: str, recorded: Recorded) -> None:
    folder = recorded(name)
    read = answers(folder)
    store = opened(folder)

    for run_id in read["runs"]:
        wanted = expected(read, run_id, kind="sqlite")
        assert comparable(store.run(run_id)) == comparable(wanted)


@pytest.mark.parametrize("name", STORES)
def test_recent_runs_are_those_that_the_client_finds(name: str, recorded: Recorded) -> None:
    folder = recorded(name)
    read = answers(folder)
    store = opened(folder)

    for asked in read["recent"]:
        found = store.recent_runs(asked["experiment"], asked["since"], 1000)
        assert [run.run_id for run in found] == asked["ids"]


def test_recent_runs_are_at_most_as_many_as_asked_for(recorded: Recorded) -> None:
    folder = recorded(STORES[0])
    read = answers(folder)
    ids = read["recent"][0]["ids"]

    assert [run.run_id for run in opened(folder).recent_runs(None, 0, 3)] == ids[:3]


def test_recent_runs_with_ids_of_another_form_are_left_out(tmp_path: Path) -> None:
    small(tmp_path, "UPDATE runs SET run_uuid = x'00'").close()

    assert opened(tmp_path).recent_runs(None, 0, 10) == []
    assert opened(tmp_path).recent_runs(None, 0, -1) == []


def test_an_unknown_run_is_named(tmp_path: Path) -> None:
    small(tmp_path).close()

    for run_id in ("f" * 32, "../x", "", "a'--", "é"):
        with pytest.raises(NoSuchRunError, match="has no run"):
            opened(tmp_path).run(run_id)


def test_an_unknown_experiment_is_named(tmp_path: Path) -> None:
    small(tmp_path).close()

    with pytest.raises(TrackerError, match='has no experiment "other"'):
        opened(tmp_path).recent_runs("other", 0, 10)


def test_an_experiment_can_be_named_by_its_id(tmp_path: Path) -> None:
    small(tmp_path).close()

    assert [run.run_id for run in opened(tmp_path).recent_runs("1", 2, 10)] == [RUN]
    assert opened(tmp_path).recent_runs("1", 2.001, 10) == []


def test_a_store_is_not_written_to(tmp_path: Path) -> None:
    unpack(STORES[0], tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    opened(tmp_path).recent_runs(None, 0, 10)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_database_in_wal_mode_is_read_without_making_files(tmp_path: Path) -> None:
    small(tmp_path, "PRAGMA journal_mode = WAL").close()

    assert opened(tmp_path).run(RUN).metrics == {"f1": 0.5}
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_changes_that_are_only_in_the_wal_are_read(tmp_path: Path) -> None:
    writer = small(tmp_path, "PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 0")
    writer.execute("UPDATE latest_metrics SET value = 0.75")

    assert opened(tmp_path).run(RUN).metrics == {"f1": 0.75}
    writer.close()


def test_a_wal_that_a_killed_program_left_is_not_repaired(tmp_path: Path) -> None:
    writer = small(tmp_path, "PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 0")
    writer.execute("UPDATE latest_metrics SET value = 0.75")
    left = tmp_path / "left"
    left.mkdir()
    for name in ("mlflow.db", "mlflow.db-wal"):
        (left / name).write_bytes((tmp_path / name).read_bytes())
    writer.close()

    with pytest.raises(TrackerError, match="the program that wrote it was killed"):
        opened(left).run(RUN)
    assert sorted(path.name for path in left.iterdir()) == ["mlflow.db", "mlflow.db-wal"]


def test_a_locked_database_is_named_as_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitmodel.trackers.mlflow.sqlite._WAIT_SECONDS", 0.01)
    writer = small(tmp_path, "BEGIN EXCLUSIVE")

    with pytest.raises(TrackerError, match="is locked by a program that writes it"):
        opened(tmp_path).run(RUN)
    writer.close()


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with pytest.raises(TrackerError, match="does not exist"):
        opened(tmp_path).run(RUN)
    path.mkdir()
    with pytest.raises(TrackerError, match="is not a file"):
        opened(tmp_path).run(RUN)
    path.rmdir()
    path.write_bytes(b"")
    with pytest.raises(TrackerError, match="is not a SQLite database"):
        opened(tmp_path).run(RUN)
    path.write_bytes(b"SQLite format 3\0" + bytes(500))
    with pytest.raises(TrackerError, match="cannot be read"):
        opened(tmp_path).run(RUN)


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        (["DROP TABLE params"], 'has no table "params"'),
        (["DROP TABLE runs", "CREATE VIEW runs AS SELECT 1 AS run_uuid"], 'has no table "runs"'),
        (["ALTER TABLE runs RENAME COLUMN status TO state"], "no such column: status"),
        (
            ["DROP TABLE params", "CREATE VIRTUAL TABLE params USING fts5(key, value, run_uuid)"],
            'has no table "params"',
        ),
        (["INSERT INTO params VALUES ('x', zeroblob(2000000), :run)"], "too big"),
        (["INSERT INTO params VALUES ('x', CAST(x'ff' AS TEXT), :run)"], "decode to UTF-8"),
    ],
)
def test_a_hostile_database_is_refused(statements: list[str], reason: str, tmp_path: Path) -> None:
    small(tmp_path, *statements).close()

    with pytest.raises(TrackerError, match=reason):
        opened(tmp_path).run(RUN)


def test_computed_columns_are_refused_before_they_are_computed(tmp_path: Path) -> None:
    small(
        tmp_path,
        "DROP TABLE params",
        "CREATE TABLE params (key, run_uuid, value AS (printf('%.*c', 1000000, 'x')))",
        "INSERT INTO params VALUES ('x', :run)",
    ).close()

    with pytest.raises(TrackerError, match='has computed columns in the table "params"'):
        opened(tmp_path).run(RUN)


def test_values_of_wrong_types_are_left_out_and_named(tmp_path: Path) -> None:
    small(
        tmp_path,
        "INSERT INTO latest_metrics VALUES ('text', 'high', 0, :run)",
        "INSERT INTO latest_metrics VALUES ('none', NULL, 0, :run)",
        "INSERT INTO latest_metrics VALUES ('blob', x'00', 0, :run)",
        "INSERT INTO latest_metrics VALUES (x'00', 1.0, 0, :run)",
        "INSERT INTO params VALUES ('blob', x'00', :run)",
        "INSERT INTO tags VALUES ('mlflow.source.git.commit', x'00', :run)",
        "UPDATE runs SET start_time = 'yesterday', end_time = -5, name = x'00', status = 7.5",
    ).close()
    run = opened(tmp_path).run(RUN)

    assert (run.metrics, run.params, run.code) == ({"f1": 0.5}, {}, None)
    assert (run.started, run.ended, run.name, run.status) == (None, None, None, "unknown")
    assert run.notes == (
        'left out metrics that are not numbers: "text", "none", "blob" and 1 more',
        'left out params that are too long or not text: "blob"',
    )


def test_nan_is_a_mark_beside_zero(tmp_path: Path) -> None:
    small(tmp_path, "UPDATE latest_metrics SET value = 0.0, is_nan = 1").close()

    assert repr(opened(tmp_path).run(RUN).metrics) == "{'f1': nan}"


def test_the_greatest_float_is_infinity(tmp_path: Path) -> None:
    small(tmp_path, "UPDATE latest_metrics SET value = -1.7976931348623157e308").close()

    assert opened(tmp_path).run(RUN).metrics == {"f1": float("-inf")}


def test_metrics_beyond_the_first_are_counted_out(tmp_path: Path) -> None:
    small(
        tmp_path,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)"
        " INSERT INTO latest_metrics SELECT 'm' || i, i, 0, :run FROM n",
    ).close()
    run = opened(tmp_path).run(RUN)

    assert len(run.metrics) == 10_000
    assert run.notes == ("the run has more than 10,000 metrics; the others were left out",)


def test_a_run_of_many_mebibytes_is_refused(tmp_path: Path) -> None:
    small(
        tmp_path,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
        " INSERT INTO params SELECT 'p' || i, printf('%.*c', 60000, 'x'), :run FROM n",
    ).close()

    with pytest.raises(TrackerError, match="more than 8 MiB of names and values"):
        opened(tmp_path).run(RUN)


def test_a_reading_that_takes_long_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitmodel.trackers.mlflow.sqlite._MAX_SECONDS", 0)
    small(
        tmp_path,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
        " INSERT INTO params SELECT 'p' || i, i, 'other' FROM n",
    ).close()

    with pytest.raises(TrackerError, match="takes more than 0 seconds"):
        opened(tmp_path).run(RUN)
