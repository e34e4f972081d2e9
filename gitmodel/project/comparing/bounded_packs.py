"""Parts of packs: from the cache without limit, from remotes up to a number of bytes.

Guarantee: with a limit, `BoundedPacks` reads no more bytes from remotes than that. A part that would exceed it
raises `OverBudgetError`, and the next smaller one may still be read.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.cache.chunk_reader import FileView, fill
from gitmodel.project.fetching.verified_chunks import pack_source
from gitmodel.store.parallel import for_each

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.encoding.manifest.manifest import FileEntry, Manifest
    from gitmodel.project.project import Project

LEAST_BUDGET: Final = 256 << 10  # bytes; of a small model one chunk is more than a hundredth
MOST_BUDGET: Final = 64 << 20  # bytes, all of which are kept in memory


def budget_of(*sizes: int) -> int:
    """How many bytes may be fetched to compare weights of these sizes: one per cent of the larger."""
    return min(max(max(sizes) // 100, LEAST_BUDGET), MOST_BUDGET)


class OverBudgetError(LookupError):
    """A part of a pack is on a remote, and larger than what may still be fetched."""


class Part(NamedTuple):
    """Consecutive bytes of a pack."""

    pack: str
    offset: int
    size: int  # bytes


class BoundedPacks:
    """A `PackReader` of the packs of some manifests. For one thread.

    `left` is how many bytes may still be fetched. Without a limit, what is fetched is not kept for another read.
    """

    def __init__(self, project: Project, manifests: Iterable[Manifest], budget: int | None) -> None:
        self.left = sys.maxsize if budget is None else budget
        self._is_limited = budget is not None
        self._source = pack_source(project)
        self._cached: set[str] = set()
        for manifest in manifests:
            here = project.cache.packs_here(manifest)
            self._cached.update(name for name, has in zip(manifest.packs, here, strict=True) if has)
        self._fetched: dict[Part, bytes] = {}

    def view(self, manifest: Manifest, entry: FileEntry) -> FileView:
        """Return one file of a manifest; its reads raise OverBudgetError too."""
        return FileView(self.read_at, manifest, entry, give_up=self._give_up)

    def parts(self, manifest: Manifest, numbers: Iterable[int]) -> list[Part]:
        """What has to be fetched to read these chunks of a manifest, with their bases."""
        found = []
        for number in numbers:
            place = manifest.chunk(number)
            bases = () if place.base < 0 else (manifest.chunk(place.base),)
            for one in (place, *bases):
                part = Part(manifest.packs[one.pack], one.offset, one.stored_size)
                if part.pack not in self._cached and part not in self._fetched:
                    found.append(part)
        return found

    def fetch(self, parts: Sequence[Part]) -> None:
        """Fetch parts, several at a time, for `read_at`. Those that exceed the limit are left out.

        Raises ObjectMissingError, DamagedObjectError or RemoteError.
        """
        allowed = []
        for part in parts:
            if part.size <= self.left:
                self.left -= part.size
                allowed.append(part)

        def fetch_part(part: Part) -> None:
            self._fetched[part] = self._source.read_at(*part)

        for_each(fetch_part, allowed)

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        """See `PackReader.read_at`. Also raises OverBudgetError, DamagedObjectError and RemoteError."""
        if name in self._cached or not self._is_limited:
            return self._source.read_at(name, offset, size)
        part = Part(name, offset, size)
        found = self._fetched.get(part)
        if found is None:
            if size > self.left:
                raise OverBudgetError(name)
            self.left -= size
            found = self._fetched[part] = self._source.read_at(name, offset, size)
        return found

    def read_into(self, name: str, offset: int, buffers: Sequence[memoryview]) -> int:
        """See `PackReader.read_into`; raises as `read_at`."""
        return fill(buffers, self.read_at(name, offset, sum(map(len, buffers))))

    def _give_up(self, name: str) -> None:
        """Read a damaged pack from the next source: from now on within the limit."""
        self._source.give_up(name)
        self._cached.discard(name)
        self._fetched = {part: data for part, data in self._fetched.items() if part.pack != name}
