"""The table of a manifest's distinct chunks: hash, pack, offset, codec and sizes, as columns.

Columns take 54 bytes a row, and half a million rows are checked in a fifth of a second.

Guarantee: in a `ChunkTable` that passed `check`, every chunk is inside its pack and decodes within
bounds. The base of every delta has the same length and is not a delta.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import compress
from operator import add, eq, ge, le
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.encoding.codecs.codec import HASH_SIZE, MAX_CHUNK, Codec, check_codec, known_codec
from gitmodel.encoding.pack import HEADER_SIZE
from gitmodel.errors import DamagedObjectError

if TYPE_CHECKING:
    from gitmodel.encoding.manifest.columns import ColumnReader, ColumnWriter

NO_BASE: Final = -1
CHUNK_ROW: Final = HASH_SIZE + 5 * 4 + 2  # bytes a chunk, before compression


class ChunkLocation(NamedTuple):
    """One row: the position of a chunk in a pack, and its encoding. Sizes and offset are in bytes."""

    hash: bytes
    raw_size: int
    stored_size: int
    pack: int  # index in the manifest's packs
    offset: int  # of the payload in the pack
    codec: int
    width: int = 0
    base: int = NO_BASE  # number of the base chunk


@dataclass(frozen=True, slots=True)
class ChunkTable:
    """The columns of all chunks, indexed by chunk number; `hashes` has 32 bytes a chunk."""

    hashes: bytes
    raw_sizes: array[int]
    stored_sizes: array[int]
    packs: array[int]
    offsets: array[int]
    codecs: bytes
    widths: bytes
    bases: array[int]

    def __len__(self) -> int:
        return len(self.raw_sizes)

    def __getitem__(self, number: int) -> ChunkLocation:
        if number < 0:
            raise IndexError(number)
        return ChunkLocation(
            hash=self.hashes[number * HASH_SIZE : (number + 1) * HASH_SIZE],
            raw_size=self.raw_sizes[number],
            stored_size=self.stored_sizes[number],
            pack=self.packs[number],
            offset=self.offsets[number],
            codec=self.codecs[number],
            width=self.widths[number],
            base=self.bases[number],
        )

    def write(self, columns: ColumnWriter) -> None:
        """Write all columns."""
        columns.write(self.hashes)
        for numbers in (self.raw_sizes, self.stored_sizes, self.packs, self.offsets, self.bases):
            columns.write_numbers(numbers)
        columns.write(self.codecs)
        columns.write(self.widths)

    @classmethod
    def read(cls, columns: ColumnReader, count: int) -> ChunkTable:
        """Read the columns of `count` chunks without checking them.

        Raises DamagedObjectError if there are fewer.
        """
        hashes = columns.read(count * HASH_SIZE)
        raw_sizes, stored_sizes, packs, offsets = (
            columns.read_numbers("I", count) for _ in range(4)
        )
        bases = columns.read_numbers("i", count)
        return cls(
            hashes=hashes,
            raw_sizes=raw_sizes,
            stored_sizes=stored_sizes,
            packs=packs,
            offsets=offsets,
            codecs=columns.read(count),
            widths=columns.read(count),
            bases=bases,
        )

    def check(self, pack_sizes: array[int]) -> None:
        """Check every row against the sizes of the packs, in bytes.

        Raises DamagedObjectError if a number is out of bounds, NewerFormatError if a codec is unknown.
        """
        if not len(self):
            return
        self._check_bounds(pack_sizes)
        for codec in set(self.codecs):
            known_codec(codec)
        self._check_raw()
        self._check_bases()
        self._check_codecs()

    def _check_bounds(self, pack_sizes: array[int]) -> None:
        if max(self.packs) >= len(pack_sizes):
            raise DamagedObjectError("a manifest places a chunk in a pack that it does not list")
        if min(self.stored_sizes) < 1 or max(self.raw_sizes) > MAX_CHUNK:
            raise DamagedObjectError("a manifest has a chunk of an impossible size")
        # A chunk that does not compress is stored raw.
        if not all(map(le, self.stored_sizes, self.raw_sizes)):
            raise DamagedObjectError(
                "a manifest has a chunk whose stored size exceeds its raw size"
            )
        ends = map(add, self.offsets, self.stored_sizes)
        limits = map(pack_sizes.__getitem__, self.packs)
        if min(self.offsets) < HEADER_SIZE or not all(map(le, ends, limits)):
            raise DamagedObjectError("a manifest places a chunk outside its pack")

    def _check_raw(self) -> None:
        """Check that raw chunks are stored in their raw size."""
        same_size = map(eq, self.stored_sizes, self.raw_sizes)
        is_raw = map(Codec.RAW.__eq__, self.codecs)
        if not all(map(ge, same_size, is_raw)):
            raise DamagedObjectError("a manifest has a raw chunk with two different sizes")

    def _check_codecs(self) -> None:
        """Check width and base of each chunk against its codec."""
        has_bases = map(NO_BASE.__ne__, self.bases)
        for codec, width, has_base in set(zip(self.codecs, self.widths, has_bases, strict=True)):
            check_codec(codec, width=width, has_base=has_base)

    def _check_bases(self) -> None:
        """Check that each base is as long as its delta and not a delta: decoding never recurses."""
        if self.bases.count(NO_BASE) == len(self):
            return
        is_delta = bytes(map(NO_BASE.__ne__, self.bases))
        bases = array("i", compress(self.bases, is_delta))
        if min(bases) < 0 or max(bases) >= len(self) or any(map(is_delta.__getitem__, bases)):
            raise DamagedObjectError("a manifest has a chunk with an invalid base")
        sizes = compress(self.raw_sizes, is_delta)
        if not all(map(eq, map(self.raw_sizes.__getitem__, bases), sizes)):
            raise DamagedObjectError("a manifest has a chunk with a base of another length")


class ChunkTableBuilder:
    """Builds a table row by row."""

    def __init__(self) -> None:
        self._hashes = bytearray()
        # raw size, stored size, pack, offset, codec, width, base: the order of ChunkLocation
        self._numbers = tuple(array(typecode) for typecode in "IIIIBBi")

    def __len__(self) -> int:
        return len(self._numbers[0])

    def append(self, location: ChunkLocation) -> None:
        """Add a row; its number is the previous length.

        Raises ValueError if the hash has not 32 bytes, OverflowError if a number does not fit its column.
        Discard the builder then.
        """
        if len(location.hash) != HASH_SIZE:
            raise ValueError(location.hash)
        for column, number in zip(self._numbers, location[1:], strict=True):
            column.append(number)
        self._hashes += location.hash

    def codecs(self) -> set[int]:
        """Return the codecs in use."""
        return set(self._numbers[4])

    def table(self) -> ChunkTable:
        """Return the rows so far without checking them."""
        raw_sizes, stored_sizes, packs, offsets, codecs, widths, bases = self._numbers
        return ChunkTable(
            hashes=bytes(self._hashes),
            raw_sizes=raw_sizes[:],
            stored_sizes=stored_sizes[:],
            packs=packs[:],
            offsets=offsets[:],
            codecs=codecs.tobytes(),
            widths=widths.tobytes(),
            bases=bases[:],
        )
