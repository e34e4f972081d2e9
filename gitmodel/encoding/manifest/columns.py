"""Binary columns: arrays of numbers and runs of bytes, sealed and compressed as one.

    magic 4 | BLAKE3 of the rest 32 | one zstd frame of all columns, whose header says their length

Numbers are little endian and stored by *planes* (all lowest bytes first), in which zstd sees the
regularity of counters and of sizes that hardly differ. The seal finds accidents; whoever writes on
purpose can seal anything, so what the columns say is still checked by their reader.

One thing is guaranteed: reading allocates no more than the frame says it holds, and it says no more
than the limits here.
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
_FREE: Final = 16 << 20  # 16 MiB may come from nothing: four terabytes of zeros, one chunk repeated
_RATIO: Final = 16  # beyond that there are hashes, which do not compress
_MAX_WINDOW: Final = 8 << 20  # 8 MiB of memory for the decompressor; level 3 uses 2 MiB
_SEAL: Final = 4 + HASH_SIZE


class ColumnWriter:
    """Collects columns; `ColumnReader` takes them back in the same order."""

    def __init__(self) -> None:
        self._columns: list[ByteBuffer] = []

    def put(self, column: ByteBuffer) -> None:
        """Append bytes as they are."""
        self._columns.append(column)

    def put_numbers(self, column: array[int]) -> None:
        """Append numbers; their count is not written."""
        native = column.tobytes()
        step = column.itemsize
        self._columns += [native[plane::step] for plane in _planes(step)]

    def sealed(self, magic: bytes) -> bytes:
        """Return all columns, compressed, behind a 4-byte magic and the seal."""
        import zstandard

        size = sum(map(len, self._columns))
        compressor = zstandard.ZstdCompressor(level=3).compressobj(size=size)
        frame = b"".join([*map(compressor.compress, self._columns), compressor.flush()])
        return b"".join([magic, chunk_hash(frame), frame])


class ColumnReader:
    """Takes columns back out of sealed bytes, one after the other.

    Args:
        data: What `ColumnWriter.sealed` returned, trusted in no way.
        magic: The magic it was given; one with a greater last digit is of a later format.
        what: What the columns are, for messages.

    Raises:
        DamagedObjectError: These are not sealed columns, or more than anybody writes.
        NewerFormatError: They are of a later format.
    """

    def __init__(self, data: ByteBuffer, *, magic: bytes, what: str) -> None:
        import zstandard

        self._what = what
        self._check_seal(data, magic)
        frame = memoryview(data)[_SEAL:]
        try:
            self.size: int = zstandard.get_frame_parameters(frame).content_size
        except zstandard.ZstdError as error:
            raise self.damaged(f"has no columns ({error})") from error
        if self.size > min(MAX_COLUMNS, _FREE + _RATIO * len(frame)):
            raise self.damaged("claims to be larger than any is")
        self._error = zstandard.ZstdError
        self._stream: zstandard.ZstdDecompressionReader = zstandard.ZstdDecompressor(
            max_window_size=_MAX_WINDOW
        ).stream_reader(frame)

    def damaged(self, reason: str) -> DamagedObjectError:
        """Return the error that says so; the caller raises it."""
        return DamagedObjectError(f"{self._what} {reason}")

    def take(self, size: int) -> bytes:
        """Take exactly `size` bytes; the caller bounds `size` by this reader's own.

        Raises:
            DamagedObjectError: There are fewer.
        """
        column = self._read(size)
        if len(column) != size:
            raise self.damaged("ends too early")
        return column

    def take_numbers(self, typecode: str, count: int) -> array[int]:
        """Take `count` numbers of an array typecode.

        Raises:
            DamagedObjectError: There are fewer.
        """
        numbers = array(typecode)
        step = numbers.itemsize
        native = bytearray(count * step)
        for plane in _planes(step):
            native[plane::step] = self.take(count)
        numbers.frombytes(native)
        return numbers

    def take_hashes(self, count: int) -> list[str]:
        """Take `count` hashes of 32 bytes each, as hex.

        Raises:
            DamagedObjectError: There are fewer.
        """
        digits = self.take(count * HASH_SIZE).hex()
        step = 2 * HASH_SIZE
        return [digits[start : start + step] for start in range(0, len(digits), step)]

    def end(self) -> None:
        """Check that all columns were taken.

        Raises:
            DamagedObjectError: There are more, or the frame does not end as it should.
        """
        if self._read(1):
            raise self.damaged("is longer than it says")

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except self._error as error:
            raise self.damaged(f"does not decompress ({error})") from error

    def _check_seal(self, data: ByteBuffer, magic: bytes) -> None:
        start = bytes(data[: len(magic)])
        if start[:-1] == magic[:-1] and magic[-1:] < start[-1:] <= b"9":
            raise NewerFormatError(
                f"{self._what} was written in a later format than is known here",
                hint="upgrade gitmodel",
            )
        if start != magic or chunk_hash(memoryview(data)[_SEAL:]) != bytes(
            data[len(magic) : _SEAL]
        ):
            raise self.damaged("is not what was written")


def _planes(step: int) -> range:
    """Order of a number's bytes in memory, lowest first."""
    return range(step) if sys.byteorder == "little" else range(step - 1, -1, -1)
