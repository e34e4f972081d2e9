"""Zip archives that store their entries are cut at them: PyTorch, npz, Keras."""

from __future__ import annotations

import io
import struct
import time
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.chunking.choose import (
    CONTENT_CHUNKER,
    ZIP_CHUNKER,
    PlannedChunk,
    choose_chunker,
    planned_chunks,
)
from tests.support.formats import pread, pread_only, zip_file
from tests.support.real_models import fetch_real_models

if TYPE_CHECKING:
    from collections.abc import Sequence

MIB = 1 << 20
LOCAL = 30  # bytes of an entry's own header, before its name


def plan(data: bytes) -> Sequence[PlannedChunk] | None:
    return planned_chunks(pread(data), len(data))


def npy(descr: str, body: bytes, *, version: int = 1) -> bytes:
    """An array of NumPy with its header, padded as NumPy does."""
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': ({len(body)},), }}"
    size = "<H" if version == 1 else "<I"
    length = -(-(8 + struct.calcsize(size) + len(text) + 1) // 64) * 64 - 8 - struct.calcsize(size)
    start = b"\x93NUMPY" + bytes([version, 0]) + struct.pack(size, length)
    return start + text.ljust(length - 1).encode() + b"\n" + body


def test_the_entries_of_a_pytorch_file_are_its_tensors() -> None:
    """The folder that PyTorch calls as the file was called is no part of a key."""
    data = zip_file(
        {
            "fraud-v7/data.pkl": bytes(900),
            "fraud-v7/data/0": bytes(9 * MIB),
            "fraud-v7/data/1": bytes(40),
            "fraud-v7/data/2": bytes(24),
            "fraud-v7/version": b"3\n",
        }
    )
    pieces = plan(data)

    assert pieces is not None
    assert choose_chunker(pread(data), len(data)).id == ZIP_CHUNKER
    header = LOCAL + len("fraud-v7/data/0")
    group = 40 + header + 24
    assert pieces[:-1] == [
        PlannedChunk(LOCAL + len("fraud-v7/data.pkl"), None, 0),
        PlannedChunk(900, "data.pkl+0", 0),
        PlannedChunk(header, None, 0),
        PlannedChunk(4 * MIB, "data/0+0", 0),
        PlannedChunk(4 * MIB, "data/0+4194304", 0),
        PlannedChunk(MIB, "data/0+8388608", 0),
        PlannedChunk(header, None, 0),
        PlannedChunk(group, f"data/1*2={group}", 0),
        PlannedChunk(header + 1, None, 0),
        PlannedChunk(2, "version+0", 0),
    ]
    assert pieces[-1].key is None


@pytest.mark.parametrize(
    ("descr", "width"),
    [
        ("<f4", 4),
        ("<f2", 2),
        (">f8", 8),
        ("|b1", 1),
        ("|u1", 1),
        ("<c16", 16),
        ("|O", 0),
        ("<U5", 0),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_the_header_of_an_array_tells_its_width(descr: str, width: int, version: int) -> None:
    body = bytes(MIB)
    pieces = plan(
        zip_file({"w.npy": npy(descr, body, version=version), "b.npy": npy("<f4", b"1234")})
    )

    assert pieces is not None
    assert pieces[1] == PlannedChunk(MIB, "w+0", width)
    assert pieces[3] == PlannedChunk(4, "b+0", 4)


@pytest.mark.parametrize(
    "entry",
    [
        b"\x93NUMPY\x01\x00\xff\xff" + bytes(20),
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(20),
        b"\x93NUMPY\x09\x00\x10\x00" + bytes(20),
        b"\x93NUM",
        b"no array, but longer than its magic",
    ],
)
def test_an_array_without_a_true_header_has_no_width(entry: bytes) -> None:
    pieces = plan(zip_file({"w.npy": entry}))

    assert pieces is not None
    assert pieces[1] == PlannedChunk(len(entry), "w+0", 0)


def test_compressed_entries_are_bytes_without_layout() -> None:
    data = zip_file({"a": bytes(range(256)) * 2000, "b": bytes(MIB)}, compressed=["a"])
    pieces = plan(data)

    assert pieces is not None
    assert (pieces[1].key, pieces[1].width, pieces[3].key) == ("a+0", 1, "b+0")
    assert plan(zip_file({"a": bytes(MIB)}, compressed=["a"])) is None


def test_a_comment_and_unknown_bytes_in_between_are_pieces_of_their_own() -> None:
    data = zip_file({"a": bytes(400_000)}, comment=b"made by hand")
    pieces = plan(data)

    assert pieces is not None
    assert [piece.key for piece in pieces] == [None, "a+0", None]
    assert pieces[2].size == 46 + 1 + 22 + 12


def test_entries_longer_than_32_bits_can_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    data = zip_file({"a": bytes(400_000), "b": bytes(300_000), "c": b"x"})
    pieces = plan(data)

    assert b"PK\x06\x06" in data
    assert pieces is not None
    assert [(piece.size, piece.key) for piece in pieces if piece.key] == [
        (400_000, "a+0"),
        (300_000, "b+0"),
        (1, "c+0"),
    ]


def test_the_directory_alone_does_not_do() -> None:
    """Each entry's own header says where its bytes begin."""
    data = zip_file({"a": bytes(400_000), "b": bytes(300_000)})
    directory = data.index(b"PK\x01\x02")

    assert planned_chunks(pread_only(data, [(0, 31), (directory, len(data))]), len(data)) is None
    spans = [(0, 31), (400_031, 400_062), (directory, len(data))]
    assert planned_chunks(pread_only(data, spans), len(data)) == plan(data)


GOOD = zip_file({"a": bytes(100), "b": bytes(100)})
DIRECTORY = GOOD.index(b"PK\x01\x02")
END = GOOD.index(b"PK\x05\x06")


def patched(place: int, form: str, *values: int) -> bytes:
    data = bytearray(GOOD)
    struct.pack_into("<" + form, data, place, *values)
    return bytes(data)


def twice() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a", bytes(100))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a", bytes(100))
    return stream.getvalue()


def long_sizes(extra: bytes) -> bytes:
    """An archive whose directory refers to an extra field for the two sizes of its entry."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("a")
        info.extra = extra
        archive.writestr(info, bytes(100))
    data = bytearray(stream.getvalue())
    struct.pack_into("<II", data, data.index(b"PK\x01\x02") + 20, 0xFFFFFFFF, 0xFFFFFFFF)
    return bytes(data)


OTHER_FIELD = struct.pack("<HH4s", 0x5455, 4, b"time")


def test_the_long_sizes_may_stand_behind_other_fields() -> None:
    pieces = plan(long_sizes(OTHER_FIELD + struct.pack("<HHQQ", 1, 16, 100, 100)))

    assert pieces is not None
    assert pieces[1] == PlannedChunk(100, "a+0", 0)


HOSTILE = {
    "long sizes that are not there": long_sizes(OTHER_FIELD),
    "long sizes cut short": long_sizes(struct.pack("<HHQI", 1, 12, 100, 100)),
    "long sizes past the end": long_sizes(struct.pack("<HHQQ", 1, 16, 1 << 63, 1 << 63)),
    "a locator that points at something else": GOOD[:END]
    + struct.pack("<4sIQI", b"PK\x06\x07", 0, 0, 1)
    + GOOD[END:],
    "cut off": GOOD[:-1],
    "bytes behind": GOOD + b"x",
    "no directory": GOOD[:DIRECTORY],
    "many entries": patched(END + 8, "HH", 65_000, 65_000),
    "fewer entries": patched(END + 8, "HH", 1, 1),
    "other disks": patched(END + 4, "HH", 1, 1),
    "a long directory": patched(END + 12, "I", 0xFFFFFFF0),
    "directory elsewhere": patched(END + 16, "I", 0),
    "encrypted": patched(DIRECTORY + 8, "H", 1),
    "encrypted in its own header": patched(6, "H", 1),
    "two sizes": patched(DIRECTORY + 20, "II", 100, 99),
    "size past the end": patched(DIRECTORY + 20, "II", 1 << 31, 1 << 31),
    "size over the next entry": patched(DIRECTORY + 20, "II", 110, 110),
    "zip64 without its field": patched(DIRECTORY + 20, "II", 0xFFFFFFFF, 0xFFFFFFFF),
    "a name longer than the directory": patched(DIRECTORY + 28, "H", 65_000),
    "an entry on another disk": patched(DIRECTORY + 34, "H", 3),
    "entry at a place that is none": patched(DIRECTORY + 42, "I", 5),
    "entry past the end": patched(DIRECTORY + 42, "I", 0xFFFFFF00),
    "two entries at one place": patched(DIRECTORY + 47 + 42, "I", 0),
    "another name in its own header": patched(30, "B", 0x7A),
    "another method in its own header": patched(8, "H", 8),
    "a long extra field": patched(28, "H", 65_535),
    "a name twice": twice(),
    "a name twice but for its suffix": zip_file({"a": b"1", "a.npy": b"2"}),
    "a long name": zip_file({"n" * 2000: bytes(100)}),
    "only empty entries": zip_file({"a": b"", "b/": b""}),
    "no entries": b"PK\x03\x04" + zip_file({}),
    "a bomb": zip_file({"a": bytes(20 * MIB)}, compressed=["a"]),
    "64 KiB of signatures": b"PK\x03\x04" + b"PK\x05\x06" * 17_000,
    "a locator that points nowhere": GOOD[:END]
    + struct.pack("<4sIQI", b"PK\x06\x07", 0, 1 << 63, 1)
    + GOOD[END:],
    "a locator that points at itself": GOOD[:END]
    + struct.pack("<4sIQI", b"PK\x06\x07", 0, END, 1)
    + GOOD[END:],
    "a long record with absurd numbers": GOOD[:END]
    + struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1 << 63, 1 << 63, 1 << 63, 0)
    + struct.pack("<4sIQI", b"PK\x06\x07", 0, END, 1)
    + GOOD[END:],
    "a directory over 16 MiB": b"PK\x03\x04"
    + bytes(17 * MIB)
    + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 9, 9, 17 * MIB, 4, 0),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_archive_in_doubt_is_cut_by_content_at_once(name: str) -> None:
    data = HOSTILE[name]
    choose_chunker(pread(GOOD), len(GOOD))  # the modules are imported
    best = 1.0
    for _ in range(3):
        start = time.thread_time()
        assert choose_chunker(pread(data), len(data)).id == CONTENT_CHUNKER
        best = min(best, time.thread_time() - start)

    assert best < 0.05


def test_the_archive_that_hostile_ones_are_made_from_is_planned() -> None:
    pieces = plan(GOOD)

    assert pieces is not None
    assert [piece.key for piece in pieces] == [None, "a*2=231", None]


@given(
    st.dictionaries(
        st.text("abc/.", min_size=1, max_size=6), st.integers(0, 300_000), min_size=1, max_size=8
    ),
    st.booleans(),
    st.binary(max_size=30).filter(lambda comment: b"PK" not in comment),
)
@settings(deadline=None, max_examples=100)
def test_any_archive_is_covered(table: dict[str, int], deep: bool, comment: bytes) -> None:
    data = zip_file({f"x/{k}" if deep else k: bytes(n) for k, n in table.items()}, comment=comment)
    pieces = plan(data)

    assert (pieces is None) == (sum(table.values()) == 0)
    if pieces is not None:
        assert sum(piece.size for piece in pieces) == len(data)
        keys = [piece.key for piece in pieces if piece.key]
        assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(("count", "seconds"), [(1_000, 0.03), (100_000, 2.0)])
def test_planning_is_fast(count: int, seconds: float) -> None:
    data = zip_file({f"archive/data/{number}": b"12345678" for number in range(count)})
    best = 60.0
    for _ in range(2):
        start = time.thread_time()
        assert plan(data) is not None
        best = min(best, time.thread_time() - start)

    assert best < seconds


def test_real_pytorch_files_are_planned() -> None:
    folder = fetch_real_models(["chgnet", "silero-vad"])
    paths = [*folder.glob("chgnet/0.4.2/**/*.pth.tar"), *folder.glob("silero-vad/6.2.3/*.jit")]

    assert len(paths) == 4
    for path in paths:
        data = path.read_bytes()
        pieces = plan(data)
        assert pieces is not None, path.name
        assert sum(piece.size for piece in pieces) == len(data)
        assert sum(piece.size for piece in pieces if piece.key is None) < len(data) * 0.02
        assert len(pieces) < 40
