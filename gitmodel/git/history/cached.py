"""Which commits did what to a model's pointer, for who asks often: an index of history.

To compare 100,000 commits with their parents takes Git seconds, and the answer for one commit never
changes. So what each commit did is kept, in segments (see `segment`), and asked of Git only once.
Which commits count, and in which order, Git says by one walk without comparisons, again whenever
any ref has moved. That is why the index cannot be stale: a force push, a rebase or a deleted branch
changes what is reachable, not what a commit did. The exception is a clone in which commits have
other parents than they name (shallow, grafted): there the index is neither read nor written.

Words: a *segment* is one file of the index; *loose* commits are in none. A small repository has no
index, since one walk that compares is done before two processes have started.

Guarantee: `CachedHistory(r).snapshot().named(n) == History(r).all_refs_changes(n)`.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Protocol, Self

from gitmodel.git.history.segment import DamagedSegmentError, SegmentBuilder, bucket_of, change_of
from gitmodel.git.history.segment_folder import SegmentFolder
from gitmodel.git.history.walk import History

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gitmodel.git.history.segment import Segment
    from gitmodel.git.history.walk import Change
    from gitmodel.git.repository import Repository

_SMALL = 8000  # objects, which are at most 3,000 commits: Git compares them all in 0.1 s
_INDEX_BYTES = 32  # of a pack's index for each object, about
_WORTH_KEEPING = 256  # commits; Git compares so many in 10 ms
_WORTH_ORDERING = 4096  # commits; Git walks so many in 12 ms
_AT_ONCE = 2**17  # commits held in memory before they are written: about 40 MiB
_ATTEMPTS = 3  # each removes a damaged segment; after that Git is asked for everything


class Snapshot(Protocol):
    """What all refs reached at one moment. Use as a context manager, or call `close`."""

    def named(self, file_name: str) -> list[Change]:
        """Return what any ref did to the files called so, in any folder; newest first."""

    def several(self, file_names: Collection[str]) -> dict[str, list[Change]]:
        """Return what `named` returns, by name, for many names at once; names without changes too."""

    def close(self) -> None:
        """Give back what was opened. May be called twice."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class CachedHistory:
    """History of one repository, with its index in `<common folder>/gitmodel/history`; close it.

    Args:
        repository: The repository.
        history: Whose `all_refs_changes` is the answer; then there is no index.
        small: With fewer objects than this there is no index.
        worth_keeping: From how many loose commits on they are written.
        worth_ordering: From how many commits on the order of all is written.
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
        """Return what any ref did to the files called so, in any folder; newest first.

        One process in a small repository, or if no ref has moved since the last question; else at
        most two, and one more for each 2,000 loose commits.
        """
        if self._is_small() or self._has_no_index():
            return self._history.all_refs_changes(file_name)
        tips = self._history.tips()
        if self._last is None or self._last[0] != tips:
            self.close()
            self._last = tips, self._snapshot(tips)
        return self._last[1].named(file_name)

    def several(self, file_names: Collection[str]) -> dict[str, list[Change]]:
        """Return what `named` returns, by name, for many names. As many processes as for one."""
        if self._is_small() or self._has_no_index():
            return _WithoutIndex(self._history).several(file_names)
        with self.snapshot() as snapshot:
            return snapshot.several(file_names)

    def snapshot(self) -> Snapshot:
        """Look at what all refs reach now, for who asks for many names; close it.

        Two processes; one more for each 2,000 loose commits that are written.
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
        """Give back what was opened. May be called twice."""
        if self._last is not None:
            self._last[1].close()
            self._last = None

    def _has_no_index(self) -> bool:
        """Whether what this clone says of a commit may change. At most one process.

        Without trees only commits whose tree is here count, and more of them come with time.
        """
        if not self._is_indexed or self._history.is_altered():
            return True
        return self._history.lacks_trees()

    def _is_small(self) -> bool:
        """Whether to compare all commits takes less than starting two processes. No process.

        What lies in an alternate is not counted, so with one no repository is small.
        """
        objects = os.path.join(self._repository.common_dir, "objects")
        if os.path.exists(os.path.join(objects, "info", "alternates")):
            return False
        count = 0
        with suppress(FileNotFoundError), os.scandir(os.path.join(objects, "pack")) as packs:
            sizes = (pack.stat().st_size for pack in packs if pack.name.endswith(".idx"))
            count += sum(sizes) // _INDEX_BYTES
        with suppress(FileNotFoundError):  # one folder of 256, as `git gc --auto` does it
            count += 256 * len(os.listdir(os.path.join(objects, "17")))
        return count < self._small

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
                    segments, vanished = self._learn(
                        loose[start : start + _AT_ONCE], ranks, segments
                    )
                    left += vanished
                loose = left
            self._refuse_altered()
            return _WithIndex(
                self._history, self._folder, ranks, segments, loose, stack=stack.pop_all()
            )

    def _order(self, tips: bytes) -> list[str]:
        """Return what the tips reach; walked once, as long as no ref moves."""
        commits = self._folder.read_order(tips)
        if commits is None:
            commits = self._history.commits(tips)
            if len(commits) >= self._worth_ordering:
                self._refuse_altered()
                self._folder.write_order(tips, commits)
        return commits

    def _learn(
        self, loose: Sequence[str], ranks: Mapping[str, int], segments: Sequence[Segment]
    ) -> tuple[list[Segment], list[str]]:
        """Write what these commits did, together with small segments.

        Returns:
            All segments, and the commits that were no longer to be had.
        """
        draft = SegmentBuilder()
        for commit, changes in self._history.introduced(loose):
            draft.add(commit, changes)
        vanished = [oid for oid in loose if oid not in draft.commits]
        self._refuse_altered()  # meanwhile, so nothing of this is sure
        absorbed = _small_beside(len(draft.commits), segments)
        segment = self._folder.write(draft, absorbed, ranks)
        return [segment, *(other for other in segments if other not in absorbed)], vanished

    def _refuse_altered(self) -> None:
        if self._has_no_index():
            raise _AlteredError


class _AlteredError(Exception):
    """Commits may have other parents here than they name, or say less than they will."""


class _WithIndex:
    """A snapshot that reads the segments, and asks Git about loose commits."""

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
            found = self._remembered(file_name)
        except DamagedSegmentError as error:
            self._folder.remove(str(error))
            return self._history.all_refs_changes(file_name)
        for _, changes in self._history.introduced(self._loose, file_name):
            found.extend(changes)
        return sorted(found, key=lambda change: self._ranks[change.commit])

    def several(self, file_names: Collection[str]) -> dict[str, list[Change]]:
        """See `Snapshot`. One process for each 2,000 loose commits."""
        try:
            found = {name: self._remembered(name) for name in file_names}
        except DamagedSegmentError as error:
            self._folder.remove(str(error))
            return _by_name(self._history.all_refs_changes(), file_names)
        for _, changes in self._history.introduced(self._loose):
            for name, loose in _by_name(changes, file_names, empty=False).items():
                found[name] += loose
        for changes in found.values():
            changes.sort(key=lambda change: self._ranks[change.commit])
        return found

    def _remembered(self, file_name: str) -> list[Change]:
        bucket, end = bucket_of(file_name), os.fsencode(f"/{file_name}")
        records = [record for one in self._segments for record in one.records(bucket)]
        # Two processes may have walked the same commits, and others may be reachable no longer.
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
    """A snapshot that asks Git for everything, each time."""

    def __init__(self, history: History) -> None:
        self._history = history

    def named(self, file_name: str) -> list[Change]:
        """See `Snapshot`. One process."""
        return self._history.all_refs_changes(file_name)

    def several(self, file_names: Collection[str]) -> dict[str, list[Change]]:
        """See `Snapshot`. One process."""
        name = next(iter(file_names)) if len(file_names) == 1 else None
        return _by_name(self._history.all_refs_changes(name), file_names)

    def close(self) -> None:
        """See `Snapshot`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _by_name(
    changes: Iterable[Change], file_names: Collection[str], *, empty: bool = True
) -> dict[str, list[Change]]:
    """Sort changes by what their files are called; `empty`: also names that have none."""
    wanted = set(file_names)
    found: dict[str, list[Change]] = {name: [] for name in file_names} if empty else {}
    for change in changes:
        name = change.path.rpartition("/")[2]
        if name in wanted:
            found.setdefault(name, []).append(change)
    return found


def _small_beside(count: int, segments: Sequence[Segment]) -> list[Segment]:
    """Return the segments to be merged with `count` new commits.

    Each that is left has more than twice as many as all smaller ones together: so few are ever
    open, and a commit is written again only a few times.
    """
    absorbed = []
    for segment in sorted(segments, key=lambda one: one.count):
        if segment.count > 2 * count:
            break
        absorbed.append(segment)
        count += segment.count
    return absorbed
