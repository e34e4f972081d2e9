"""Records of a TFRecord file, as event files of TensorBoard are: length, checksum, bytes, checksum.

A record is taken only if both checksums match. A file is written while it is read, and its writer may be
killed, so an incomplete last record is normal. Source:
https://www.tensorflow.org/tutorials/load_data/tfrecord

Guarantee: at most `_BATCH` and one record are in memory, whatever the lengths in the file say.
"""

from __future__ import annotations

import os
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.trackers.record_log.crc32c import checksums, crc32c

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

# A longer record is passed over unread: it holds images, audio or a graph. Its length has a checksum of its
# own, so what follows it is still found for certain.
MAX_RECORD: Final = 1 << 20  # 1 MiB
_BATCH: Final = 1 << 20  # 1 MiB of records have their checksums computed together
_HEAD: Final = Struct("<QI")
_LENGTH: Final = Struct("<Q")
_CRC: Final = Struct("<I")


class _Frame(NamedTuple):
    offset: int
    record: bytes
    checksum: int


class RecordFile:
    """Reads the records of a file in order; iterate once.

    Attributes:
        problem: Why reading ended before the end of the file, as a clause. Set at the end.
        passed_over: Records that are longer than `MAX_RECORD`.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._size = stream.seek(0, os.SEEK_END)
        self._position = stream.seek(0)
        self.problem: str | None = None
        self.passed_over = 0

    def __iter__(self) -> Iterator[bytes]:
        frames: list[_Frame] = []
        size = 0
        for frame in self._frames():
            frames.append(frame)
            size += len(frame.record) + 128  # and what an empty one takes in memory
            if size >= _BATCH:
                yield from self._checked(frames)
                if self.problem is not None:
                    return
                frames, size = [], 0
        yield from self._checked(frames)

    def _frames(self) -> Iterator[_Frame]:
        """Yield the records whose length has a checksum that matches."""
        read = self._stream.read
        while True:
            offset = self._position
            head = read(_HEAD.size)
            if not head:
                return
            if len(head) < _HEAD.size:
                self.problem = "the last record is incomplete"
                return
            length, checksum = _HEAD.unpack(head)
            if _masked_of_length(length) != checksum:
                self.problem = f"a checksum does not match at byte {offset}"
                return
            self._position = offset + _HEAD.size + length + _CRC.size
            if self._position > self._size:
                self.problem = "the last record is incomplete"
                return
            if length > MAX_RECORD:
                self._stream.seek(self._position)
                self.passed_over += 1
                continue
            body = read(length + _CRC.size)
            if len(body) < length + _CRC.size:
                self.problem = "the file became shorter while it was read"
                return
            yield _Frame(offset, body[:length], _CRC.unpack_from(body, length)[0])

    def _checked(self, frames: list[_Frame]) -> Iterator[bytes]:
        found = checksums([frame.record for frame in frames])
        for (offset, record, wanted), checksum in zip(frames, found, strict=True):
            if masked(checksum) != wanted:
                self.problem = f"a checksum does not match at byte {offset}"
                return
            yield record


def masked(checksum: int) -> int:
    """Return a CRC as TFRecord stores it: rotated, plus a constant."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


@lru_cache(maxsize=1 << 14)
def _masked_of_length(length: int) -> int:
    return masked(crc32c(_LENGTH.pack(length)))
