"""Weights into the cache: read once, cut, hash, encode, pack, and the manifest last.

A worker takes a window of a file: it reads, cuts and hashes it as part of the whole, one window at a
time; hashes and encodes its chunks, beside the others; and copies them into the pack, in the order of the
windows and mostly while they are in its core's cache. Two more threads write finished packs. Memory is
pooled, and bounded by the windows and packs in flight, whatever the file size.
A chunk that a manifest given as `reuse` already has is neither encoded nor written again.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

from gitmodel.domain.digest import Digest, FileHasher, ListedFile, folder_digest
from gitmodel.encoding.cut import Cutter, CutterId, Piece, PlannedCutter, choose_cutter
from gitmodel.encoding.manifest import ChunkPlace, Manifest, ManifestBuilder
from gitmodel.encoding.pack import PACK_MAX, ChunkHeader, PackBuilder
from gitmodel.encoding.places import NO_BASE
from gitmodel.errors import ChangedWhileReadError, ObjectMissingError
from gitmodel.store.bases import Bases
from gitmodel.store.encoder import EncodedChunk, Place, RawPiece, encode_group, known_places
from gitmodel.store.flushing import Flushing
from gitmodel.store.memory import Buffers
from gitmodel.store.objects import manifest_key, pack_key
from gitmodel.store.teamwork import work_through

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from gitmodel.domain.progress import Progress
    from gitmodel.store.cache import Cache

WINDOW = 4 * 2**20  # bytes read at a time, or a few more
_MOST_WORKERS = 4  # each holds a window and what became of it; more than the disk takes
_WRITERS = 2
_PACKS_IN_FLIGHT = 4
_UNNAMED = Piece(size=0, key=None, width=0)  # of a chunk that no plan names


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to store.

    Attributes:
        path: Its path in the model, "" for a model that is one file.
        size: Bytes, as seen when it was listed.
        open: Gives a new file descriptor for reading, which the writer closes.
    """

    path: str
    size: int
    open: Callable[[], int]


class _WrittenFile(NamedTuple):
    path: str
    size: int
    digest: Digest
    chunks: list[bytes]
    cutter: CutterId


def store_weights(
    cache: Cache,
    files: Sequence[SourceFile],
    *,
    folder: bool,
    reuse: Iterable[Manifest] = (),
    progress: Progress,
    workers: int | None = None,
) -> Manifest:
    """Store files in the cache, durably, and return their manifest.

    Args:
        cache: Where to.
        files: What; one file with the path "" unless `folder`.
        folder: Whether the model is a folder.
        reuse: Manifests whose chunks need not be stored again, where the cache has their packs.
        progress: Told about bytes read.
        workers: Threads that share the work; as many as cores if not given.

    Raises:
        ChangedWhileReadError: A file changed while it was read.
        NoSpaceError: The cache's file system is full.
    """
    with _Writer(cache, reuse, progress) as writer:
        writer.take_in(files, workers or os.cpu_count() or 1)
        return writer.finish(folder=folder)


class _Window(NamedTuple):
    """Whole chunks of a file, one behind the other."""

    buffer: memoryview
    pieces: list[RawPiece]  # views of the buffer
    chunks: list[bytes]  # of the file so far; takes their hashes


class _EncodedWindow(NamedTuple):
    window: _Window
    chunks: list[EncodedChunk]


class _Writing(NamedTuple):
    """A finished pack that is being written."""

    work: Future[None]
    buffer: memoryview


class _Writer:
    def __init__(self, cache: Cache, reuse: Iterable[Manifest], progress: Progress) -> None:
        self._cache = cache
        self._progress = progress
        earlier = list(reuse)
        self._places = known_places(cache, earlier)
        self._bases = Bases(cache, earlier)
        self._writers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="gitmodel-write")
        self._writing: deque[_Writing] = deque()
        self._flushing = Flushing()
        self._windows = Buffers(2 * WINDOW)
        self._packs = Buffers(PACK_MAX)
        self._buffer = self._packs.take(PACK_MAX)
        self._pack = PackBuilder(self._buffer)
        self._in_pack: dict[bytes, Place] = {}  # chunks, without the pack's name and size
        self._files: list[_WrittenFile] = []
        self._keys: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writers.shutdown(wait=True, cancel_futures=True)
        self._flushing.close()

    def take_in(self, files: Sequence[SourceFile], workers: int) -> None:
        """Read files to their ends, and have all their chunks in packs."""
        most = min(workers, _MOST_WORKERS, 1 + sum(file.size for file in files) // WINDOW)
        with closing(self._read_all(files)) as windows:
            work_through(windows, self._encode, self._put_all, threads=most, name="gitmodel-encode")

    def _read_all(self, files: Sequence[SourceFile]) -> Generator[_Window]:
        for source in files:
            descriptor = source.open()
            try:
                before = os.fstat(descriptor)
                yield from self._read(descriptor, source)
                after = os.fstat(descriptor)
            finally:
                os.close(descriptor)
            changed = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
            if changed or not after.st_size == self._files[-1].size == source.size:
                raise _changed(source)

    def _read(self, descriptor: int, source: SourceFile) -> Iterator[_Window]:
        """Read one file, a window at a time; the last one comes when its digest is known."""
        hasher = FileHasher()
        cutter = choose_cutter(
            lambda offset, count: os.pread(descriptor, count, offset), source.size
        )
        pieces = iter(cutter.pieces if isinstance(cutter, PlannedCutter) else ())
        chunks: list[bytes] = []
        size = carried = 0
        window_sizes = _window_sizes(cutter)
        length = next(window_sizes)
        buffer = self._windows.take(length)
        while True:
            wanted = min(length, max(source.size - size, 0) + 1)  # one more shows the end
            count = _read_into(descriptor, buffer[carried : carried + wanted])
            final = count < wanted
            size += count
            if size > source.size:  # it may grow for ever
                raise _changed(source)
            view = buffer[: carried + count]
            hasher.update(view[carried:])
            lengths = cutter.feed(view, final=final)
            window = _Window(buffer, _cut(view, lengths, pieces), chunks)
            self._progress.advance(count)
            if final:
                file = _WrittenFile(source.path, size, hasher.result(), chunks, cutter.id)
                self._files.append(file)
                yield window
                return
            # Before another thread may be done with this window and give its memory away.
            rest = view[sum(lengths) :]
            carried = len(rest)
            length = next(window_sizes)
            buffer = self._windows.take(carried + length)
            buffer[:carried] = rest
            yield window

    def _encode(self, window: _Window) -> _EncodedWindow:
        """Hash and encode the chunks of a window; runs in a worker, beside the others."""
        return _EncodedWindow(window, encode_group(window.pieces, self._places, self._bases))

    def _put_all(self, encoded: _EncodedWindow) -> None:
        """Have the chunks of a window in packs; runs in a worker, in the order of the windows."""
        for chunk in encoded.chunks:
            encoded.window.chunks.append(chunk.hash)
            self._put(chunk)
        self._windows.give(encoded.window.buffer)

    def _put(self, chunk: EncodedChunk) -> None:
        """Put a chunk into the pack, unless it is stored already."""
        found = chunk.encoded
        if found is None or chunk.hash in self._places:
            return
        self._places[chunk.hash] = Place(chunk.raw_size)  # on its way: stored once
        header = ChunkHeader(
            codec=found.codec,
            width=found.width,
            raw_size=chunk.raw_size,
            stored_size=found.size,
            hash=chunk.hash,
            base=None if chunk.base is None else chunk.base.hash,
        )
        self._in_pack[chunk.hash] = Place(
            chunk.raw_size,
            offset=self._pack.add(header, *found.parts),
            stored_size=header.stored_size,
            codec=found.codec,
            width=found.width,
            base=header.base,
        )
        if self._pack.is_full:
            self._finish_pack()

    def _finish_pack(self) -> None:
        """Hand the pack over to be written, and begin another."""
        if not self._in_pack:
            return
        name, size = self._pack.name, self._pack.size
        self._keys.append(pack_key(name))  # whoever wrote it may not have flushed its name
        for chunk, place in self._in_pack.items():
            self._places[chunk] = place._replace(pack=name, pack_size=size)
        work = self._writers.submit(self._write, name, self._pack.finish())
        self._writing.append(_Writing(work, self._buffer))
        while len(self._writing) >= _PACKS_IN_FLIGHT:
            self._settle()
        self._buffer = self._packs.take(PACK_MAX)
        self._pack = PackBuilder(self._buffer)
        self._in_pack = {}

    def _settle(self) -> None:
        """Wait for the oldest pack that is being written."""
        pack = self._writing.popleft()
        pack.work.result()
        self._packs.give(pack.buffer)

    def _write(self, name: str, data: memoryview) -> None:
        """Write a pack and begin to flush it; runs in a thread."""
        # A damaged one is replaced: storing weights again is how a person mends the cache.
        if not self._cache.has_sound_pack(name, len(data)):
            self._cache.write_pack(name, data, flushing=self._flushing)

    def finish(self, *, folder: bool) -> Manifest:
        """Write what is left; the manifest is written when every pack is durable."""
        self._finish_pack()
        while self._writing:
            self._settle()
        self._cache.wait_for(self._flushing)
        self._cache.sync_folders(self._keys)
        manifest = self._manifest(folder=folder)
        if self._cache.holds(manifest.digest):
            known = self._cache.manifest(manifest.digest)
            return manifest if known is None else known
        if self._cache.missing_packs(manifest):  # a pack to be reused went while we wrote
            raise ObjectMissingError(
                f"packs vanished from the cache {self._cache.root} meanwhile",
                hint="run the same command again",
            )
        self._cache.write_manifest(manifest, durable=True)
        self._cache.sync_folders([manifest_key(manifest.digest)])
        return manifest

    def _manifest(self, *, folder: bool) -> Manifest:
        builder = ManifestBuilder()
        packs: dict[str, int] = {}
        for written in self._files:
            numbers = [self._add_chunk(builder, packs, chunk) for chunk in written.chunks]
            builder.add_file(
                written.path, written.size, written.digest, numbers, cutter=written.cutter
            )
        listing = [ListedFile(file.path, file.size, file.digest) for file in self._files]
        digest = folder_digest(listing) if folder else self._files[0].digest
        return builder.build(digest, "folder" if folder else "file")

    def _add_chunk(self, builder: ManifestBuilder, packs: dict[str, int], chunk: bytes) -> int:
        """Name a chunk in the manifest, after its base if it has one; returns its number."""
        found = builder.find(chunk)
        if found is not None:
            return found
        place = self._places[chunk]
        base = NO_BASE if place.base is None else self._add_chunk(builder, packs, place.base)
        if place.pack not in packs:
            packs[place.pack] = builder.add_pack(place.pack, place.pack_size)
        return builder.add_chunk(
            ChunkPlace(
                hash=chunk,
                raw_size=place.raw_size,
                stored_size=place.stored_size,
                pack=packs[place.pack],
                offset=place.offset,
                codec=place.codec,
                width=place.width,
                base=base,
            )
        )


def _changed(source: SourceFile) -> ChangedWhileReadError:
    return ChangedWhileReadError(
        f"{source.path or 'the file'} changed while it was read",
        hint="wait until training has finished writing, then run gitmodel add again",
    )


def _window_sizes(cutter: Cutter) -> Iterator[int]:
    """Bytes to read at a time: as far as it is known where chunks end, a window ends there too."""
    size = 0
    for piece in cutter.pieces if isinstance(cutter, PlannedCutter) else ():
        size += piece.size
        if size >= WINDOW:
            yield size
            size = 0
    while True:
        yield WINDOW


def _cut(view: memoryview, lengths: list[int], pieces: Iterator[Piece]) -> list[RawPiece]:
    """The chunks at the start of a window, with what the plan says of them."""
    cut = []
    start = 0
    for length in lengths:
        piece = next(pieces, _UNNAMED)
        cut.append(RawPiece(view[start : start + length], piece.key, piece.width))
        start += length
    return cut


def _read_into(descriptor: int, view: memoryview) -> int:
    """Fill a buffer from a file; fewer bytes only at its end."""
    filled = 0
    while filled < len(view):
        count = os.readv(descriptor, [view[filled:]])
        if count == 0:
            break
        filled += count
    return filled
