"""The records of a run file of W&B that say something about the run as a whole.

The SDK writes a record for each change, and the last change of a key counts. Field numbers are those of
`wandb_internal.proto`, and were compared with the classes of wandb 0.31.0:
https://github.com/wandb/wandb/blob/main/wandb/proto/wandb_internal.proto

Guarantee: values take at most `_MAX_BYTES` of memory, and JSON is parsed only once for each key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gitmodel.errors import TrackerError
from gitmodel.trackers.protobuf import BYTES, VARINT, fields, key, signed, text

if TYPE_CHECKING:
    from collections.abc import Mapping

Path = tuple[str, ...]

REMOVED: Final = b""  # stands for a value that was removed

_HISTORY, _SUMMARY, _CONFIG = key(2, BYTES), key(3, BYTES), key(5, BYTES)
_RUN, _EXIT, _ENVIRONMENT = key(17, BYTES), key(18, BYTES), key(26, BYTES)
_UPDATE, _REMOVE = key(1, BYTES), key(2, BYTES)  # of a summary and a configuration
_ITEM: Final = key(1, BYTES)  # of a step of the history
_KEY, _NESTED_KEY, _VALUE_JSON = key(1, BYTES), key(2, BYTES), key(16, BYTES)
_RUN_TEXTS: Final = {
    key(1, BYTES): "run_id",
    key(2, BYTES): "entity",
    key(3, BYTES): "project",
    key(8, BYTES): "name",
}
_RUN_CONFIG, _RUN_SUMMARY = key(4, BYTES), key(5, BYTES)
_RUN_START, _RUN_GIT = key(17, BYTES), key(21, BYTES)
_ENVIRONMENT_GIT: Final = key(9, BYTES)
_COMMIT: Final = key(2, BYTES)
_SECONDS, _NANOS = key(1, VARINT), key(2, VARINT)
_EXIT_CODE, _EXIT_RUNTIME, _NOT_COMPLETE = key(1, VARINT), key(2, VARINT), key(3, VARINT)

_MAX_KEYS: Final = 10_000
_MAX_PARTS: Final = 32  # of a nested key
_MAX_BYTES: Final = 8 << 20  # 8 MiB of JSON, which can take 20 times as much memory


class JsonValues:
    """Values by path, each as JSON, in the order in which they were set.

    Attributes:
        filled: A value was set that is not one of the SDK's own.
    """

    def __init__(self) -> None:
        self.filled = False
        self._values: dict[Path, bytes] = {}
        self._size = 0

    def items(self) -> Mapping[Path, bytes]:
        """Return the values and `REMOVED`; a later one also replaces those below its path."""
        return self._values

    def set(self, item: bytes) -> None:
        """Set a value, as an item says.

        Raises:
            TrackerError: The item is no message, or there are too many values.
        """
        path, value = _item(item)
        if path:
            self._put(path, value)
            self.filled = self.filled or not path[0].startswith("_")

    def remove(self, item: bytes) -> None:
        """Remove a value, and those below its path."""
        path, _ = _item(item)
        if path:
            self._put(path, REMOVED)

    def _put(self, path: Path, value: bytes) -> None:
        self._forget(path)
        self._values[path] = value
        self._size += len(value) + sum(map(len, path))
        if len(self._values) > _MAX_KEYS or self._size > _MAX_BYTES:
            raise TrackerError(
                f"a run has more than {_MAX_KEYS:,} values, or more than {_MAX_BYTES >> 20} MiB of them"
            )

    def _forget(self, path: Path) -> None:
        old = self._values.pop(path, None)
        if old is not None:
            self._size -= len(old) + sum(map(len, path))


@dataclass(slots=True)
class RunRecords:
    """What the records of a file have said so far.

    Attributes:
        texts: `run_id`, `entity`, `project` and `name`, as far as they are known.
        config: What the run was given.
        summary: Its last values, as the SDK has them.
        history: Last logged values before the first summary.
        started: Seconds since 1970, UTC.
        commit: Commit of the code.
        exit_code: None while there is no exit record.
        runtime: Seconds from start to end.
    """

    texts: dict[str, str] = field(default_factory=dict)
    config: JsonValues = field(default_factory=JsonValues)
    summary: JsonValues = field(default_factory=JsonValues)
    history: JsonValues = field(default_factory=JsonValues)
    started: float | None = None
    commit: str | None = None
    exit_code: int | None = None
    runtime: int = 0

    def add(self, record: bytes) -> None:
        """Take in one record.

        Raises:
            TrackerError: It is no message, or a limit is exceeded.
        """
        for found, _, raw in fields(record):
            if found == _SUMMARY:
                self._update(self.summary, raw)
            elif found == _HISTORY and not self.summary.filled:
                for inner, _, item in fields(raw):
                    if inner == _ITEM:
                        self.history.set(item)
            elif found == _CONFIG:
                self._update(self.config, raw)
            elif found == _RUN:
                self._run(raw)
            elif found == _EXIT:
                self._exit(raw)
            elif found == _ENVIRONMENT:
                self._git(raw, _ENVIRONMENT_GIT)

    @staticmethod
    def _update(values: JsonValues, message: bytes) -> None:
        for found, _, item in fields(message):
            if found == _UPDATE:
                values.set(item)
            elif found == _REMOVE:
                values.remove(item)

    def _run(self, message: bytes) -> None:
        for found, _, raw in fields(message):
            name = _RUN_TEXTS.get(found)
            if name is not None:
                self.texts[name] = text(raw)
            elif found == _RUN_CONFIG:
                self._update(self.config, raw)
            elif found == _RUN_SUMMARY:
                self._update(self.summary, raw)
            elif found == _RUN_START:
                self.started = _timestamp(raw)
        self._git(message, _RUN_GIT)

    def _git(self, message: bytes, where: int) -> None:
        for found, _, raw in fields(message):
            if found == where:
                for inner, _, commit in fields(raw):
                    if inner == _COMMIT:
                        self.commit = text(commit) or self.commit

    def _exit(self, message: bytes) -> None:
        code = runtime = incomplete = 0
        for found, integer, _ in fields(message):
            if found == _EXIT_CODE:
                code = signed(integer)
            elif found == _EXIT_RUNTIME:
                runtime = signed(integer)
            elif found == _NOT_COMPLETE:
                incomplete = integer
        if not incomplete:  # else the run is to be continued later
            self.exit_code, self.runtime = code, runtime


def _item(message: bytes) -> tuple[Path, bytes]:
    """Return path and JSON of an item; an item without a name has no path."""
    name, value = "", b"null"
    nested: list[str] = []
    for found, _, raw in fields(message):
        if found == _KEY:
            name = text(raw)
        elif found == _NESTED_KEY:
            nested.append(text(raw))
            if len(nested) > _MAX_PARTS:
                raise TrackerError(f"a key has more than {_MAX_PARTS} parts")
        elif found == _VALUE_JSON:
            value = raw
    return tuple(nested) or ((name,) if name else ()), value


def _timestamp(message: bytes) -> float:
    seconds = nanos = 0
    for found, integer, _ in fields(message):
        if found == _SECONDS:
            seconds = signed(integer)
        elif found == _NANOS:
            nanos = signed(integer)
    return seconds + nanos / 1e9
