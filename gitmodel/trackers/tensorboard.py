"""Reads a run from the event files of TensorBoard, in the folder that its writer was given.

Metrics are the last values of the scalar tags, by step and time. `add_hparams` of PyTorch and
tensorboardX writes into a sub-folder of its own, Keras into `train` and `validation`; these belong to the
run, whereas any other sub-folder is another run.

Guarantee: a metric that was written as a float of 32 bits is returned as the shortest decimal that stands
for it: 0.9, and not 0.8999999761581421.
"""

from __future__ import annotations

import math
import os
import re
from itertools import islice
from typing import TYPE_CHECKING, Final

from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import TrackerError
from gitmodel.trackers.event_files.events import read_events
from gitmodel.trackers.event_files.hparams import SESSION_START, read_hparams
from gitmodel.trackers.record_log.tfrecord import MAX_RECORD, RecordFile
from gitmodel.trackers.run_folder import file_name_text, list_folder, open_plain
from gitmodel.trackers.run_metadata import RunMetadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from gitmodel.trackers.event_files.events import Event
    from gitmodel.trackers.event_files.tensors import Number

_PARTS: Final = frozenset({"eval", "train", "validation"})  # sub-folders of Estimator and Keras
_MAX_FILES: Final = 1_000  # of one run
_MAX_FOLDERS: Final = 1_000  # that are looked into
_MAX_TAGS: Final = 10_000
_MAX_TAG: Final = 1_000  # characters
_MAX_PARAMS_BYTES: Final = 8 << 20  # 8 MiB
_MAX_COUNT: Final = 10_000_000  # of events and their values
_MAX_BYTES: Final = 1 << 30  # 1 GiB of records that are no longer than `MAX_RECORD`
# A writer puts the start of a session, and hyperparameters, before its first value.
_HEAD: Final = 8
_TIME: Final = re.compile(r"[0-9]+\.[0-9]+")


def read_run(folder: str) -> RunMetadata:
    """Return the run whose writer was given `folder`.

    Raises:
        TrackerError: There are no event files, they cannot be read, or they exceed a limit.
    """
    listing = list_folder(folder)
    run = _Run(folder)
    run.read([], _event_files(listing.files))
    below = {name: _files_below(folder, name) for name in listing.folders[:_MAX_FOLDERS]}
    below = {name: files for name, files in below.items() if files}
    sessions = [
        name
        for name, files in below.items()
        if name not in _PARTS and _has_hparams(folder, name, files[0])
    ]
    own = _PARTS.union(_of_this_run(sessions))
    for name, files in below.items():
        if name in own:
            run.read([name], files, prefix=f"{name}/" if name in _PARTS else "")
    others = len(below.keys() - own)
    if not run.files:
        raise TrackerError(
            f"no event files of TensorBoard in {quote_text(folder, limit=200)}",
            hint="name the folder of one run" if others else None,
        )
    if others:
        run.notes.append(f"{others} sub-folders with event files are other runs, and were not read")
    if len(listing.folders) > _MAX_FOLDERS:
        run.notes.append(f"only the first {_MAX_FOLDERS:,} sub-folders were looked into")
    return run.metadata()


def _event_files(names: Iterable[str]) -> list[str]:
    return [name for name in names if "tfevents" in name]


def _of_this_run(sessions: list[str]) -> list[str]:
    """Return the sub-folders with hyperparameters that belong to the run.

    `add_hparams` names one by its time, or as it is told. Several of other names are the runs of a search.
    """
    return sessions if len(sessions) == 1 else [name for name in sessions if _TIME.fullmatch(name)]


def _files_below(root: str, folder: str) -> list[str]:
    """Return the event files of a sub-folder; none if it cannot be listed, as one of 20,000 images."""
    try:
        return _event_files(list_folder(root, [folder]).files)[: _MAX_FILES + 1]
    except TrackerError:
        return []


def _has_hparams(root: str, folder: str, name: str) -> bool:
    """Return whether the sub-folder is one of `add_hparams`; damage in another run does not matter."""
    try:
        with open_plain(root, [folder], name) as stream:
            events = islice(read_events(RecordFile(stream)), _HEAD)
            return any(value.tag == SESSION_START for event in events for value in event.values)
    except TrackerError:
        return False


class _Run:
    """What was read of one run so far."""

    def __init__(self, folder: str) -> None:
        self.notes: list[str] = []
        self.files = 0
        self._folder = folder
        self._last: dict[str, tuple[int, float, Number]] = {}
        self._went_back: set[str] = set()  # tags whose latest value has an earlier step
        self._params: dict[str, object] = {}
        self._params_bytes = 0
        self._started, self._ended = math.inf, 0.0
        self._count = 0
        self._bytes = 0
        self._passed_over = 0

    def read(self, parts: Sequence[str], names: Sequence[str], *, prefix: str = "") -> None:
        """Read the event files of one folder, in the order of their names."""
        self.files += len(names)
        if self.files > _MAX_FILES:
            raise TrackerError(f"a run has more than {_MAX_FILES:,} event files")
        limits = self._limits(parts, names)
        for name, limit in zip(names, limits, strict=True):
            with open_plain(self._folder, parts, name) as stream:
                self._read_file(stream, "/".join([*parts, name]), prefix, limit)

    def _limits(self, parts: Sequence[str], names: Sequence[str]) -> list[float]:
        """Return the step of each file from which on later sessions began anew."""
        limit = math.inf
        limits = []
        for name in reversed(names):
            limits.append(limit)
            if len(names) > 1:
                with open_plain(self._folder, parts, name) as stream:
                    limit = min([limit, *_restarts(stream)])
        return limits[::-1]

    def _read_file(self, stream: BinaryIO, name: str, prefix: str, limit: float) -> None:
        records = RecordFile(stream)
        for event in read_events(self._counted(records)):
            if 0 < event.wall_time < math.inf:
                self._started = min(self._started, event.wall_time)
                self._ended = max(self._ended, event.wall_time)
            if event.step < limit:
                self._add(event, prefix)
        self._passed_over += records.passed_over
        if records.problem is not None:
            self.notes.append(
                f"{quote_text(name, limit=200)}: {records.problem}; the events before it were read"
            )

    def _counted(self, records: Iterable[bytes]) -> Iterator[bytes]:
        for record in records:
            self._count += 1
            self._bytes += len(record)
            if self._count > _MAX_COUNT or self._bytes > _MAX_BYTES:
                raise TrackerError(
                    f"a run has more than {_MAX_COUNT:,} events and values, or"
                    f" {_MAX_BYTES >> 30} GiB of them"
                )
            yield record

    def _add(self, event: Event, prefix: str) -> None:
        self._count += len(event.values)
        for value in event.values:
            if value.number is not None:
                self._add_scalar(event, prefix + value.tag, value.number)
            elif value.tag == SESSION_START and value.plugin == "hparams":
                self._params_bytes += len(value.content)
                self._params |= read_hparams(value.content)
                if len(self._params) > _MAX_TAGS or self._params_bytes > _MAX_PARAMS_BYTES:
                    raise TrackerError(
                        f"a run has more than {_MAX_TAGS:,} hyperparameters, or"
                        f" {_MAX_PARAMS_BYTES >> 20} MiB of them"
                    )

    def _add_scalar(self, event: Event, tag: str, number: Number) -> None:
        known = self._last.get(tag)
        if known is None:
            if len(tag) > _MAX_TAG or len(self._last) == _MAX_TAGS:
                raise TrackerError(
                    f"a run has more than {_MAX_TAGS:,} tags, or a tag of more than"
                    f" {_MAX_TAG:,} characters"
                )
        elif (event.step, event.wall_time) < known[:2]:
            if event.wall_time > known[1]:
                self._went_back.add(tag)
            return
        self._went_back.discard(tag)
        self._last[tag] = event.step, event.wall_time, number

    def metadata(self) -> RunMetadata:
        """Return the run."""
        if self._went_back:
            self.notes.append(
                f"{len(self._went_back)} metrics were last written at an earlier step, as after a"
                " restart; the value of the greatest step is taken"
            )
        if self._passed_over:
            self.notes.append(
                f"{self._passed_over} records of more than {MAX_RECORD >> 20} MiB were not read;"
                " they hold no scalars"
            )
        return RunMetadata(
            system="tensorboard",
            name=file_name_text(os.path.basename(os.path.abspath(self._folder))) or None,
            metrics={tag: _shortest(last[2]) for tag, last in self._last.items()},
            params=self._params,
            started=self._started if self._ended else None,
            ended=self._ended or None,
            notes=tuple(self.notes),
        )


def _restarts(stream: BinaryIO) -> list[int]:
    """Return the steps at which the sessions of a file start anew."""
    return [event.step for event in islice(read_events(RecordFile(stream)), _HEAD) if event.restart]


def _shortest(number: Number) -> float | int:
    if not number.single:
        return number.value
    import numpy as np

    return float(str(np.float32(number.value)))
