"""Reads runs from the SQLite database of an MLflow store.

The database may be in use, or a stranger's. It is opened read-only; SQLite may run nothing but SELECT
on plain tables (no view, trigger, function or virtual table); texts, rows and time are bounded.
Guarantee: no file is written or made, beside the database neither.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import TrackerError
from gitmodel.trackers.mlflow.collected import MAX_DATA, MAX_METRICS, MAX_PARAMS, Collected
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
    import sqlite3
    from collections.abc import Iterator

    from gitmodel.trackers.run_metadata import RunMetadata

_MAX_SECONDS = 10
_MAX_VALUE = 1 << 20  # 1 MiB: of one text or row
_MAX_SAME_NAME = 100
_WAIT_SECONDS = 2  # for a program that writes
_HEAD = b"SQLite format 3\0"
_WAL = 2  # in bytes 18 and 19 of the head: changes are in a file `-wal`
_TABLES = ("runs", "experiments", "latest_metrics", "params", "tags", "inputs", "datasets")
_REQUIRED = ("runs", "experiments", "latest_metrics", "params", "tags")
_HINT = "check the address; it must be that of an MLflow tracking database"

# Only columns that every release since 2.9 has; 3.x adds `workspace` to many tables.
_METRICS = "SELECT key, value, is_nan FROM latest_metrics WHERE run_uuid = ? LIMIT ?"
_PARAMS = "SELECT key, value FROM params WHERE run_uuid = ? LIMIT ?"
_TAGS = (
    "SELECT key, value FROM tags WHERE run_uuid = ? AND key IN "
    "('mlflow.source.git.commit', 'mlflow.parentRunId', 'mlflow.runName') LIMIT 3"
)
_DATA = (
    "SELECT datasets.name, datasets.digest, datasets.dataset_source FROM inputs"
    " JOIN datasets ON datasets.dataset_uuid = inputs.source_id"
    " WHERE inputs.destination_id = ? AND inputs.destination_type = 'RUN'"
    " AND inputs.source_type = 'DATASET' LIMIT ?"
)
_RUN = (
    "SELECT run_uuid, name, status, lifecycle_stage, start_time, end_time, experiment_id"
    " FROM runs WHERE run_uuid = ? LIMIT 1"
)
_BY_NAME = "SELECT experiment_id FROM experiments WHERE name = ? LIMIT ?"
_BY_ID = "SELECT experiment_id FROM experiments WHERE experiment_id = ? LIMIT ?"
_RECENT = (
    "SELECT run_uuid FROM runs WHERE status = 'FINISHED' AND lifecycle_stage = 'active'"
    " AND end_time >= ? {where} ORDER BY start_time DESC, run_uuid LIMIT ?"
)


class SqliteStore:
    """The runs in one database.

    Args:
        path: The database.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._where = f"the MLflow database {quote_text(path, limit=200)}"

    def run(self, run_id: str) -> RunMetadata:
        """Read one run; see `MlflowStore`."""
        check_run_id(run_id, self._where)
        with self._reading() as database:
            return self._run(database, run_id)

    def recent_runs(self, experiment: str | None, since: float, limit: int) -> list[RunMetadata]:
        """Read the newest finished runs; see `MlflowStore`."""
        with self._reading() as database:
            numbers = self._experiments(database, experiment)
            marks = ", ".join("?" * len(numbers))
            where = f"AND experiment_id IN ({marks})" if experiment is not None else ""
            values = (milliseconds(since), *numbers, bounded(limit))
            rows = database.execute(_RECENT.format(where=where), values).fetchall()
            return [self._run(database, run_id) for (run_id,) in rows if is_run_id(run_id)]

    def _experiments(self, database: sqlite3.Connection, experiment: str | None) -> list[object]:
        if experiment is None:
            return []
        for text in (_BY_NAME, _BY_ID):
            # Several where workspaces of 3.x have experiments of the same name.
            rows = database.execute(text, (experiment, _MAX_SAME_NAME)).fetchall()
            if rows:
                return [number for (number,) in rows]
        return no_such_experiment(experiment, self._where)

    def _run(self, database: sqlite3.Connection, run_id: str) -> RunMetadata:
        row = database.execute(_RUN, (run_id,)).fetchone()
        if row is None:
            no_such_run(run_id, self._where)
        _, name, status, lifecycle, started, ended, experiment_id = row
        collected = Collected(database=True)
        for key, value, is_nan in database.execute(_METRICS, (run_id, MAX_METRICS + 1)):
            collected.add_metric(key, "NaN" if is_nan else value)
        for key, value in database.execute(_PARAMS, (run_id, MAX_PARAMS + 1)):
            collected.add_param(key, value)
        for key, value in database.execute(_TAGS, (run_id,)):
            collected.add_tag(key, value)
        if {"inputs", "datasets"} <= _plain_tables(database):
            for data in database.execute(_DATA, (run_id, MAX_DATA + 1)):
                collected.add_data(*data)
        return collected.finish(
            run_id=run_id,
            status=run_status(status, lifecycle),
            name=name,
            experiment=self._experiment_name(database, experiment_id),
            started=seconds(started),
            ended=seconds(ended),
        )

    def _experiment_name(self, database: sqlite3.Connection, number: object) -> object:
        text = "SELECT name FROM experiments WHERE experiment_id = ? LIMIT 1"
        row = database.execute(text, (number,)).fetchone()
        return row[0] if row else None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        import sqlite3  # takes 5 ms

        address = self._address()
        try:
            with closing(_opened(address)) as database:
                missing = [one for one in _REQUIRED if one not in _plain_tables(database)]
                if missing:
                    raise TrackerError(
                        f"{self._where} has no table {quote_text(missing[0])}", hint=_HINT
                    )
                self._refuse_computed(database)
                yield database
        except (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError) as error:
            raise self._explained(error) from error
        if address.endswith("immutable=1") and os.path.exists(f"{self._path}-wal"):
            raise self._busy("another program began to write it")

    def _refuse_computed(self, database: sqlite3.Connection) -> None:
        """Refuse computed columns: one call of a function may take long, and cannot be interrupted."""
        for table in sorted(_plain_tables(database)):
            columns = database.execute(f"PRAGMA table_xinfo({table})").fetchall()
            if any(hidden for *_, hidden in columns):
                raise TrackerError(
                    f"{self._where} has computed columns in the table {quote_text(table)}",
                    hint=_HINT,
                )

    def _address(self) -> str:
        """Return the address for SQLite, so that it makes no file.

        In the mode WAL a reader would make the files `-wal` and `-shm` if they are missing. Without
        `-wal` there is no writer, and the database can be read as a file that does not change.

        Raises:
            TrackerError: There is no readable database.
        """
        from urllib.parse import quote

        try:
            state = os.stat(self._path)
            if not stat.S_ISREG(state.st_mode):
                raise TrackerError(f"{self._where} is not a file", hint=_HINT)
            with open(self._path, "rb") as file:
                head = file.read(20)
            wal, shared = (os.path.exists(f"{self._path}{ending}") for ending in ("-wal", "-shm"))
        except FileNotFoundError as error:
            raise TrackerError(f"{self._where} does not exist", hint=_HINT) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a valid path"
            raise TrackerError(f"{self._where} cannot be read: {reason}", hint=_HINT) from error
        if not head.startswith(_HEAD):
            raise TrackerError(f"{self._where} is not a SQLite database", hint=_HINT)
        address = f"file:{quote(self._path.encode('utf-8', 'surrogateescape'))}?mode=ro"
        if _WAL not in head[18:]:
            return address
        if not wal:
            return f"{address}&immutable=1"
        if not shared:
            raise self._busy("the program that wrote it was killed")
        return f"{address}&readonly_shm=1"

    def _busy(self, reason: str) -> TrackerError:
        return TrackerError(
            f"{self._where} cannot be read now: {reason}",
            hint="start and stop MLflow on this database, then run the same command again",
        )

    def _explained(self, error: Exception) -> TrackerError:
        reason = str(error)
        if reason == "interrupted":
            return TrackerError(
                f"reading {self._where} takes more than {_MAX_SECONDS} seconds", hint=_HINT
            )
        if "locked" in reason or "busy" in reason:
            return TrackerError(
                f"{self._where} is locked by a program that writes it",
                hint="run the same command again when that program is done",
            )
        return TrackerError(
            f"{self._where} cannot be read: {quote_text(reason, limit=200)}", hint=_HINT
        )


def _opened(address: str) -> sqlite3.Connection:
    """Open a database of a stranger for reading."""
    import sqlite3

    database = sqlite3.connect(address, uri=True, timeout=_WAIT_SECONDS, isolation_level=None)
    try:
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
        database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA query_only = ON")
        database.execute("PRAGMA temp_store = MEMORY")
        # With mmap, a file that is cut short meanwhile would kill the process.
        database.execute("PRAGMA mmap_size = 0")
        database.set_authorizer(_permit)
        end = time.monotonic() + _MAX_SECONDS
        database.set_progress_handler(lambda: time.monotonic() > end, 1000)
        database.execute("BEGIN")  # all answers are of one state of the database
    except BaseException:
        database.close()
        raise
    return database


def _permit(action: int, table: Any, _column: Any, _database: Any, inside: Any) -> int:
    """Permit SELECT on the tables of MLflow; nothing inside a view or trigger, and no function."""
    import sqlite3

    plain = inside is None and table in {*_TABLES, "sqlite_master"}
    read = action == sqlite3.SQLITE_READ and plain
    if action == sqlite3.SQLITE_PRAGMA and table == "table_xinfo":
        return sqlite3.SQLITE_OK
    begins = action == sqlite3.SQLITE_TRANSACTION or (
        action == sqlite3.SQLITE_SELECT and inside is None
    )
    return sqlite3.SQLITE_OK if read or begins else sqlite3.SQLITE_DENY


def _plain_tables(database: sqlite3.Connection) -> set[str]:
    """Names of the tables of MLflow that are plain tables; virtual tables have no root page."""
    rows = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 LIMIT 10000"
    )
    return {name for (name,) in rows if name in _TABLES}
