"""Rows that passed the check need no other check."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.codecs.codec import MAX_CHUNK
from gitmodel.encoding.manifest.chunk_table import (
    NO_BASE,
    ChunkLocation,
    ChunkTable,
    ChunkTableBuilder,
)
from gitmodel.encoding.manifest.columns import ColumnReader, ColumnWriter
from gitmodel.encoding.pack import HEADER_SIZE, PACK_MAX
from gitmodel.errors import DamagedObjectError, NewerFormatError

SOUND = ChunkLocation(bytes(32), raw_size=9, stored_size=5, pack=0, offset=48, codec=1)
PLANES = SOUND._replace(codec=2, width=2)
DELTA = SOUND._replace(codec=3, width=2, base=0)
SIZES = array("I", [PACK_MAX, 1000])


def table_of(*rows: ChunkLocation) -> ChunkTable:
    collector = ChunkTableBuilder()
    for row in rows:
        collector.append(row)
    return collector.table()


def rows() -> st.SearchStrategy[ChunkLocation]:
    u32 = st.integers(0, 2**32 - 1)
    return st.builds(
        ChunkLocation,
        hash=st.binary(min_size=32, max_size=32),
        raw_size=u32,
        stored_size=u32,
        pack=u32,
        offset=u32,
        codec=st.integers(0, 255),
        width=st.integers(0, 255),
        base=st.integers(-(2**31), 2**31 - 1),
    )


@given(st.lists(rows(), max_size=8))
@settings(deadline=None, max_examples=60)
def test_rows_are_read_as_written(rows: list[ChunkLocation]) -> None:
    table = table_of(*rows)
    columns = ColumnWriter()
    table.write(columns)
    source = ColumnReader(columns.sealed(b"gmx1"), magic=b"gmx1", what="table")

    assert ChunkTable.read(source, len(rows)) == table
    assert [table[number] for number in range(len(table))] == rows
    source.end()


def test_negative_numbers_are_refused() -> None:
    for number in (-1, 1):
        with pytest.raises(IndexError):
            table_of(SOUND)[number]


def test_a_row_that_cannot_be_stored_is_not_taken() -> None:
    with pytest.raises(ValueError, match="short"):
        ChunkTableBuilder().append(SOUND._replace(hash=b"short"))
    with pytest.raises(OverflowError):
        ChunkTableBuilder().append(SOUND._replace(offset=1 << 32))


@pytest.mark.parametrize(
    "row",
    [
        SOUND,
        SOUND._replace(raw_size=MAX_CHUNK, stored_size=1),
        SOUND._replace(raw_size=5, codec=0),
        SOUND._replace(pack=1, offset=995),
        SOUND._replace(offset=PACK_MAX - 5),
        *(PLANES._replace(width=width) for width in range(1, 17)),
        *(DELTA._replace(width=width) for width in (1, 2, 4, 8)),
        *(DELTA._replace(codec=4, width=width) for width in (1, 2, 4, 8)),
    ],
    ids=range(29),
)
def test_rows_at_the_bounds_are_accepted(row: ChunkLocation) -> None:
    table_of(SOUND, row).check(SIZES)


def test_an_empty_table_needs_no_packs() -> None:
    table_of().check(array("I"))


OUTSIDE = "a manifest places a chunk outside its pack"
NO_SIZE = "a manifest has a chunk of an impossible size"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (SOUND._replace(pack=2), "a manifest places a chunk in a pack that it does not list"),
        (SOUND._replace(raw_size=MAX_CHUNK + 1), NO_SIZE),
        (SOUND._replace(stored_size=0), NO_SIZE),
        (SOUND._replace(stored_size=0, raw_size=0), NO_SIZE),
        (
            SOUND._replace(stored_size=10),
            "a manifest has a chunk whose stored size exceeds its raw size",
        ),
        (SOUND._replace(offset=HEADER_SIZE - 1), OUTSIDE),
        (SOUND._replace(offset=PACK_MAX - 4), OUTSIDE),
        (SOUND._replace(offset=2**32 - 1), OUTSIDE),
        (SOUND._replace(pack=1, offset=996), OUTSIDE),
        (SOUND._replace(codec=0), "a manifest has a raw chunk with two different sizes"),
        (SOUND._replace(width=2), "a chunk has 2-byte elements, which its codec does not allow"),
        (SOUND._replace(base=0), "a chunk has a base, but its codec takes none"),
        (SOUND._replace(base=1), "a manifest has a chunk with an invalid base"),
        (SOUND._replace(base=2), "a manifest has a chunk with an invalid base"),
        (SOUND._replace(base=-2), "a manifest has a chunk with an invalid base"),
        (DELTA._replace(base=1), "a manifest has a chunk with an invalid base"),
        (DELTA._replace(base=NO_BASE), "a chunk stored as a delta has no base"),
        (DELTA._replace(raw_size=10), "a manifest has a chunk with a base of another length"),
        (DELTA._replace(width=0), "a chunk has 0-byte elements, which its codec does not allow"),
        (DELTA._replace(width=3), "a chunk has 3-byte elements, which its codec does not allow"),
        (PLANES._replace(width=0), "a chunk has 0-byte elements, which its codec does not allow"),
        (PLANES._replace(width=17), "a chunk has 17-byte elements, which its codec does not allow"),
        (PLANES._replace(base=0), "a chunk has a base, but its codec takes none"),
    ],
    ids=range(23),
)
def test_an_invalid_row_is_refused(row: ChunkLocation, message: str) -> None:
    with pytest.raises(DamagedObjectError) as caught:
        table_of(SOUND, row).check(SIZES)

    assert str(caught.value) == message


def test_bases_in_a_circle_are_refused() -> None:
    table = table_of(SOUND._replace(base=1), SOUND._replace(base=0))
    with pytest.raises(DamagedObjectError, match="invalid base"):
        table.check(SIZES)


def test_a_delta_against_a_delta_is_refused() -> None:
    with pytest.raises(DamagedObjectError, match="invalid base"):
        table_of(SOUND, DELTA, DELTA._replace(base=1)).check(SIZES)


def test_a_codec_to_come_asks_for_an_upgrade() -> None:
    with pytest.raises(NewerFormatError, match="codec 5"):
        table_of(SOUND, SOUND._replace(codec=5, base=0, width=2)).check(SIZES)


@given(st.lists(rows(), min_size=1, max_size=4), st.data())
@settings(deadline=None, max_examples=100)
def test_what_passes_is_inside_its_pack(rows: list[ChunkLocation], data: st.DataObject) -> None:
    rows = [
        row._replace(
            pack=data.draw(st.integers(0, 2)),
            offset=data.draw(st.integers(40, 60)),
            stored_size=data.draw(st.integers(0, 9)),
            raw_size=9,
            codec=1,
            width=0,
            base=NO_BASE,
        )
        for row in rows
    ]
    sizes = array("I", [55, 60])
    try:
        table_of(*rows).check(sizes)
    except DamagedObjectError:
        return
    assert all(48 <= row.offset < row.offset + row.stored_size <= sizes[row.pack] for row in rows)
