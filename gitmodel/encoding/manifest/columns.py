"""Binary columns: arrays of numbers and byte strings in one compressed and sealed object.

    magic 4 | seal: BLAKE3 of the rest 32 | one zstd frame of all columns, which states their length

Numbers are little endian and stored as *planes* (all lowest bytes first), because zstd compresses
counters and similar sizes better in this form. The seal detects accidental damage. An attacker can seal
any bytes, so readers of columns check their content.

Guarantee: reading allocates no more than the frame states, and a frame that states more than the
limits below is refused.
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING, Final

from gitmodel.encoding.codecs.codec import HASH_SIZE, ByteBuffer, chunk_hash
from gitmodel.errors import DamagedObjectError, NewerFormatError

if TYPE_CHECKING:
    import zstandard

MAX_COLUMNS: Final = 1 << 30  # 1 GiB of columns: a model of some 6 TB
_MAX_UNCHECKED_SIZE: Final = 16 << 20  # 16 MiB at any ratio: 4 TB of zeros repeat a single chunk
_MAX_COMPRESSION: Final = 16  # larger columns contain hashes, which do not compress
_MAX_WINDOW: Final = 8 << 20  # 8 MiB of memory for the decompressor; level 3 uses 2 MiB
_HEAD_SIZE: Final = 4 + HASH_SIZE


class ColumnWriter:
    """Collects columns, which `ColumnReader` reads in the same order."""

    def __init__(self) -> None:
        self._columns: list[ByteBuffer] = []

    def write(self, column: ByteBuffer) -> None:
        """Append bytes."""
        self._columns.append(column)

    def write_numbers(self, column: array[int]) -> None:
        """Append numbers without their count."""
        native = column.tobytes()
        step = column.itemsize
        self._columns += [native[plane::step] for plane in _planes(step)]

    def sealed(self, magic: bytes) -> bytes:
        """Return a 4-byte magic, the seal, and all columns compressed."""
        import zstandard

        size = sum(map(len, self._columns))
        compressor = zstandard.ZstdCompressor(level=3).compressobj(size=size)
        frame = b"".join([*map(compressor.compress, self._columns), compressor.flush()])
        return b"".join([magic, chunk_hash(frame), frame])


class ColumnReader:
    """Reads the columns of an untrusted result of `ColumnWriter.sealed`, one after the other.

    A greater last digit of the magic is a later format; `what` names the object in messages. Raises
    DamagedObjectError if the data are no sealed columns or exceed the limits, NewerFormatError if the
    format is a later one.
    """

    def __init__(self, data: ByteBuffer, *, magic: bytes, what: str) -> None:
        import zstandard

        self._what = what
        self._check_seal(data, magic)
        frame = memoryview(data)[_HEAD_SIZE:]
        try:
            self.size: int = zstandard.get_frame_parameters(frame).content_size
        except zstandard.ZstdError as error:
            raise self.damaged(f"has no columns ({error})") from error
        if self.size > min(MAX_COLUMNS, _MAX_UNCHECKED_SIZE + _MAX_COMPRESSION * len(frame)):
            raise self.damaged("claims to be larger than the limit")
        self._error = zstandard.ZstdError
        self._stream: zstandard.ZstdDecompressionReader = zstandard.ZstdDecompressor(
            max_window_size=_MAX_WINDOW
        ).stream_reader(frame)

    def damaged(self, reason: str) -> DamagedObjectError:
        """Return an error for the caller to raise."""
        return DamagedObjectError(f"{self._what} {reason}")

    def read(self, size: int) -> bytes:
        """Read exactly `size` bytes; the caller keeps `size` below `self.size`.

        Raises DamagedObjectError if there are fewer; so do the other readers.
        """
        column = self._decompress(size)
        if len(column) != size:
            raise self.damaged("ends too early")
        return column

    def read_numbers(self, typecode: str, count: int) -> array[int]:
        """Read `count` numbers of an array typecode."""
        numbers = array(typecode)
        step = numbers.itemsize
        native = bytearray(count * step)
        for plane in _planes(step):
            native[plane::step] = self.read(count)
        numbers.frombytes(native)
        return numbers

    def read_hashes(self, count: int) -> list[str]:
        """Read `count` hashes of 32 bytes each, as hex."""
        digits = self.read(count * HASH_SIZE).hex()
        step = 2 * HASH_SIZE
        return [digits[start : start + step] for start in range(0, len(digits), step)]

    def end(self) -> None:
        """Raise DamagedObjectError if there are more columns, or the end of the frame is invalid."""
        if self._decompress(1):
            raise self.damaged("is longer than it states")

    def _decompress(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except self._error as error:
            raise self.damaged(f"does not decompress ({error})") from error

    def _check_seal(self, data: ByteBuffer, magic: bytes) -> None:
        start = bytes(data[: len(magic)])
        if start[:-1] == magic[:-1] and magic[-1:] < start[-1:] <= b"9":
            raise NewerFormatError(
                f"{self._what} has a later format than this version of gitmodel supports",
                hint="upgrade gitmodel",
            )
        if start != magic or chunk_hash(memoryview(data)[_HEAD_SIZE:]) != bytes(
            data[len(magic) : _HEAD_SIZE]
        ):
            raise self.damaged("does not match its checksum")


def _planes(step: int) -> range:
    """Positions of a number's bytes in memory, lowest first."""
    return range(step) if sys.byteorder == "little" else range(step - 1, -1, -1)
