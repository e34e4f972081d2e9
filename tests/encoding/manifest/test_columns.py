"""Columns are read as written, and false lengths are detected before memory is allocated."""

from __future__ import annotations

from array import array
from typing import TypeAlias

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.codecs.codec import chunk_hash
from gitmodel.encoding.manifest.columns import ColumnReader, ColumnWriter
from gitmodel.errors import DamagedObjectError, NewerFormatError

Column: TypeAlias = "bytes | array[int]"
NUMBERS = {
    "B": (0, 2**8),
    "H": (0, 2**16),
    "I": (0, 2**32),
    "Q": (0, 2**64),
    "i": (-(2**31), 2**31),
}


def numbers() -> st.SearchStrategy[array[int]]:
    def column(typecode: str) -> st.SearchStrategy[array[int]]:
        low, end = NUMBERS[typecode]
        return st.lists(st.integers(low, end - 1), max_size=30).map(
            lambda values: array(typecode, values)
        )

    return st.sampled_from(sorted(NUMBERS)).flatmap(column)


def written(columns: list[Column]) -> bytes:
    writer = ColumnWriter()
    for column in columns:
        if isinstance(column, array):
            writer.write_numbers(column)
        else:
            writer.write(column)
    return writer.sealed(b"gmx1")


def reader(data: bytes) -> ColumnReader:
    return ColumnReader(data, magic=b"gmx1", what="thing")


def seal(frame: bytes) -> bytes:
    return b"gmx1" + chunk_hash(frame) + frame


@given(st.lists(st.binary(max_size=40) | numbers(), max_size=8))
@settings(deadline=None, max_examples=120)
def test_columns_come_back(columns: list[Column]) -> None:
    source = reader(written(columns))
    back = [
        source.read_numbers(column.typecode, len(column))
        if isinstance(column, array)
        else source.read(len(column))
        for column in columns
    ]
    source.end()

    assert back == columns
    assert source.size == sum(
        len(column) * (column.itemsize if isinstance(column, array) else 1) for column in columns
    )


def test_numbers_are_little_endian_and_stored_by_planes() -> None:
    source = reader(written([array("I", [0x0A0B0C0D, 0x01020304])]))

    assert source.read(8).hex() == "0d04" + "0c03" + "0b02" + "0a01"


def test_counters_and_sizes_that_hardly_differ_take_little_room() -> None:
    data = written([array("I", range(100_000)), array("I", [262_144] * 100_000)])

    assert len(data) < 10_000


def test_hashes_come_back_as_hex() -> None:
    source = reader(written([bytes(range(64))]))

    assert source.read_hashes(2) == [bytes(range(32)).hex(), bytes(range(32, 64)).hex()]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "thing does not match its checksum"),
        (b"gmx1", "thing does not match its checksum"),
        (b"PK\3\4" + bytes(50), "thing does not match its checksum"),
        (written([b"abc"])[:-1], "thing does not match its checksum"),
        (written([b"abc"]) + b"\0", "thing does not match its checksum"),
        (seal(b""), "thing has no columns"),
        (seal(b"no frame"), "thing has no columns"),
        (seal(zstandard.compress(bytes(17 << 20))), "thing claims to be larger than the limit"),
        (
            seal(zstandard.ZstdCompressor(write_content_size=False).compress(b"abc")),
            "thing claims to be larger than the limit",
        ),
    ],
    ids=["empty", "magic", "zip", "cut", "longer", "sealed nothing", "no frame", "bomb", "no size"],
)
def test_what_was_never_written_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(DamagedObjectError) as caught:
        reader(data)

    assert str(caught.value).split(" (", 1)[0] == message


def test_a_later_format_asks_for_an_upgrade() -> None:
    with pytest.raises(NewerFormatError) as caught:
        reader(b"gmx2" + bytes(60))

    assert (str(caught.value), caught.value.hint) == (
        "thing has a later format than this version of gitmodel supports",
        "upgrade gitmodel",
    )


def test_taking_too_much_or_too_little_is_noticed() -> None:
    data = written([b"abc"])
    with pytest.raises(DamagedObjectError, match="thing ends too early"):
        reader(data).read(4)
    source = reader(data)
    source.read(2)
    with pytest.raises(DamagedObjectError, match="thing is longer than it states"):
        source.end()


def test_a_frame_that_breaks_off_or_lies_is_noticed() -> None:
    frame = zstandard.compress(bytes(range(256)) * 40)
    with pytest.raises(DamagedObjectError, match=r"thing (does not decompress|ends too early)"):
        reader(seal(frame[:-3])).read(256 * 40)

    # A block of three raw bytes, the last one, where the header says two.
    lying = bytes.fromhex("28b52ffd" + "2002" + "190000") + b"abc"
    source = reader(seal(lying))
    assert source.size == 2
    with pytest.raises(DamagedObjectError, match="thing does not decompress"):
        source.read(2)

    # And where it says four: the lie shows at the end of the frame.
    source = reader(seal(lying.replace(b"\x20\x02", b"\x20\x04")))
    with pytest.raises(DamagedObjectError, match=r"thing (does not decompress|ends too early)"):
        source.read(4)


def test_a_frame_that_is_whole_but_for_its_end_is_noticed() -> None:
    frame = zstandard.ZstdCompressor(write_checksum=True).compress(b"")
    source = reader(seal(frame[:-1] + b"!"))
    with pytest.raises(DamagedObjectError, match="thing does not decompress"):
        source.end()


def test_a_window_larger_than_any_we_write_is_refused() -> None:
    frame = bytes.fromhex("28b52ffd" + "80a8" + "03000000" + "190000") + b"abc"
    with pytest.raises(DamagedObjectError, match="thing does not decompress"):
        reader(seal(frame)).read(1)
