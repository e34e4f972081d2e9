"""Decoding returns the encoded bytes, for any width and any form of each plane."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.codecs.byte_planes import Planes, decode_planes, encode_planes, read_planes
from gitmodel.encoding.codecs.kernels import LANES, MAX_WIDTH, arrays
from gitmodel.encoding.codecs.zstd import MAX_CHUNK, CompressionLevel, compress
from gitmodel.errors import DamagedObjectError
from tests.support.noise import noise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTHS = st.integers(1, MAX_WIDTH)
LEVELS = st.sampled_from([None, *CompressionLevel])


@pytest.fixture(scope="module", autouse=True)
def short_blocks() -> Iterator[None]:
    """Chunks of a test go over several blocks of numbers, whatever the width."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "_BLOCK", 1 << 10)
        yield


def payload_of(
    raw: bytes, width: int, levels: Sequence[CompressionLevel | None], base: bytes | None = None
) -> bytes:
    return b"".join(encode_planes(raw, width, levels, base).parts)


def read_back(
    payload: bytes,
    width: int,
    raw_size: int,
    base: bytes | Planes | None = None,
    *,
    may_be_sparse: bool = False,
) -> bytes:
    raw = memoryview(bytearray(raw_size))
    decode_planes(payload, width=width, raw=raw, base=base, may_be_sparse=may_be_sparse)
    return bytes(raw)


def chunks() -> st.SearchStrategy[bytes]:
    """Short ones, and ones longer than a block of numbers."""
    long = st.integers(65_530, 66_000).map(lambda size: bytes(size // 2) + noise(size - size // 2))
    return st.one_of(st.binary(max_size=200), long)


@given(chunks(), WIDTHS, st.data())
@settings(deadline=None, max_examples=120)
def test_a_payload_reads_back(raw: bytes, width: int, data: st.DataObject) -> None:
    levels = [data.draw(LEVELS) for _ in range(width)]
    payload = payload_of(raw, width, levels)

    assert len(payload) <= 4 * width + len(raw)
    assert read_back(payload, width, len(raw)) == raw
    assert read_planes(payload, width=width, raw_size=len(raw)).joined() == raw


@given(chunks(), st.sampled_from(LANES), WIDTHS, st.data())
@settings(deadline=None, max_examples=120)
def test_a_payload_against_a_base_reads_back(
    raw: bytes, lane: int, width: int, data: st.DataObject
) -> None:
    """Also where the base is given as its planes, of elements of the same width or another."""
    base = noise(len(raw), data.draw(st.integers(0, 9)))
    payload = payload_of(raw, lane, [data.draw(LEVELS) for _ in range(lane)], base)
    planes = read_planes(payload_of(base, width, [None] * width), width=width, raw_size=len(raw))

    assert planes.size == len(raw)
    assert read_back(payload, lane, len(raw), base, may_be_sparse=True) == raw
    assert read_back(payload, lane, len(raw), planes, may_be_sparse=True) == raw


@given(
    st.sampled_from(LANES),
    st.integers(0, 300_000),
    st.dictionaries(st.integers(0, 299_999), st.integers(1, 255), max_size=60),
    st.booleans(),
)
@settings(deadline=None, max_examples=120)
def test_few_changes_read_back_wherever_they_are(
    lane: int, size: int, changes: dict[int, int], as_planes: bool
) -> None:
    base = noise(size)
    raw = bytearray(base)
    for position, change in changes.items():
        if position < size:
            raw[position] ^= change
    payload = encode_planes(bytes(raw), lane, [CompressionLevel.FAST] * lane, base)
    in_planes = read_planes(payload_of(base, lane, [None] * lane), width=lane, raw_size=size)
    stored = b"".join(payload.parts)

    under = in_planes if as_planes else base
    assert read_back(stored, lane, size, under, may_be_sparse=True) == raw
    if not payload.has_sparse:
        assert read_back(stored, lane, size, base) == raw


def test_a_difference_of_few_numbers_is_sparse_and_nothing_else() -> None:
    """Of three planes: one in 100, all of them, rows of 64 in 4096."""
    base, raw = noise(4 << 18), bytearray(noise(4 << 18))
    for position in range(0, 1 << 18, 100):
        raw[4 * position] ^= 1 + position % 255
    assert encode_planes(bytes(raw), 4, [CompressionLevel.FAST] * 4, base).has_sparse
    assert not encode_planes(bytes(raw), 4, [None] * 4, base).has_sparse
    assert not encode_planes(bytes(raw), 4, [CompressionLevel.FAST] * 4).has_sparse

    assert not encode_planes(
        noise(1 << 18, 2), 1, [CompressionLevel.FAST], base[: 1 << 18]
    ).has_sparse
    assert not encode_planes(base, 4, [CompressionLevel.FAST] * 4, base).has_sparse

    rows = bytearray(base)
    for row in range(0, 4 << 18, 4096):
        rows[row : row + 64] = noise(64, row)
    assert not encode_planes(bytes(rows), 1, [CompressionLevel.FAST], base).has_sparse


def sparse(entries: list[tuple[int, int]], *, plane: int) -> str:
    """A payload of one sparse plane of so many bytes, all of it zero but these: (step, value)."""
    columns = [
        bytes(step % 256 for step, _ in entries),
        bytes(step // 256 for step, _ in entries),
        bytes(value for _, value in entries),
    ]
    stored = len(entries).to_bytes(4, "little") * 4 + b"".join(columns)
    assert len(stored) < plane
    return (len(stored).to_bytes(4, "little") + stored).hex()


OUTSIDE = "a chunk has a sparse plane with entries outside"


@pytest.mark.parametrize(
    ("payload", "raw_size", "message"),
    [
        (sparse([(64, 1)], plane=64), 64, OUTSIDE),
        (sparse([(63, 1), (1, 1)], plane=64), 64, OUTSIDE),
        (sparse([(0, 1), (0, 1)], plane=64), 64, OUTSIDE),
        (sparse([(5, 1), (0, 1)], plane=64), 64, OUTSIDE),
        (sparse([(65535, 1), (1, 1)], plane=65536), 65536, OUTSIDE),
        (sparse([(1, 1)] * 9, plane=64), 64, "a chunk has a sparse plane of too many entries"),
        ("01000000 00", 64, "a chunk ends inside the sizes of its planes"),
        ("04000000 01000000", 64, "a chunk ends inside the sizes of its planes"),
        ("13000000 01000000 010000000100000002000000 0f0001", 64, "a chunk's planes do not add up"),
        ("13000000 01000000 010000000100000000000000 0f0001", 64, "a chunk's planes do not add up"),
        ("12000000 01000000 010000000100000000000000 0f00", 64, "a chunk does not decompress"),
    ],
    ids=range(11),
)
def test_a_sparse_plane_that_does_not_add_up_is_refused(
    payload: str, raw_size: int, message: str
) -> None:
    with pytest.raises(DamagedObjectError) as caught:
        read_back(bytes.fromhex(payload), 1, raw_size, bytes(raw_size), may_be_sparse=True)

    assert str(caught.value).startswith(message)


def test_a_sparse_plane_is_read_only_where_there_may_be_one() -> None:
    payload = bytes.fromhex(sparse([(63, 2)], plane=64))

    assert read_back(payload, 1, 64, bytes(64), may_be_sparse=True) == bytes(63) + b"\x01"
    with pytest.raises(DamagedObjectError):
        read_back(payload, 1, 64, bytes(64))


@pytest.mark.parametrize(
    ("lane", "raw", "base", "payload"),
    [
        (2, "0001 0000 ff", "ff00 0100 01", "02000000 02000000 0201 0000 fe"),
        (4, "00000000 aabb", "01000000 aabc", "01000000" * 4 + "01 00 00 00 00ff"),
    ],
    ids=range(2),
)
def test_the_last_bytes_are_subtracted_one_by_one(
    lane: int, raw: str, base: str, payload: str
) -> None:
    """Stores outlive programs: these bytes never change their meaning."""
    before, after, under = map(bytes.fromhex, (payload, raw, base))

    assert payload_of(after, lane, [None] * lane, under) == before
    assert read_back(before, lane, len(after), under) == after


@pytest.mark.parametrize(
    ("raw", "width", "levels", "payload"),
    [
        (b"abcdefg", 2, [None, None], "03000000 03000000 616365 626466 67"),
        (b"ab" * 4, 2, [None, CompressionLevel.FAST], "04000000 04000000 61616161 62626262"),
        (b"abcdefg", 3, [None] * 3, "02000000 02000000 02000000 6164 6265 6366 67"),
        (b"ab", 4, [None] * 4, "00000000 00000000 00000000 00000000 6162"),
        (b"abc", 1, [None], "03000000 616263"),
    ],
    ids=["two", "too small to compress", "three", "tail only", "one"],
)
def test_the_layout_is_pinned(
    raw: bytes, width: int, levels: list[CompressionLevel | None], payload: str
) -> None:
    """Stores outlive programs: these bytes never change their meaning."""
    expected = bytes.fromhex(payload)

    assert payload_of(raw, width, levels) == expected
    assert read_back(expected, width, len(raw)) == raw


ZEROS = bytes.fromhex("28b52ffd202845000010000001001f8005")  # a frame of 40 zeros


def test_a_compressed_plane_is_one_frame_of_it() -> None:
    raw = b"".join(bytes([byte, 0]) for byte in noise(40))
    sizes = (40).to_bytes(4, "little") + len(ZEROS).to_bytes(4, "little")
    payload = sizes + noise(40) + ZEROS

    assert read_back(payload, 2, 80) == raw
    ours = payload_of(raw, 2, [None, CompressionLevel.FAST])
    assert zstandard.decompress(ours[48:]) == bytes(40)  # another zstd may write other frames
    assert (ours[:4], ours[8:48]) == (payload[:4], payload[8:48])


SIZES = "a chunk's planes do not add up to its size"


@pytest.mark.parametrize(
    ("payload", "width", "raw_size", "message"),
    [
        ("", 2, 0, "a chunk ends inside the sizes of its planes"),
        ("0300000003", 2, 6, "a chunk ends inside the sizes of its planes"),
        ("0300000003000000 616263 6465", 2, 6, SIZES),
        ("0300000003000000 616263 646566 67", 2, 6, SIZES),
        ("0300000003000000 616263 646566", 2, 7, SIZES),
        ("0400000002000000 616263 646566", 2, 6, SIZES),
        ("ffffffff03000000 616263 646566", 2, 6, SIZES),
        ("0200000003000000 6162 646566", 2, 6, "a chunk does not decompress"),
        ("0000000003000000 646566", 2, 6, "a chunk does not decompress"),
    ],
    ids=range(9),
)
def test_a_payload_that_does_not_add_up_is_refused(
    payload: str, width: int, raw_size: int, message: str
) -> None:
    with pytest.raises(DamagedObjectError) as caught:
        read_back(bytes.fromhex(payload), width, raw_size)

    assert str(caught.value).startswith(message)


def test_a_plane_that_claims_more_is_refused_before_it_is_allocated() -> None:
    bomb = compress(bytes(MAX_CHUNK), CompressionLevel.FAST)
    payload = b"".join(len(bomb).to_bytes(4, "little") for _ in range(2)) + bomb * 2
    tracemalloc.start()
    with pytest.raises(DamagedObjectError, match="states another size than its header"):
        read_back(payload, 2, 4 * len(bomb))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 1 << 20


@pytest.mark.parametrize("width", [2, 3, 4, 8])
def test_reading_holds_the_chunk_and_its_planes(width: int) -> None:
    raw = bytes(4 << 20)
    payload = payload_of(raw, width, [CompressionLevel.FAST] * width)
    tracemalloc.start()
    read_back(payload, width, len(raw))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 2 * len(raw) + (1 << 20)


@given(chunks(), WIDTHS, st.data())
@settings(deadline=None, max_examples=150)
def test_a_mutated_payload_has_the_right_size_or_is_refused(
    raw: bytes, width: int, data: st.DataObject
) -> None:
    payload = bytearray(payload_of(raw, width, [CompressionLevel.FAST] * width))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    del payload[data.draw(st.integers(0, len(payload))) :]
    with suppress(DamagedObjectError):
        assert len(read_back(bytes(payload), width, len(raw))) == len(raw)


@given(st.sampled_from(LANES), st.data())
@settings(deadline=None, max_examples=150)
def test_a_mutated_sparse_payload_has_the_right_size_or_is_refused(
    lane: int, data: st.DataObject
) -> None:
    base = noise(80_000)
    raw = bytes(byte ^ (position % 300 == 0) for position, byte in enumerate(base))
    found = encode_planes(raw, lane, [CompressionLevel.FAST] * lane, base)
    assert found.has_sparse
    payload = bytearray(b"".join(found.parts))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, min(60, len(payload) - 1)))] = data.draw(
            st.integers(0, 255)
        )
    with suppress(DamagedObjectError):
        found_again = read_back(bytes(payload), lane, len(raw), base, may_be_sparse=True)
        assert len(found_again) == len(raw)


@given(st.binary(max_size=120), WIDTHS, st.integers(0, MAX_CHUNK))
@settings(deadline=None, max_examples=150)
def test_arbitrary_bytes_are_read_or_refused(payload: bytes, width: int, raw_size: int) -> None:
    with suppress(DamagedObjectError):
        assert len(read_back(payload, width, raw_size)) == raw_size
