"""Replays what files said about one name along a first-parent line, also under earlier names.

A file belongs to the name that it contains, whatever its folder. If a commit gives a name to a file and no file had
the name before, and the same commit takes the same value from another name, then the history of that name comes
before. A file that does not parse is an unknown value of the name that it had before, else of the one that it has
next.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from gitmodel.project.history.historic_files import HistoricFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.git.history.line_log import LineChange, LineRecord
    from gitmodel.project.project import Project

_MOST_NAMES = 50  # of one model; more would only slow the search down


class Named(Protocol):
    """A file of gitmodel that contains the name of its model."""

    @property
    def name(self) -> str:
        """The name of the model."""


T = TypeVar("T", bound=Named)


@dataclass(frozen=True, slots=True)
class Step(Generic[T]):
    """What a name had from a commit on."""

    record: LineRecord
    value: T | None  # None if it was removed, or its file does not parse
    is_unknown: bool = False  # whether its file does not parse
    renamed_to: str | None = None  # another name has the value from this commit on


@dataclass(frozen=True, slots=True)
class Companion(Generic[T]):
    """A file that a commit changed: its value before and after."""

    before: T | None
    after: T | None


class Replay(ABC, Generic[T]):
    """Files of one kind on one line."""

    def __init__(self, project: Project) -> None:
        self._files = HistoricFiles(project)
        self._values: dict[tuple[str, str], T | None] = {}

    @abstractmethod
    def records(self, name: str) -> Sequence[LineRecord]:
        """The changes of files that may have a name, oldest first."""

    @abstractmethod
    def companions(self, record: LineRecord) -> Iterable[Companion[T]]:
        """The files that the commit of a record changed."""

    @abstractmethod
    def parsed(self, raw: bytes, path: str) -> T | None:
        """The value of a file, None if it does not parse."""

    @abstractmethod
    def is_same(self, one: T, other: T) -> bool:
        """Whether two values mean the same version."""

    def may_be_renamed(self, value: T) -> bool:  # noqa: ARG002
        """Whether the first value of a name may come from another name."""
        return True

    def steps(self, name: str) -> list[Step[T]]:
        """The values of a name, oldest first.

        Raises RepositoryError if a partial clone lacks a file and cannot fetch it.
        """
        return self._steps(name, None, frozenset())

    def _steps(self, name: str, end: int | None, later_names: frozenset[str]) -> list[Step[T]]:
        """The values of a name before a commit of the line."""
        names = later_names | {name}
        records = [one for one in self.records(name) if end is None or one.number < end]
        self._read([record.change for record in self.records(name)])
        found: list[Step[T]] = []
        state = _State(name, self._first_owners(name), self)
        for together in _by_commit(records):
            before, was_unknown = state.value, state.is_unknown
            cause = state.after(together)
            value = state.value
            if (value, state.is_unknown) == (before, was_unknown):
                continue
            renamed_to = None
            if before is not None and value is None and not state.is_unknown:
                renamed_to = self._new_name(cause, before, names)
            is_first = before is None and not was_unknown
            if is_first and value is not None and len(names) < _MOST_NAMES:
                earlier = self._old_name(cause, value, names)
                if earlier is not None:
                    found = self._steps(earlier, cause.number, names)
            found.append(Step(cause, value, state.is_unknown, renamed_to))
        return found

    def value(self, change: LineChange) -> T | None:
        """The value after a change; None if the file was removed, or does not parse."""
        if change.oid is None:
            return None
        key = change.oid, change.path
        if key not in self._values:
            self._read([change])
            self._values[key] = self.parsed(self._files.raw(change.oid), change.path)
        return self._values[key]

    def _first_owners(self, name: str) -> dict[str, str]:
        """By path the first name that its file had."""
        owners: dict[str, str] = {}
        for record in self.records(name):
            value = self.value(record.change)
            if value is not None:
                owners.setdefault(record.change.path, value.name)
        return owners

    def _old_name(self, cause: LineRecord, value: T, names: frozenset[str]) -> str | None:
        """The name that had a value before a commit, and lost it in that commit."""
        if not self.may_be_renamed(value):
            return None
        for before, after in ((one.before, one.after) for one in self.companions(cause)):
            if before is None or before.name in names or not self.is_same(before, value):
                continue
            if after is None or after.name != before.name:
                return before.name
        return None

    def _new_name(self, cause: LineRecord, value: T, names: frozenset[str]) -> str | None:
        """The name that got a value in a commit."""
        for one in self.companions(cause):
            after = one.after
            if after is not None and after.name not in names and self.is_same(after, value):
                return after.name
        return None

    def _read(self, changes: Sequence[LineChange]) -> None:
        self._files.read_all(changes)


def _by_commit(records: Sequence[LineRecord]) -> Iterable[list[LineRecord]]:
    together: list[LineRecord] = []
    for record in records:
        if together and together[0].number != record.number:
            yield together
            together = []
        together.append(record)
    if together:
        yield together


class _State(Generic[T]):
    """What the files say about one name while commits are applied."""

    def __init__(self, name: str, owners: dict[str, str], replay: Replay[T]) -> None:
        self.value: T | None = None
        self.is_unknown = False
        self._name = name
        self._owners = owners
        self._replay = replay
        self._files: dict[str, T | None] = {}  # None: does not parse

    def after(self, together: Sequence[LineRecord]) -> LineRecord:
        """Apply the changes of a commit; returns the one that decided the value."""
        cause = together[0]
        for record in together:
            path = record.change.path
            owner = self._owners.setdefault(path, self._name)
            value = self._replay.value(record.change)
            if value is not None:
                self._owners[path] = value.name
            if record.change.oid is None:
                self._files.pop(path, None)
            else:
                self._files[path] = value
            if self._name in (owner, self._owners[path]):
                cause = record
        own = [file for path, file in self._files.items() if self._owners[path] == self._name]
        known = [file for file in own if file is not None]
        self.value = known[-1] if known else None
        self.is_unknown = bool(own) and not known
        return cause
