"""Reads the files of a model once, block by block: each file is hashed, and its blocks cut into chunks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.cache.chunk_encoder import RawPiece
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
    from gitmodel.files.source_file import SourceFile

BLOCK_SIZE = 4 * 2**20  # bytes read at a time, or a few more
_UNNAMED = PlannedChunk(size=0, key=None, width=0)  # for a chunk that is in no plan


class ReadFile(NamedTuple):
    """A file that was read to its end."""

    path: str  # as in its `SourceFile`
    size: int  # bytes
    digest: Digest  # of the whole
    chunks: list[bytes]  # their hashes, filled in by the writer
    chunker: ChunkerId  # the rule that cut it


class ReadBlock(NamedTuple):
    """Consecutive chunks of a file."""

    buffer: memoryview  # the memory that holds them
    pieces: list[RawPiece]  # the chunks, as views of the buffer
    # hashes of the file's chunks so far; the writer appends those of this block
    chunks: list[bytes]


class SourceReader:
    """Reads files block by block, in order. `files` are those read to their ends.

    `progress` receives the number of bytes read. `buffers` is a pool to share.
    """

    def __init__(
        self, sources: Sequence[SourceFile], progress: Progress, buffers: BufferPool | None = None
    ) -> None:
        self._sources = sources
        self._progress = progress
        self._buffers = buffers or block_buffers()
        self.files: list[ReadFile] = []

    def read(self) -> Generator[ReadBlock]:
        """Yield the blocks of all files; close the generator. Raises ChangedWhileReadError."""
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
        """Yield the blocks of one file; it is added to `files` before its last block.

        A block ends with its last whole chunk; the bytes after it begin the next block.
        """
        hasher = FileHasher()
        chunker = choose_chunker(
            lambda offset, count: os.pread(descriptor, count, offset), source.size
        )
        pieces = iter(chunker.planned if isinstance(chunker, TensorChunker) else ())
        chunks: list[bytes] = []
        reader = SparseReader(descriptor)
        size = 0
        rest = b""
        for length in _read_sizes(chunker):
            wanted = min(length, source.size - size + 1)  # one byte more shows the end
            buffer = self._buffers.acquire(len(rest) + length)
            buffer[: len(rest)] = rest
            count = _read_into(reader, buffer[len(rest) : len(rest) + wanted])
            final = count < wanted
            size += count
            if size > source.size:  # it may grow without end
                raise _changed(source)
            view = buffer[: len(rest) + count]
            hasher.update(view[len(rest) :])
            lengths = chunker.feed(view, final=final)
            rest = bytes(view[sum(lengths) :])  # copied: another thread may release the buffer
            self._progress.advance(count)
            if final:
                file = ReadFile(source.path, size, hasher.result(), chunks, chunker.id)
                self.files.append(file)
            yield ReadBlock(buffer, _cut(view, lengths, pieces), chunks)
            if final:
                return

    def release(self, block: ReadBlock) -> None:
        """Return a block's buffer to the pool; nobody may read the block afterwards."""
        self._buffers.release(block.buffer)


def block_buffers() -> BufferPool:
    """A pool of buffers for several `SourceReader`."""
    return BufferPool(2 * BLOCK_SIZE)


def _changed(source: SourceFile) -> ChangedWhileReadError:
    return ChangedWhileReadError(
        f"{source.path or 'the file'} changed while it was read",
        hint="wait until training has finished writing, then run the same command again",
    )


def _read_sizes(chunker: Chunker) -> Iterator[int]:
    """Bytes to read at a time: where the chunks are planned, a block ends with one."""
    size = 0
    for piece in chunker.planned if isinstance(chunker, TensorChunker) else ():
        size += piece.size
        if size >= BLOCK_SIZE:
            yield size
            size = 0
    while True:
        yield BLOCK_SIZE


def _cut(view: memoryview, lengths: list[int], pieces: Iterator[PlannedChunk]) -> list[RawPiece]:
    """The chunks at the start of a block, with key and width by the plan."""
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
