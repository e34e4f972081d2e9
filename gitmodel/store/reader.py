"""Weights out of the cache: planned from the manifest, decoded on all cores, checked three times.

Each chunk is checked by its hash, each file by its digest, and a file takes its final name only
after that. Memory is bounded by the groups in flight, whatever the file size.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from gitmodel.domain.digest import FileHasher
from gitmodel.errors import DamagedObjectError
from gitmodel.store.chunks import DamagedPackError, decoded
from gitmodel.store.handles import write_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.domain.progress import Progress
    from gitmodel.encoding.manifest import ChunkPlace, FileEntry, Manifest
    from gitmodel.store.cache import Cache

__all__ = ["DamagedPackError", "Reader"]

_GROUP = 4 * 2**20  # bytes of decoded chunks a worker takes at a time
_GROUP_CHUNKS = 1024  # and how many at most: a hostile manifest may have chunks of one byte
_GROUPS_IN_FLIGHT = 12  # 48 MiB, however many cores there are


class Reader:
    """Restores files of manifests from a cache; use as a context manager."""

    def __init__(self, cache: Cache, *, workers: int | None = None) -> None:
        self._cache = cache
        count = workers or os.cpu_count() or 1
        self._in_flight = min(count + 1, _GROUPS_IN_FLIGHT)
        self._workers = ThreadPoolExecutor(count, thread_name_prefix="gitmodel-decode")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.shutdown(wait=True, cancel_futures=True)

    def write_file(
        self, manifest: Manifest, entry: FileEntry, descriptor: int, *, progress: Progress
    ) -> None:
        """Write one file of a manifest to an empty, open file.

        Raises:
            DamagedPackError: A chunk in the cache does not match its name.
            ObjectMissingError: A pack is not in the cache.
            DamagedObjectError: The whole does not match the file's digest.
        """
        hasher = FileHasher()
        for piece in self.chunks(manifest, entry):
            hasher.update(piece)
            write_all(descriptor, piece)
            progress.advance(len(piece))
        if hasher.result() != entry.digest:
            raise DamagedObjectError(
                f"{entry.path or 'the file'} does not match its digest {entry.digest.short}",
                hint="gitmodel verify",
            )

    def check_file(self, manifest: Manifest, entry: FileEntry, *, progress: Progress) -> None:
        """Decode and check one file without writing it; raises as `write_file` does."""
        hasher = FileHasher()
        for piece in self.chunks(manifest, entry):
            hasher.update(piece)
            progress.advance(len(piece))
        if hasher.result() != entry.digest:
            raise DamagedObjectError(f"{entry.path or 'the file'} does not match its digest")

    def chunks(self, manifest: Manifest, entry: FileEntry) -> Iterator[bytes | memoryview]:
        """The checked chunks of a file, in order."""
        waiting: deque[Future[list[bytes | memoryview]]] = deque()
        for group in _groups(manifest, entry):
            if len(waiting) > self._in_flight:
                yield from waiting.popleft().result()
            waiting.append(self._workers.submit(self._decode, manifest, group))
        while waiting:
            yield from waiting.popleft().result()

    def _decode(self, manifest: Manifest, group: list[ChunkPlace]) -> list[bytes | memoryview]:
        done: list[bytes | memoryview] = []
        for run in _runs(group):
            pack = manifest.packs[run[0].pack]
            first = run[0].offset
            size = run[-1].offset + run[-1].stored_size - first
            data = memoryview(self._cache.read_at(pack, first, size))
            if len(data) != size:
                raise DamagedPackError(pack, "it is cut short")
            for chunk in run:
                start = chunk.offset - first
                stored = data[start : start + chunk.stored_size]
                done.append(decoded(self._cache.read_at, manifest, chunk, stored))
        return done


def _groups(manifest: Manifest, entry: FileEntry) -> Iterator[list[ChunkPlace]]:
    group: list[ChunkPlace] = []
    size = 0
    for number in manifest.chunks_of(entry):
        chunk = manifest.chunk(number)
        group.append(chunk)
        size += chunk.raw_size
        if size >= _GROUP or len(group) >= _GROUP_CHUNKS:
            yield group
            group, size = [], 0
    if group:
        yield group


def _runs(group: list[ChunkPlace]) -> Iterator[list[ChunkPlace]]:
    """Chunks that lie one behind the other in a pack (headers between them), for one read each."""
    run: list[ChunkPlace] = []
    for chunk in group:
        gap = chunk.offset - (run[-1].offset + run[-1].stored_size) if run else 0
        if run and (chunk.pack != run[-1].pack or not 0 <= gap <= 256):
            yield run
            run = []
        run.append(chunk)
    if run:
        yield run
