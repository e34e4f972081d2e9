"""What the first-parent line of a commit did to gitmodel's files, with an on-disk index in large repositories.

The first-parent line of a branch is the commits that were its tip, if people merge into it. A merge counts as one
change: what it made of its first parent. Which changes a line has is a function of its tip, so an index is never
stale. `git log --first-parent` takes 250 ms for 12,000 commits.

**The clock of the line.** The time of a commit is the greatest committer time of it and of the commits before it on
the line. So times never go back along the line, and depend on the commit alone.

The index is one file, `<common folder>/gitmodel/history/first-parent-2` (see `line_file`). A line with another tip
is read from Git down to the first commit that the file has. It is not used in shallow or grafted clones, where
commits have other parents than they name.

Guarantee: with and without the index the answers are the same. A file that cannot be read, or is damaged, is
treated as missing.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.files.safe_open import replace_file
from gitmodel.git.history.cached import has_few_objects
from gitmodel.git.history.line_file import StoredLine, packed_line, stem_of
from gitmodel.git.history.line_log import (
    ALIASES,
    SUFFIXES,
    read_changes,
    read_graph,
    records_of,
    times_of,
)
from gitmodel.git.history.segment import DamagedSegmentError
from gitmodel.git.history.walk import History

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.git.history.line_log import Graph, LineChange, LineRecord
    from gitmodel.git.repository import Repository

_FOLDER = ("gitmodel", "history")
_FILE = "first-parent-2"
_EARLIER_FILE = "first-parent-1"  # of earlier builds, which had alias files only
_WORTH_WRITING = 512  # new commits; Git walks this many in 10 ms


@dataclass(frozen=True, slots=True)
class Line:
    """The first-parent line of a commit."""

    oldest: str  # the oldest commit that this clone has
    oldest_time: int  # Unix seconds, by the clock of the line
    tip_time: int
    count: int  # of its commits, as far as this clone has them
    # the changes of commits that are not in the index, newest first
    _fresh: Sequence[LineRecord] = ()
    _stored: StoredLine | None = None
    _kept: int = 0  # how many commits of the index belong to the line
    # what was read, by the stem; of alias files by a slash, which no stem has
    _read: dict[str, list[LineRecord]] = field(default_factory=dict)

    def aliases(self) -> list[LineRecord]:
        """The changes to alias files, newest first."""
        if "/" not in self._read:
            stored = [] if self._stored is None else self._stored.aliases(self._kept)
            fresh = [one for one in self._fresh if one.change.path.endswith(ALIASES)]
            self._read["/"] = fresh + stored
        return self._read["/"]

    def of_stem(self, stem: str) -> list[LineRecord]:
        """The changes to pointers and deprecations with a stem, `fraud` for `fraud.model.yaml`, newest first."""
        if stem not in self._read:
            stored = [] if self._stored is None else self._stored.of_stem(stem, self._kept)
            fresh = [
                one
                for one in self._fresh
                if not one.change.path.endswith(ALIASES) and stem_of(one.change.path) == stem
            ]
            self._read[stem] = fresh + stored
        return self._read[stem]

    def all(self, least: int = 0) -> list[LineRecord]:
        """The changes to pointers, aliases and deprecations, newest first; those of a commit are neighbours.

        Without those of the oldest `least` commits.
        """
        fresh = [one for one in self._fresh if one.number >= least]
        if self._stored is None or least >= self._kept:
            return fresh
        return [*fresh, *self._stored.all(least, self._kept)]

    def first_at(self, time: int) -> int:
        """The number of a commit; every change with this time or a later one is of it or of one above it."""
        at = 0 if self._stored is None else self._stored.first_at(time, self._kept)
        if at < self._kept:
            return at
        numbers = (one.number for one in self._fresh if one.time >= time)
        return min(numbers, default=self.count)


class FirstParentHistory:
    """First-parent lines of one repository.

    The index is written for at least `worth_writing` new commits. With `is_small` Git is read without an
    index; None decides by the number of objects.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        worth_writing: int = _WORTH_WRITING,
        is_small: bool | None = None,
    ) -> None:
        self._repository = repository
        self._worth_writing = worth_writing
        self._is_small = is_small
        self._folder = os.path.join(repository.common_dir, *_FOLDER)
        self._oid_length = 32 if repository.object_format == "sha256" else 20

    def changes(self, tip: str, suffix: str = ALIASES) -> list[LineChange]:
        """The changes of a commit and its first parents to files whose path ends with `suffix`, newest first.

        The tip is an object id; the suffix must end with that of alias files. One process in a small
        repository, none if the index ends with this tip, else at most four.
        """
        if not self._has_index():
            return read_changes(self._repository, (tip,), (suffix,))
        records = self._indexed(tip).aliases()
        return [one.change for one in records if one.change.path.endswith(suffix)]

    def commit(self, commit: str) -> list[LineChange]:
        """The changes of one commit, compared with its first parent. One process."""
        return [
            one
            for one in read_changes(self._repository, (commit,), SUFFIXES, most=1)
            if one.commit == commit
        ]

    def line(self, tip: str) -> Line:
        """The line of a commit, with all changes and their times.

        The tip is an object id. No process if the index ends with this tip; else at most four, and in a
        small repository at most three.
        """
        if self._has_index():
            return self._indexed(tip)
        graph = read_graph(self._repository, tip)
        return _new_line(graph, self._records(graph, (tip,)))

    def _has_index(self) -> bool:
        history = History(self._repository)
        if history.is_altered() or history.lacks_trees():
            return False
        few = has_few_objects(self._repository) if self._is_small is None else self._is_small
        return not few

    def _records(
        self, graph: Graph, revisions: Sequence[str], before: tuple[int, int] = (0, 0)
    ) -> list[LineRecord]:
        changes = read_changes(self._repository, revisions, SUFFIXES)
        return records_of(self._repository, graph, changes, revisions, before=before)

    def _indexed(self, tip: str) -> Line:
        try:
            stored = self._read()
            if stored is not None:
                found = self._above(tip, stored)
                if found is not None:
                    return found
        except DamagedSegmentError:
            pass
        graph = read_graph(self._repository, tip)
        records = self._records(graph, (tip,))
        self._write(None, 0, graph, records, 0)
        return _new_line(graph, records)

    def _above(self, tip: str, stored: StoredLine) -> Line | None:
        """The line of a tip whose older part is stored; None if they do not meet."""
        at = stored.find(tip)
        if at is not None:
            return _stored_line(stored, at + 1)
        graph = read_graph(self._repository, tip, stored.tip)
        at = None if graph.meets is None else stored.find(graph.meets)
        if at is None:
            return None
        meets = stored.commit(at)
        if meets != stored.tip:  # what only the stored tip has may be new to this line
            graph = read_graph(self._repository, tip, meets)
        start = stored.time(at)
        records = self._records(graph, (tip, f"^{meets}"), (at + 1, start))
        self._write(stored, at + 1, graph, records, start)
        line = _stored_line(stored, at + 1)
        return Line(
            line.oldest,
            line.oldest_time,
            times_of(graph, start)[tip],
            at + 1 + len(graph.line),
            records,
            stored,
            at + 1,
        )

    def _read(self) -> StoredLine | None:
        try:
            with open(os.path.join(self._folder, _FILE), "rb") as stream:
                return StoredLine(stream.read(), oid_length=self._oid_length)
        except OSError:
            return None

    def _write(
        self,
        stored: StoredLine | None,
        kept: int,
        graph: Graph,
        records: Sequence[LineRecord],
        start: int,
    ) -> None:
        if len(graph.line) < self._worth_writing:
            return
        times = times_of(graph, start)
        data = packed_line(stored, kept, graph.line, times, records, oid_length=self._oid_length)
        with suppress(OSError):  # a full disk or a read-only repository
            replace_file(os.path.join(self._folder, _FILE), data)
            os.unlink(os.path.join(self._folder, _EARLIER_FILE))


def _new_line(graph: Graph, records: Sequence[LineRecord]) -> Line:
    times = times_of(graph)
    oldest, tip = graph.line[-1], graph.line[0]
    return Line(oldest, times[oldest], times[tip], len(graph.line), records)


def _stored_line(stored: StoredLine, kept: int) -> Line:
    return Line(stored.commit(0), stored.time(0), stored.time(kept - 1), kept, (), stored, kept)
