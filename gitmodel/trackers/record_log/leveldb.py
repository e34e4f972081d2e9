"""Records of a log in the format of LevelDB, in the variant that W&B writes.

The file consists of blocks of 32 KiB. A record lies in one block, or in a first, middle and last piece; a piece has
a checksum, a length and its kind before it. LevelDB takes a masked CRC-32C, W&B the plain CRC-32 of zlib
over kind and bytes (found in files of 0.16, 0.19 and 0.31). Source:
https://github.com/google/leveldb/blob/main/doc/log_format.md

Guarantee: at most one record of `MAX_RECORD` is in memory, whatever the lengths in the file say.
"""

from __future__ import annotations

import zlib
from struct import Struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

MAX_RECORD: Final = 16 << 20  # 16 MiB; a longer record is passed over
_BLOCK: Final = 32 << 10
_HEAD: Final = Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_CHECKSUM_OF_KIND: Final = [zlib.crc32(bytes([kind])) for kind in range(256)]


class BlockLog:
    """Reads the records of a file in order; iterate once.

    Args:
        stream: The file.
        start: Bytes before the first record; the first block includes them.

    Attributes:
        problem: Why reading ended before the end of the file, as a clause. Set at the end.
        passed_over: Records that are longer than `MAX_RECORD`.
    """

    def __init__(self, stream: BinaryIO, *, start: int) -> None:
        self._stream = stream
        self._start = start
        self.problem: str | None = None
        self.passed_over = 0

    def __iter__(self) -> Iterator[bytes]:
        pieces: list[bytes] | None = None
        size = 0
        for kind, piece in self._pieces():
            if (kind in (_FULL, _FIRST)) != (pieces is None):
                self.problem = "the pieces of a record do not fit together"
                return
            if pieces is None:
                pieces, size = [], 0
            size += len(piece)
            if size <= MAX_RECORD:
                pieces.append(piece)
            if kind in (_FIRST, _MIDDLE):
                continue
            if size <= MAX_RECORD:
                yield b"".join(pieces)
            else:
                self.passed_over += 1
            pieces = None
        if pieces is not None and self.problem is None:
            self.problem = "the last record is incomplete"

    def _pieces(self) -> Iterator[tuple[int, bytes]]:
        """Yield kind and bytes of the pieces whose checksum matches."""
        self._stream.seek(0)
        offset, position = 0, self._start
        while block := self._stream.read(_BLOCK):
            while position + _HEAD.size <= len(block):
                checksum, size, kind = _HEAD.unpack_from(block, position)
                begin, end = position + _HEAD.size, position + _HEAD.size + size
                piece = block[begin:end]
                if end > len(block) and len(block) < _BLOCK:
                    self.problem = "the last record is incomplete"
                    return
                if end > _BLOCK or zlib.crc32(piece, _CHECKSUM_OF_KIND[kind]) != checksum:
                    self.problem = f"a checksum does not match at byte {offset + position}"
                    return
                if not _FULL <= kind <= _LAST:
                    self.problem = f"a record of an unknown kind at byte {offset + position}"
                    return
                yield kind, piece
                position = end
            if len(block) < _BLOCK:
                if position < len(block):
                    self.problem = "the last record is incomplete"
                return
            offset, position = offset + _BLOCK, 0
