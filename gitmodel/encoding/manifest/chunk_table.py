"""Where each distinct chunk of a manifest lies, as columns of numbers.

A *place* is one row: chunk hash, pack, offset, codec and sizes. Columns instead of objects keep a row
at 54 bytes, and are checked at the speed of C: half a million chunks in a fifth of a second.

One thing is guaranteed: in a `PlaceTable` that passed `check`, every place lies inside its pack and
decodes within bounds, and every delta has a base of its own length that is none itself.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import compress
from operator import add, eq, ge, le
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.encoding.codecs.codec import HASH_SIZE, MAX_CHUNK, Codec, check_form, known_codec
from gitmodel.encoding.pack import HEADER_SIZE
from gitmodel.errors import DamagedObjectError

if TYPE_CHECKING:
    from gitmodel.encoding.manifest.columns import ColumnReader, ColumnWriter

NO_BASE: Final = -1
PLACE_ROW: Final = HASH_SIZE + 5 * 4 + 2  # bytes a chunk, before compression


class ChunkLocation(NamedTuple):
    """Where a chunk lies and how it is stored. Sizes and offset are bytes."""

    hash: bytes
    raw_size: int
    stored_size: int
    pack: int  # number in the manifest's packs
    offset: int  # of the payload in the pack
    codec: int
    width: int = 0
    base: int = NO_BASE  # number of the chunk that this one is a delta against


@dataclass(frozen=True, slots=True)
class PlaceTable:
    """All places, by chunk number: one entry a chunk in each column, 32 bytes a chunk in `hashes`."""

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
            raise IndexError(number)  # no chunk counts from the end
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

    def put(self, columns: ColumnWriter) -> None:
        """Write all columns; `take` reads them back."""
        columns.put(self.hashes)
        for numbers in (self.raw_sizes, self.stored_sizes, self.packs, self.offsets, self.bases):
            columns.put_numbers(numbers)
        columns.put(self.codecs)
        columns.put(self.widths)

    @classmethod
    def take(cls, columns: ColumnReader, count: int) -> PlaceTable:
        """Read the columns of `count` chunks, unchecked.

        Raises:
            DamagedObjectError: There are fewer.
        """
        hashes = columns.take(count * HASH_SIZE)
        raw_sizes, stored_sizes, packs, offsets = (
            columns.take_numbers("I", count) for _ in range(4)
        )
        bases = columns.take_numbers("i", count)
        return cls(
            hashes=hashes,
            raw_sizes=raw_sizes,
            stored_sizes=stored_sizes,
            packs=packs,
            offsets=offsets,
            codecs=columns.take(count),
            widths=columns.take(count),
            bases=bases,
        )

    def check(self, pack_sizes: array[int]) -> None:
        """Check every place against the sizes of the packs, in bytes.

        Raises:
            DamagedObjectError: A number lies where it must not.
            NewerFormatError: A codec is not known here.
        """
        if not len(self):
            return
        self._check_bounds(pack_sizes)
        for codec in set(self.codecs):
            known_codec(codec)
        self._check_raw()
        self._check_bases()
        self._check_forms()

    def _check_bounds(self, pack_sizes: array[int]) -> None:
        if max(self.packs) >= len(pack_sizes):
            raise DamagedObjectError("a manifest places a chunk in a pack that it does not name")
        if min(self.stored_sizes) < 1 or max(self.raw_sizes) > MAX_CHUNK:
            raise DamagedObjectError("a manifest has a chunk of a size that no chunk has")
        # Encoding never makes a chunk longer: it is then stored raw.
        if not all(map(le, self.stored_sizes, self.raw_sizes)):
            raise DamagedObjectError("a manifest has a chunk that is longer stored than raw")
        ends = map(add, self.offsets, self.stored_sizes)
        limits = map(pack_sizes.__getitem__, self.packs)
        if min(self.offsets) < HEADER_SIZE or not all(map(le, ends, limits)):
            raise DamagedObjectError("a manifest places a chunk outside its pack")

    def _check_raw(self) -> None:
        """Check that what is stored raw has one size only."""
        same = map(eq, self.stored_sizes, self.raw_sizes)
        plain = map(Codec.RAW.__eq__, self.codecs)
        if not all(map(ge, same, plain)):
            raise DamagedObjectError("a manifest has a chunk stored raw in another size")

    def _check_forms(self) -> None:
        """Check that each codec has a width and a base if it takes one, and none otherwise."""
        has_base = map(NO_BASE.__ne__, self.bases)
        for codec, width, based in set(zip(self.codecs, self.widths, has_base, strict=True)):
            check_form(codec, width=width, has_base=based)

    def _check_bases(self) -> None:
        """Check that a base is a chunk as long as its delta, and no delta itself.

        So decoding never goes deeper than one.
        """
        if self.bases.count(NO_BASE) == len(self):
            return
        is_delta = bytes(map(NO_BASE.__ne__, self.bases))
        bases = array("i", compress(self.bases, is_delta))
        if min(bases) < 0 or max(bases) >= len(self) or any(map(is_delta.__getitem__, bases)):
            raise DamagedObjectError("a manifest has a chunk with an unfit base")
        sizes = compress(self.raw_sizes, is_delta)
        if not all(map(eq, map(self.raw_sizes.__getitem__, bases), sizes)):
            raise DamagedObjectError("a manifest has a chunk with a base of another length")


class PlaceCollector:
    """Gathers places into a table, row by row."""

    def __init__(self) -> None:
        self._hashes = bytearray()
        # raw size, stored size, pack, offset, codec, width, base: in the order of ChunkPlace
        self._numbers = tuple(array(typecode) for typecode in "IIIIBBi")

    def __len__(self) -> int:
        return len(self._numbers[0])

    def append(self, place: ChunkLocation) -> None:
        """Add a row; its number is the length before.

        Raises:
            ValueError: The hash has another length than 32 bytes.
            OverflowError: A number does not fit its column; the collector is then of no use.
        """
        if len(place.hash) != HASH_SIZE:
            raise ValueError(place.hash)
        for column, number in zip(self._numbers, place[1:], strict=True):
            column.append(number)
        self._hashes += place.hash

    def codecs(self) -> set[int]:
        """Return the codecs in use."""
        return set(self._numbers[4])

    def table(self) -> PlaceTable:
        """Return what was gathered so far, unchecked."""
        raw_sizes, stored_sizes, packs, offsets, codecs, widths, bases = self._numbers
        return PlaceTable(
            hashes=bytes(self._hashes),
            raw_sizes=raw_sizes[:],
            stored_sizes=stored_sizes[:],
            packs=packs[:],
            offsets=offsets[:],
            codecs=codecs.tobytes(),
            widths=widths.tobytes(),
            bases=bases[:],
        )
