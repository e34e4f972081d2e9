"""Restores weights from packs: planned from the manifest, decoded on all cores, checked by the file's digest.

A thread takes a group of chunks, decodes them into a buffer, writes them to the file, and mostly hashes them
while they are in its core's cache. A file gets its final name only if its digest is right, which covers every
chunk and every base. If it is wrong, the chunks are checked one by one to find the damaged pack.

Memory is bounded by a group a thread and two more, whatever the file size.
"""

from __future__ import annotations

import os
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.cache.chunk_reader import DamagedPackError, decode_into, raw_chunk
from gitmodel.cache.ordered_workers import process_in_order
from gitmodel.domain.digest import FileHasher
from gitmodel.encoding.codecs.codec import Codec
from gitmodel.errors import DamagedObjectError
from gitmodel.files.buffer_pool import BufferPool
from gitmodel.files.safe_open import reserve, write_at
from gitmodel.files.sparse import bytes_of_holes, write_sparse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitmodel.cache.chunk_reader import PackReader
    from gitmodel.domain.progress import Progress
    from gitmodel.encoding.manifest.manifest import ChunkLocation, FileEntry, Manifest

__all__ = ["DamagedPackError", "Reader", "WrongChunksError"]

_GROUP = 4 << 20  # bytes of decoded chunks that a thread takes at a time
_GROUP_CHUNKS = 500  # chunks a group at most: two buffers each for one preadv(2), which takes 1,024
_MOST_WORKERS = 12  # threads; each takes 8 MiB
_GAP = 256  # bytes between two chunks that one read covers: a header has 48 or 80


class WrongChunksError(DamagedObjectError):
    """The chunks that a manifest lists for a file are valid, but not those of the file."""


class _Group(NamedTuple):
    """Consecutive chunks of a file."""

    offset: int  # in the file, bytes
    size: int  # bytes
    chunks: list[ChunkLocation]


class _Restored(NamedTuple):
    """The decoded bytes of a group, to be hashed."""

    buffer: memoryview
    size: int  # bytes


class Reader:
    """Restores files of manifests from packs, with as many threads as cores unless `workers` is given."""

    def __init__(self, packs: PackReader, *, workers: int | None = None) -> None:
        self._packs = packs
        self._workers = min(workers or os.cpu_count() or 1, _MOST_WORKERS)
        self._buffers = BufferPool(2 * _GROUP)

    def write_file(
        self, manifest: Manifest, entry: FileEntry, descriptor: int, *, progress: Progress
    ) -> None:
        """Write one file of a manifest to an empty, open file.

        Raises DamagedPackError if a pack has other bytes than the manifest says, ObjectMissingError if no
        source has a pack, WrongChunksError if the manifest lists wrong chunks for the file.
        """
        if bytes_of_holes(manifest, [entry]):
            os.ftruncate(descriptor, entry.size)
            write = partial(write_sparse, descriptor)
        else:
            reserve(descriptor, entry.size)
            write = partial(write_at, descriptor)
        self._restore(manifest, entry, write, progress)

    def check_file(self, manifest: Manifest, entry: FileEntry, *, progress: Progress) -> None:
        """Decode and check one file without writing it; raises as `write_file` does."""
        self._restore(manifest, entry, lambda _data, _offset: None, progress)

    def _restore(
        self,
        manifest: Manifest,
        entry: FileEntry,
        write: Callable[[memoryview, int], None],
        progress: Progress,
    ) -> None:
        hasher = FileHasher()
        writing = Lock()  # two writes to a file at once would wait for each other in the kernel

        def restore(group: _Group) -> _Restored:
            buffer = self._buffers.acquire(group.size)
            view = buffer[: group.size]
            self._decode(manifest, group.chunks, view)
            with writing:
                write(view, group.offset)
            return _Restored(buffer, group.size)

        def hash_it(restored: _Restored) -> None:
            hasher.update(restored.buffer[: restored.size])
            progress.advance(restored.size)
            self._buffers.release(restored.buffer)

        threads = min(self._workers, 1 + entry.size // _GROUP)
        groups = _groups(manifest, entry)
        process_in_order(groups, restore, hash_it, threads=threads, name="gitmodel-decode")
        if hasher.result() != entry.digest:
            self._blame(manifest, entry)
            raise WrongChunksError(
                f"{entry.path or 'the file'} does not match its digest {entry.digest.short}",
                hint="gitmodel verify --full",
            )

    def _blame(self, manifest: Manifest, entry: FileEntry) -> None:
        for number in manifest.chunks_of(entry):
            raw_chunk(self._packs.read_at, manifest, number)

    def _decode(self, manifest: Manifest, chunks: list[ChunkLocation], out: memoryview) -> None:
        """Decode chunks into a buffer of their total size."""
        start = 0
        for run in _runs(chunks):
            end = start + sum(chunk.raw_size for chunk in run)
            self._decode_run(manifest, run, out[start:end])
            start = end

    def _decode_run(self, manifest: Manifest, run: list[ChunkLocation], out: memoryview) -> None:
        """Decode consecutive chunks of a pack with one read."""
        pack = manifest.packs[run[0].pack]
        first = run[0].offset
        if run[0].codec == Codec.RAW:
            self._read_raw(pack, run, out)
            return
        size = run[-1].offset + run[-1].stored_size - first
        stored = memoryview(self._packs.read_at(pack, first, size))
        if len(stored) != size:
            raise DamagedPackError(pack, "it is cut short")
        start = 0
        for chunk in run:
            here = chunk.offset - first
            end = start + chunk.raw_size
            payload = stored[here : here + chunk.stored_size]
            decode_into(self._packs.read_at, manifest, chunk, payload, out[start:end])
            start = end

    def _read_raw(self, pack: str, run: list[ChunkLocation], out: memoryview) -> None:
        """Read chunks that are stored raw into their places; headers between them are dropped."""
        between = memoryview(bytearray(_GAP))
        buffers: list[memoryview] = []
        start = 0
        position = run[0].offset
        for chunk in run:
            if chunk.offset > position:
                buffers.append(between[: chunk.offset - position])
            buffers.append(out[start : start + chunk.raw_size])
            start += chunk.raw_size
            position = chunk.offset + chunk.raw_size
        size = position - run[0].offset
        if self._packs.read_into(pack, run[0].offset, buffers) != size:
            raise DamagedPackError(pack, "it is cut short")


def _groups(manifest: Manifest, entry: FileEntry) -> Iterator[_Group]:
    offset = size = 0
    chunks: list[ChunkLocation] = []
    for number in manifest.chunks_of(entry):
        chunk = manifest.chunk(number)
        chunks.append(chunk)
        size += chunk.raw_size
        if size >= _GROUP or len(chunks) >= _GROUP_CHUNKS:
            yield _Group(offset, size, chunks)
            offset += size
            chunks, size = [], 0
    if chunks:
        yield _Group(offset, size, chunks)


def _runs(chunks: list[ChunkLocation]) -> Iterator[list[ChunkLocation]]:
    """Split chunks into runs that are consecutive in a pack, apart from headers.

    The chunks of a run are either all stored raw, or all encoded.
    """
    run: list[ChunkLocation] = []
    for chunk in chunks:
        if run:
            last = run[-1]
            gap = chunk.offset - (last.offset + last.stored_size)
            alike = (chunk.codec == Codec.RAW) is (last.codec == Codec.RAW)
            if chunk.pack != last.pack or not alike or not 0 <= gap <= _GAP:
                yield run
                run = []
        run.append(chunk)
    if run:
        yield run
