"""An on-disk index of pointer changes per commit, so repeated history queries do not diff again.

Git takes seconds to compare 100,000 commits with their parents, but the result for one commit never changes.
The index stores it in segments (see `segment`). Which commits are reachable, and their order, is read from Git
by one walk without diffs, again after any ref has moved. The index therefore never becomes stale: a force push,
a rebase or a deleted branch changes which commits are reachable, not what a commit changed. It is not used in
shallow or grafted clones, where commits have other parents than they name.

Words: a *segment* is one file of the index; *loose* commits are in no segment. A small repository has no index,
because one walk with diffs is faster than two processes.

Guarantee: `CachedHistory(r).snapshot().named(n) == History(r).all_refs_changes(n)`.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from itertools import chain
from typing import TYPE_CHECKING, Protocol, Self

from gitmodel.domain.pointer import POINTER_SUFFIX
from gitmodel.git.history.segment import (
    BUCKETS,
    DamagedSegmentError,
    SegmentBuilder,
    bucket_of,
    change_of,
)
from gitmodel.git.history.segment_folder import SegmentFolder
from gitmodel.git.history.walk import History

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gitmodel.git.history.segment import Segment
    from gitmodel.git.history.walk import Change
    from gitmodel.git.repository import Repository

_SMALL = 8000  # objects, at most 3,000 commits; Git compares them in 0.1 s
_INDEX_BYTES = 32  # approximate size of an object in a pack's index
_WORTH_KEEPING = 256  # commits; Git compares this many in 10 ms
_WORTH_ORDERING = 4096  # commits; Git walks this many in 12 ms
_AT_ONCE = 2**17  # commits in memory before they are written: about 40 MiB
_ATTEMPTS = 3  # each attempt removes a damaged segment; after that the index is not used


def has_few_objects(repository: Repository, most: int = _SMALL) -> bool:
    """Whether a repository has fewer than `most` objects, by an estimate. No process.

    Objects in an alternate cannot be counted, so a repository with one is never small.
    """
    objects = os.path.join(repository.common_dir, "objects")
    if os.path.exists(os.path.join(objects, "info", "alternates")):
        return False
    count = 0
    with suppress(FileNotFoundError), os.scandir(os.path.join(objects, "pack")) as packs:
        sizes = (pack.stat().st_size for pack in packs if pack.name.endswith(".idx"))
        count += sum(sizes) // _INDEX_BYTES
    # Extrapolate from one of 256 folders, as `git gc --auto` does.
    with suppress(FileNotFoundError):
        count += 256 * len(os.listdir(os.path.join(objects, "17")))
    return count < most


class Snapshot(Protocol):
    """The history of all refs at one moment; a context manager."""

    def named(self, file_name: str) -> list[Change]:
        """The changes to files with this name, in any folder; newest first."""

    def several(self, file_names: Collection[str]) -> dict[str, list[Change]]:
        """As `named`, for many names; includes names without changes."""

    def pointers(self) -> list[Change]:
        """The changes to all pointers; newest first."""

    def close(self) -> None:
        """Close open files; idempotent."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class CachedHistory:
    """History of one repository, with its index in `<common folder>/gitmodel/history`; close it.

    A `history` passed in is read without an index, as is a repository of fewer than `small` objects.
    `worth_keeping` loose commits are worth a segment, and `worth_ordering` commits a file of their order.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        history: History | None = None,
        small: int = _SMALL,
        worth_keeping: int = _WORTH_KEEPING,
        worth_ordering: int = _WORTH_ORDERING,
    ) -> None:
        self._repository = repository
        self._history = history or History(repository)
        self._is_indexed = history is None
        self._folder = SegmentFolder(repository)
        self._small = small
        self._worth_keeping = worth_keeping
        self._worth_ordering = worth_ordering
        self._last: tuple[bytes, Snapshot] | None = None

    def named(self, file_name: str) -> list[Change]:
        """The changes to files with this name on all refs, in any folder; newest first.

        One process in a small repository, or if no ref has moved since the last query. Otherwise at most two,
        and one more for each 2,000 loose commits.
        """
        if self._is_small() or self._has_no_index():
            return self._history.all_refs_changes(file_name)
        tips = self._history.tips()
        if self._last is None or self._last[0] != tips:
            self.close()
            self._last = tips, self._snapshot(tips)
        return self._last[1].named(file_name)

    def several(self, file_names: Collection[str]) -> dict[str, list[Change]]:
        """As `named`, for many names, with the same number of processes."""
        if self._is_small() or self._has_no_index():
            return _WithoutIndex(self._history).several(file_names)
        with self.snapshot() as snapshot:
            return snapshot.several(file_names)

    def pointers(self) -> list[Change]:
        """The changes to all pointers on all refs, newest first; with the processes of `several`."""
        if self._is_small() or self._has_no_index():
            return self._history.all_refs_changes()
        with self.snapshot() as snapshot:
            return snapshot.pointers()

    def snapshot(self) -> Snapshot:
        """The current history of all refs, for queries about many names; close it.

        Two processes, and one more for each 2,000 loose commits that are written.
        """
        return self._snapshot(self._history.tips())

    def _snapshot(self, tips: bytes) -> Snapshot:
        for _ in range(_ATTEMPTS):
            try:
                return self._look(tips)
            except DamagedSegmentError as error:
                self._folder.remove(str(error))
            except _AlteredError:
                break
        return _WithoutIndex(self._history)

    def close(self) -> None:
        """Close open files; idempotent."""
        if self._last is not None:
            self._last[1].close()
            self._last = None

    def _has_no_index(self) -> bool:
        """Whether the index cannot be used, because results for a commit may change. At most one process.

        Without trees only commits with a local tree are compared, and later fetches add more.
        """
        if not self._is_indexed or self._history.is_altered():
            return True
        return self._history.lacks_trees()

    def _is_small(self) -> bool:
        """Whether comparing all commits is faster than starting two processes."""
        return has_few_objects(self._repository, self._small)

    def _look(self, tips: bytes) -> Snapshot:
        self._refuse_altered()
        ranks = {oid: rank for rank, oid in enumerate(self._order(tips))}
        with ExitStack() as stack:
            segments, loose = self._folder.segments(ranks)
            for segment in segments:
                stack.callback(segment.close)
            left: list[str] = []
            if len(loose) >= self._worth_keeping:
                for start in range(0, len(loose), _AT_ONCE):
                    segments, missing = self._write_segment(
                        loose[start : start + _AT_ONCE], ranks, segments
                    )
                    left += missing
                loose = left
            self._refuse_altered()
            return _WithIndex(
                self._history, self._folder, ranks, segments, loose, stack=stack.pop_all()
            )

    def _order(self, tips: bytes) -> list[str]:
        """The commits reachable from the tips, cached until a ref moves."""
        commits = self._folder.read_order(tips)
        if commits is None:
            commits = self._history.commits(tips)
            if len(commits) >= self._worth_ordering:
                self._refuse_altered()
                self._folder.write_order(tips, commits)
        return commits

    def _write_segment(
        self, loose: Sequence[str], ranks: Mapping[str, int], segments: Sequence[Segment]
    ) -> tuple[list[Segment], list[str]]:
        """Write a segment of these commits, merged with small ones; returns all, and the commits now gone."""
        builder = SegmentBuilder()
        for commit, changes in self._history.introduced(loose):
            builder.add(commit, changes)
        missing = [oid for oid in loose if oid not in builder.commits]
        self._refuse_altered()  # if history was altered meanwhile, the result is not valid
        merged = _segments_to_merge(len(builder.commits), segments)
        segment = self._folder.write(builder, merged, ranks)
        return [segment, *(other for other in segments if other not in merged)], missing

    def _refuse_altered(self) -> None:
        if self._has_no_index():
            raise _AlteredError


class _AlteredError(Exception):
    """Commits may have other parents here than they name, or their results may change."""


class _WithIndex:
    """A snapshot that reads segments, and queries Git for loose commits."""

    def __init__(
        self,
        history: History,
        folder: SegmentFolder,
        ranks: Mapping[str, int],
        segments: Sequence[Segment],
        loose: Sequence[str],
        *,
        stack: ExitStack,
    ) -> None:
        self._history = history
        self._folder = folder
        self._ranks = ranks
        self._segments = segments
        self._loose = loose
        self._stack = stack

    def named(self, file_name: str) -> list[Change]:
        """See `Snapshot`. One process for each 2,000 loose commits."""
        try:
            found = self._stored_changes(file_name)
        except DamagedSegmentError as error:
            self._folder.remove(str(error))
            return self._history.all_refs_changes(file_name)
        for _, changes in self._history.introduced(self._loose, file_name):
            found.extend(changes)
        return sorted(found, key=lambda change: self._ranks[change.commit])

    def several(self, file_names: Collection[str]) -> dict[str, list[Change]]:
        """See `Snapshot`. One process for each 2,000 loose commits."""
        try:
            found = {name: self._stored_changes(name) for name in file_names}
        except DamagedSegmentError as error:
            self._folder.remove(str(error))
            return _by_name(self._history.all_refs_changes(), file_names)
        for _, changes in self._history.introduced(self._loose):
            for name, loose in _by_name(changes, file_names, empty=False).items():
                found[name] += loose
        for changes in found.values():
            changes.sort(key=lambda change: self._ranks[change.commit])
        return found

    def pointers(self) -> list[Change]:
        """See `Snapshot`. One process for each 2,000 loose commits."""
        try:
            stored = [one.changes(bucket) for one in self._segments for bucket in range(BUCKETS)]
        except DamagedSegmentError as error:
            self._folder.remove(str(error))
            return self._history.all_refs_changes()
        # Two processes may have written the same commits.
        every = chain.from_iterable(stored)
        changes = every if len(self._segments) == 1 else dict.fromkeys(every)
        found = [one for one in changes if one.path.endswith(POINTER_SUFFIX)]
        found += [one for _, some in self._history.introduced(self._loose) for one in some]
        known = [change for change in found if change.commit in self._ranks]
        return sorted(known, key=lambda change: self._ranks[change.commit])

    def _stored_changes(self, file_name: str) -> list[Change]:
        bucket, end = bucket_of(file_name), os.fsencode(f"/{file_name}")
        records = [record for one in self._segments for record in one.records(bucket)]
        # Two processes may have written the same commits, and some may be unreachable now.
        wanted = (record for record in dict.fromkeys(records) if (b"/" + record[1]).endswith(end))
        changes = (change_of(record) for record in wanted)
        return [change for change in changes if change.commit in self._ranks]

    def close(self) -> None:
        """See `Snapshot`."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _WithoutIndex:
    """A snapshot that queries Git each time."""

    def __init__(self, history: History) -> None:
        self._history = history

    def named(self, file_name: str) -> list[Change]:
        """See `Snapshot`. One process."""
        return self._history.all_refs_changes(file_name)

    def several(self, file_names: Collection[str]) -> dict[str, list[Change]]:
        """See `Snapshot`. One process."""
        name = next(iter(file_names)) if len(file_names) == 1 else None
        return _by_name(self._history.all_refs_changes(name), file_names)

    def pointers(self) -> list[Change]:
        """See `Snapshot`. One process."""
        return self._history.all_refs_changes()

    def close(self) -> None:
        """See `Snapshot`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _by_name(
    changes: Iterable[Change], file_names: Collection[str], *, empty: bool = True
) -> dict[str, list[Change]]:
    """Group changes by file name; with `empty`, include names without changes."""
    wanted = set(file_names)
    found: dict[str, list[Change]] = {name: [] for name in file_names} if empty else {}
    for change in changes:
        name = change.path.rpartition("/")[2]
        if name in wanted:
            found.setdefault(name, []).append(change)
    return found


def _segments_to_merge(count: int, segments: Sequence[Segment]) -> list[Segment]:
    """The segments to merge with `count` new commits.

    Each remaining segment is more than twice as large as all smaller ones together. So only few are open, and a
    commit is rewritten only a few times.
    """
    merged = []
    for segment in sorted(segments, key=lambda one: one.count):
        if segment.count > 2 * count:
            break
        merged.append(segment)
        count += segment.count
    return merged
