"""Reads offline runs of W&B: `wandb/offline-run-*/run-ID.wandb`, which only `wandb sync` reads otherwise.

The SDK leaves neither `wandb-summary.json` nor `config.yaml` offline; the run file has everything. Its
writer keeps up to 32 KiB in memory, so a run that was killed early left an empty file, with its id in the
name alone.

Guarantee: a torn or damaged file gives what stands before the damage, and a note.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final

from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import TrackerError
from gitmodel.trackers.record_log.leveldb import BlockLog
from gitmodel.trackers.run_folder import file_name_text, list_folder, open_plain
from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.wandb.records import RunRecords
from gitmodel.trackers.wandb.values import flat_values, nested_values

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from gitmodel.trackers.run_metadata import RunStatus

_HEAD: Final = b":W&B\xe1\xbe"  # and a byte for the version, 0 since 2020
_VERSION: Final = 0
_MAX_BYTES: Final = 1 << 30  # 1 GiB
_MAX_RECORDS: Final = 10_000_000
_MAX_RUNS: Final = 200
_RUN_FILE: Final = re.compile(r"run-(.{1,128})\.wandb", re.DOTALL)
_RUN_FOLDER: Final = re.compile(r"offline-run-\d{8}_\d{6}-.{1,128}", re.DOTALL)


def read_offline(path: str) -> RunMetadata:
    """Return the run of a run file, or of the folder that has it.

    Raises:
        TrackerError: There is no run file, it cannot be read, or it exceeds a limit.
    """
    folder, name = os.path.split(path)
    if not name.endswith(".wandb"):
        return _read_folder(path, [])
    return _read_file(folder or ".", [], name)


def offline_runs(folder: str, since: float) -> list[RunMetadata]:
    """Return the offline runs of a folder `wandb` whose file was written to after a time, oldest first.

    A run that cannot be read has its id and a note.

    Args:
        folder: The folder; it may be missing.
        since: Seconds since 1970, UTC.

    Raises:
        TrackerError: The folder cannot be read, or more than 200 runs are that new.
    """
    if not os.path.isdir(folder):
        return []
    names = [name for name in list_folder(folder).folders if _RUN_FOLDER.fullmatch(name)]
    recent = [name for name in names if _modified(folder, name) >= since]
    if len(recent) > _MAX_RUNS:
        raise TrackerError(
            f"{quote_text(folder, limit=200)} has more than {_MAX_RUNS} offline runs that new",
            hint="name the run",
        )
    return [_read_or_note(folder, name) for name in recent]


def _modified(folder: str, name: str) -> float:
    """Return when the run file was last written to; 0 if there is none."""
    try:
        found = _run_file(folder, [name])
        with open_plain(folder, [name], found) as stream:
            return os.fstat(stream.fileno()).st_mtime
    except TrackerError:
        return 0.0


def _read_or_note(folder: str, name: str) -> RunMetadata:
    try:
        return _read_folder(folder, [name])
    except TrackerError as error:
        run_id = file_name_text(name.split("-", 3)[3])
        return RunMetadata(system="wandb", run_id=run_id, notes=(error.message,))


def _read_folder(root: str, parts: Sequence[str]) -> RunMetadata:
    return _read_file(root, parts, _run_file(root, parts))


def _run_file(root: str, parts: Sequence[str]) -> str:
    names = [name for name in list_folder(root, parts).files if _RUN_FILE.fullmatch(name)]
    if len(names) != 1:
        shown = quote_text(os.path.join(root, *parts), limit=200)
        raise TrackerError(
            f"{shown} has {len(names)} run files of W&B instead of one",
            hint="name a folder such as wandb/offline-run-20260131_120000-abcd1234",
        )
    return names[0]


def _read_file(root: str, parts: Sequence[str], name: str) -> RunMetadata:
    match = _RUN_FILE.fullmatch(name)
    run_id = file_name_text(match[1]) if match else None
    with open_plain(root, parts, name) as stream:
        shown = quote_text(os.path.join(root, *parts, name), limit=200)
        if os.fstat(stream.fileno()).st_size > _MAX_BYTES:
            raise TrackerError(f"the file has more than {_MAX_BYTES >> 30} GiB")
        head = stream.read(len(_HEAD) + 1)
        if head[: len(_HEAD)] != _HEAD or len(head) <= len(_HEAD):
            raise TrackerError("not a run file of W&B")
        if head[-1] != _VERSION:
            note = (
                f"{shown} has the unknown version {head[-1]} of the format: only its id was taken"
            )
            return RunMetadata(system="wandb", run_id=run_id, notes=(note,))
        return _read_records(stream, run_id, shown)


def _read_records(stream: BinaryIO, run_id: str | None, shown: str) -> RunMetadata:
    log = BlockLog(stream, start=len(_HEAD) + 1)
    records = RunRecords()
    for count, record in enumerate(log):
        if count == _MAX_RECORDS:
            raise TrackerError(f"a run has more than {_MAX_RECORDS:,} records")
        records.add(record)
    notes = []
    if log.problem is not None:
        notes.append(f"{shown}: {log.problem}; the records before it were read")
    if log.passed_over:
        notes.append(f"{shown}: {log.passed_over} records of more than 16 MiB were not read")
    return _metadata(records, run_id, notes)


def _metadata(records: RunRecords, run_id: str | None, notes: list[str]) -> RunMetadata:
    logged_only = records.history.filled and not records.summary.filled
    summary = nested_values((records.history if logged_only else records.summary).items())
    status: RunStatus = "running"
    if records.exit_code is not None:
        status = "finished" if records.exit_code == 0 else "failed"
    elif "run_id" in records.texts:
        notes.append("the run has no exit record: it goes on, or was killed")
    else:
        status = "unknown"
        notes.append(
            "the file has no run yet: the run goes on, or was killed before it was written"
        )
    if logged_only:
        notes.append("the run has no summary: its metrics are the last logged values")
    return RunMetadata(
        system="wandb",
        run_id=records.texts.get("run_id") or run_id,
        experiment=records.texts.get("project") or None,
        name=records.texts.get("name") or None,
        status=status,
        code=records.commit,
        metrics=flat_values(summary, lists=False),
        params=flat_values(nested_values(records.config.items()), lists=True),
        started=records.started,
        ended=_ended(records, summary) if records.exit_code is not None else None,
        notes=tuple(notes),
    )


def _ended(records: RunRecords, summary: dict[str, Any]) -> float | None:
    """Return when the run ended: by its run time, or by its last value if that is later.

    The run time of the exit record is in whole seconds.
    """
    if records.started is None:
        return None
    last = summary.get("_timestamp")
    logged = last if isinstance(last, int | float) and last < 1e11 else 0.0
    return max(records.started + records.runtime, logged)
