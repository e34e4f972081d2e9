"""Bytes of a pickle from front to back, as the stack machine asks for them.

Guarantee: payloads that the machine skips are not read, but for the rest of the block that holds their
beginning; memory is one block of at most 64 KiB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from gitmodel.formats.header import UnrecognizedFormatError

if TYPE_CHECKING:
    from gitmodel.formats.header import HeaderReader

_FIRST_BLOCK: Final = 2 << 10
_MAX_BLOCK: Final = 64 << 10


class BrokenPickleError(UnrecognizedFormatError):
    """An unpickler would stop here with an error, or the pickle is longer than what is looked at."""


class LineError(BrokenPickleError):
    """A line is longer than what is looked at, or than the pickle."""


class Blocks(Protocol):
    """Bytes that are read in blocks."""

    def next_block(self, position: int, wanted: int) -> bytes:
        """Return bytes from a position on, at least one, `wanted` if possible; none at the end.

        Positions never decrease.
        """


class StoredBlocks:
    """A part of a file."""

    def __init__(self, source: HeaderReader, start: int, end: int) -> None:
        self._source = source
        self._start = start
        self._end = end

    def next_block(self, position: int, wanted: int) -> bytes:
        """Read from the file."""
        begin = self._start + position
        count = min(wanted, self._end - begin)
        return self._source.take(begin, count) if count > 0 else b""


class PickleStream:
    """Reads forward; positions count from the stream's first byte."""

    __slots__ = ("_blocks", "_size", "base", "block", "offset")

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._size = _FIRST_BLOCK  # of the next block; grows while nothing is skipped
        self.block = b""
        self.base = 0  # position of the block
        self.offset = 0  # in the block, of the next byte

    @property
    def position(self) -> int:
        """How many bytes were passed."""
        return self.base + self.offset

    def at_end(self) -> bool:
        """Whether no byte follows."""
        return self.offset >= len(self.block) and not self._fill(1)

    def take(self, count: int) -> bytes:
        """Return the next bytes, at most as many as a block has. Raises BrokenPickleError at the end."""
        if self.offset + count > len(self.block) and not self._fill(count):
            raise BrokenPickleError("the pickle ends too early")
        start = self.offset
        self.offset = start + count
        return self.block[start : self.offset]

    def skip(self, count: int) -> None:
        """Pass over bytes without reading them; that they exist is found out by what is read next."""
        self.offset += count
        if self.offset > len(self.block):
            self._size = _FIRST_BLOCK // 4

    def line(self, limit: int) -> bytes:
        """Return the next bytes before a line feed, and pass over it.

        Raises BrokenPickleError if there is none within `limit` bytes.
        """
        end = self.block.find(b"\n", self.offset, self.offset + limit)
        if end < 0:
            self._fill(limit)
            end = self.block.find(b"\n", self.offset, self.offset + limit)
            if end < 0:
                raise LineError("a line without an end, or too long")
        found = self.block[self.offset : end]
        self.offset = end + 1
        return found

    def _fill(self, count: int) -> bool:
        """Move the block so that `count` bytes are at hand; whether the stream has them."""
        kept = self.block[self.offset :] if self.offset < len(self.block) else b""
        self.base += self.offset
        self.offset = 0
        while len(kept) < count:
            more = self._blocks.next_block(self.base + len(kept), max(self._size, count))
            if not more:
                break
            self._size = min(2 * self._size, _MAX_BLOCK)
            kept += more
        self.block = kept
        return len(kept) >= count
