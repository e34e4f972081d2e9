"""Weights out of packs: planned from the manifest, decoded on all cores, checked whole.

A worker takes a group of chunks, decodes them into memory of its own, writes them to the file, and mostly
hashes them as well, while they are still in its core's cache. A file takes its final name only if its
digest is right, which covers every chunk and every base. Only if it is not are the chunks looked at one by
one, to find the pack that is to blame.

Memory is bounded by a group a worker and two more, whatever the file size.
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

_GROUP = 4 << 20  # 4 MiB of decoded chunks a worker takes at a time
_GROUP_CHUNKS = 500  # and how many at most: two buffers each for one preadv(2), which takes 1,024
_MOST_WORKERS = 12  # with 8 MiB each, however many cores there are
_GAP = 256  # bytes between two chunks of a pack that are read over: a header has 48 or 80


class WrongChunksError(DamagedObjectError):
    """A manifest lists sound chunks for a file that are not those of the file."""


class _Group(NamedTuple):
    """Chunks one behind the other in a file."""

    offset: int  # in the file, bytes
    size: int  # bytes
    chunks: list[ChunkLocation]


class _Restored(NamedTuple):
    """The bytes of a group, which are to be hashed."""

    buffer: memoryview
    size: int  # bytes


class Reader:
    """Restores files of manifests from packs.

    Args:
        packs: Where from.
        workers: Threads that share the work; as many as cores if not given.
    """

    def __init__(self, packs: PackReader, *, workers: int | None = None) -> None:
        self._packs = packs
        self._workers = min(workers or os.cpu_count() or 1, _MOST_WORKERS)
        self._buffers = BufferPool(2 * _GROUP)

    def write_file(
        self, manifest: Manifest, entry: FileEntry, descriptor: int, *, progress: Progress
    ) -> None:
        """Write one file of a manifest to an empty, open file.

        Raises:
            DamagedPackError: A pack holds other bytes than the manifest names.
            ObjectMissingError: A pack is not to be had.
            WrongChunksError: Its chunks are sound, and not those of the file.
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
        writing = Lock()  # two at once would only wait for each other in the kernel

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
        """Find the first pack whose bytes do not match a chunk's name, and raise that."""
        for number in manifest.chunks_of(entry):
            raw_chunk(self._packs.read_at, manifest, number)

    def _decode(self, manifest: Manifest, chunks: list[ChunkLocation], out: memoryview) -> None:
        """Decode chunks into memory of their size; runs in a worker."""
        start = 0
        for run in _runs(chunks):
            end = start + sum(chunk.raw_size for chunk in run)
            self._decode_run(manifest, run, out[start:end])
            start = end

    def _decode_run(self, manifest: Manifest, run: list[ChunkLocation], out: memoryview) -> None:
        """Decode chunks that lie one behind the other in a pack, with one read."""
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
        """Read chunks stored as they are to where they belong, and what is between them nowhere."""
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
    """Chunks that lie one behind the other in a pack (headers between them), for one read each.

    A run is either all stored raw, or not at all.
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
