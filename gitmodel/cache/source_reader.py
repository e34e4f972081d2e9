"""The files of a model, read once, a window of memory at a time: cut into chunks, and hashed as a whole.

Memory is pooled: that of a window goes to the next one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.cache.encoder import RawPiece
from gitmodel.domain.digest import Digest, FileHasher
from gitmodel.encoding.chunking.choose import (
    Chunker,
    ChunkerId,
    PlannedChunk,
    TensorChunker,
    choose_chunker,
)
from gitmodel.errors import ChangedWhileReadError
from gitmodel.files.buffer_pool import BufferPool
from gitmodel.files.sparse import SparseReader

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from gitmodel.domain.progress import Progress
    from gitmodel.files.source import SourceFile

BLOCK_SIZE = 4 * 2**20  # bytes read at a time, or a few more
_UNNAMED = PlannedChunk(size=0, key=None, width=0)  # of a chunk that no plan names


class ReadFile(NamedTuple):
    """A file that was read to its end.

    Attributes:
        path: As in its `SourceFile`.
        size: Bytes.
        digest: Of the whole.
        chunks: Chunk hashes, filled in by who makes them.
        cutter: What cut it.
    """

    path: str
    size: int
    digest: Digest
    chunks: list[bytes]
    chunker: ChunkerId


class ReadBlock(NamedTuple):
    """Whole chunks of a file, one behind the other.

    Attributes:
        buffer: Memory.
        pieces: The chunks, as views of it.
        chunks: Of the file so far: takes their hashes.
    """

    buffer: memoryview
    pieces: list[RawPiece]
    chunks: list[bytes]


class SourceReader:
    """Reads files, window by window.

    Args:
        sources: What to read, in this order.
        progress: Told about bytes read.
        buffers: Memory that others have used before; of its own if not given.

    Attributes:
        files: Those that were read to their ends, with their last windows.
    """

    def __init__(
        self, sources: Sequence[SourceFile], progress: Progress, buffers: BufferPool | None = None
    ) -> None:
        self._sources = sources
        self._progress = progress
        self._buffers = buffers or block_buffers()
        self.files: list[ReadFile] = []

    def read(self) -> Generator[ReadBlock]:
        """Read all files to their ends; close it.

        Raises:
            ChangedWhileReadError: A file changed while it was read.
        """
        for source in self._sources:
            descriptor = source.open()
            try:
                before = os.fstat(descriptor)
                yield from self._read_one(descriptor, source)
                after = os.fstat(descriptor)
            finally:
                os.close(descriptor)
            changed = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
            if changed or not after.st_size == self.files[-1].size == source.size:
                raise _changed(source)

    def _read_one(self, descriptor: int, source: SourceFile) -> Iterator[ReadBlock]:
        """Read one file, a window at a time; the last one comes when its digest is known."""
        hasher = FileHasher()
        chunker = choose_chunker(
            lambda offset, count: os.pread(descriptor, count, offset), source.size
        )
        pieces = iter(chunker.planned if isinstance(chunker, TensorChunker) else ())
        chunks: list[bytes] = []
        size = carried = 0
        window_sizes = _window_sizes(chunker)
        length = next(window_sizes)
        buffer = self._buffers.acquire(length)
        reader = SparseReader(descriptor)
        while True:
            wanted = min(length, max(source.size - size, 0) + 1)  # one more shows the end
            count = _read_into(reader, buffer[carried : carried + wanted])
            final = count < wanted
            size += count
            if size > source.size:  # it may grow for ever
                raise _changed(source)
            view = buffer[: carried + count]
            hasher.update(view[carried:])
            lengths = chunker.feed(view, final=final)
            window = ReadBlock(buffer, _cut(view, lengths, pieces), chunks)
            self._progress.advance(count)
            if final:
                file = ReadFile(source.path, size, hasher.result(), chunks, chunker.id)
                self.files.append(file)
                yield window
                return
            # Before another thread may be done with this window and give its memory away.
            rest = view[sum(lengths) :]
            carried = len(rest)
            length = next(window_sizes)
            buffer = self._buffers.acquire(carried + length)
            buffer[:carried] = rest
            yield window

    def give_back(self, window: ReadBlock) -> None:
        """Nobody looks into this window any more."""
        self._buffers.release(window.buffer)


def block_buffers() -> BufferPool:
    """Memory for windows, to be shared by several `SourceReader`."""
    return BufferPool(2 * BLOCK_SIZE)


def _changed(source: SourceFile) -> ChangedWhileReadError:
    return ChangedWhileReadError(
        f"{source.path or 'the file'} changed while it was read",
        hint="wait until training has finished writing, then run the same command again",
    )


def _window_sizes(chunker: Chunker) -> Iterator[int]:
    """Bytes to read at a time: as far as it is known where chunks end, a window ends there too."""
    size = 0
    for piece in chunker.planned if isinstance(chunker, TensorChunker) else ():
        size += piece.size
        if size >= BLOCK_SIZE:
            yield size
            size = 0
    while True:
        yield BLOCK_SIZE


def _cut(view: memoryview, lengths: list[int], pieces: Iterator[PlannedChunk]) -> list[RawPiece]:
    """The chunks at the start of a window, with what the plan says of them."""
    cut = []
    start = 0
    for length in lengths:
        piece = next(pieces, _UNNAMED)
        cut.append(RawPiece(view[start : start + length], piece.key, piece.width))
        start += length
    return cut


def _read_into(reader: SparseReader, view: memoryview) -> int:
    """Fill a buffer from a file; fewer bytes only at its end."""
    filled = 0
    while filled < len(view):
        count = reader.read_into(view[filled:])
        if count == 0:
            break
        filled += count
    return filled
