"""Planes and differences can be undone, and both ways of computing them give the same bytes."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.codecs import kernels
from gitmodel.encoding.codecs.kernels import LANES, MAX_WIDTH, arrays
from tests.support.noise import noise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

WAYS: list[ModuleType] = [arrays]
if kernels.COMPILED:
    from gitmodel.encoding.codecs.kernels import compiled

    WAYS.append(compiled)

ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.rpartition(".")[2])
lanes = pytest.mark.parametrize("lane", LANES)


@pytest.fixture(scope="module", autouse=True)
def short_blocks() -> Iterator[None]:
    """Chunks of a test go over several blocks of numpy's way too, whatever the width."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "_BLOCK", 1 << 10)
        yield


def split(way: ModuleType, raw: bytes, width: int, base: bytes | None = None) -> list[bytes]:
    return [bytes(plane) for plane in way.split(raw, width, base)]


def joined(
    way: ModuleType,
    planes: list[bytes],
    base: bytes | tuple[bytes, ...] | None = None,
) -> bytes:
    raw = memoryview(bytearray(sum(map(len, planes))))
    way.join(tuple(planes), raw, base)
    return bytes(raw)


def difference(way: ModuleType, raw: bytes, base: bytes, lane: int) -> bytes:
    return joined(way, split(way, raw, lane, base))


def test_the_compiled_way_serves_wherever_it_can_be_built() -> None:
    assert kernels.COMPILED is (shutil.which("cc") is not None)


def numbers() -> st.SearchStrategy[tuple[int, bytes]]:
    """A width and whole elements of it: a few, and more than one block of the compiled way."""
    count = st.one_of(st.integers(0, 40), st.sampled_from([1023, 1024, 1025, 2049, 4097, 8193]))
    return st.tuples(st.integers(1, MAX_WIDTH), count, st.integers(0, 99)).map(
        lambda drawn: (drawn[0], noise(drawn[0] * drawn[1], drawn[2]))
    )


@ways
@given(numbers())
@settings(deadline=None, max_examples=150)
def test_planes_are_every_nth_byte_and_join_again(
    way: ModuleType, drawn: tuple[int, bytes]
) -> None:
    width, raw = drawn
    planes = split(way, raw, width)

    assert planes == [raw[plane::width] for plane in range(width)]
    assert joined(way, planes) == raw


@ways
@given(st.sampled_from(LANES), st.sampled_from([0, 1, 7, 1024, 1025, 4097, 8193]), st.data())
@settings(deadline=None, max_examples=150)
def test_any_difference_can_be_undone(
    way: ModuleType, lane: int, count: int, data: st.DataObject
) -> None:
    base = noise(lane * count, data.draw(st.integers(0, 9)))
    changed = bytearray(base)
    for _ in range(data.draw(st.integers(0, 9)) if base else 0):
        changed[data.draw(st.integers(0, len(base) - 1))] = data.draw(st.integers(0, 255))
    raw = bytes(changed) if data.draw(st.booleans()) else noise(lane * count, 10)
    planes = split(way, raw, lane, base)

    assert joined(way, planes, base) == raw
    assert joined(way, planes, tuple(split(way, base, lane))) == raw


@ways
@lanes
def test_any_bytes_are_a_difference(way: ModuleType, lane: int) -> None:
    found, base = noise(40_000), noise(40_000, 2)
    raw = joined(way, split(way, found, lane), base)

    assert difference(way, raw, base, lane) == found


@lanes
def test_both_ways_give_the_same_bytes(lane: int) -> None:
    raw, base = noise(300_008), noise(300_008, 2)
    found = [
        (
            split(way, raw, lane),
            split(way, raw, lane, base),
            joined(way, split(way, raw, lane), base),
        )
        for way in WAYS
    ]

    assert all(one == found[0] for one in found)


@ways
@pytest.mark.parametrize(
    ("lane", "raw", "base", "found"),
    [
        (1, "00 01 02 ff 80", "00 00 03 00 00", "00 02 01 01 ff"),
        (2, "0001 0000", "ff00 0100", "0200 0100"),
        (2, "0080", "0000", "ffff"),
        (4, "00000000", "01000000", "01000000"),
        (8, "0000000000000001", "ffffffffffffff00", "0200000000000000"),
    ],
    ids=range(5),
)
def test_the_layout_is_pinned(way: ModuleType, lane: int, raw: str, base: str, found: str) -> None:
    """Stores outlive programs: these bytes never change their meaning."""
    got = difference(way, bytes.fromhex(raw), bytes.fromhex(base), lane)

    assert got == bytes.fromhex(found)
    assert joined(way, split(way, got, lane), bytes.fromhex(base)) == bytes.fromhex(raw)


@ways
def test_a_small_step_of_a_float_is_a_small_number(way: ModuleType) -> None:
    """Also across a power of two, where XOR would change every bit of the mantissa."""
    base = struct.pack("<3f", 1.0, -1.0, 0.5)
    raw = struct.pack("<3f", 0.99999994, -1.0000001, 0.50000006)

    assert struct.unpack("<3I", difference(way, raw, base, 4)) == (1, 2, 2)


@ways
@pytest.mark.parametrize("width", range(1, MAX_WIDTH + 1))
def test_memory_at_odd_addresses_is_like_any_other(way: ModuleType, width: int) -> None:
    raw = noise(width * 1500 + 1)
    base = noise(len(raw), 2) if width in LANES else None
    view = memoryview(raw)[1:]
    under = None if base is None else memoryview(base)[1:]
    planes = [memoryview(b"\0" + bytes(plane))[1:] for plane in way.split(view, width, under)]
    back = memoryview(bytearray(len(raw)))
    way.join(tuple(planes), back[1:], under)

    assert back[1:] == raw[1:]
    assert back[0] == 0


@ways
@pytest.mark.parametrize(
    ("raw", "width", "base"),
    [
        (b"abc", 2, None),
        (b"", 0, None),
        (b"ab", 17, None),
        (b"ab", -1, None),
        (b"abcd", 2, b"abc"),
        (b"abcd", 2, b"abcdef"),
        (b"abcdef", 3, b"abcdef"),
    ],
    ids=range(7),
)
def test_lengths_that_do_not_fit_are_not_split(
    way: ModuleType, raw: bytes, width: int, base: bytes | None
) -> None:
    with pytest.raises(ValueError, match="bytes"):
        way.split(raw, width, base)


@ways
@pytest.mark.parametrize(
    ("planes", "size", "base"),
    [
        ((), 0, None),
        ((b"ab", b"c"), 4, None),
        ((b"ab", b"cd"), 3, None),
        ((b"ab", b"cd"), 2, None),
        ((b"ab", b"cd"), 6, None),
        ((b"a",) * 17, 17, None),
        ((b"ab", b"cd"), 4, b"abc"),
        ((b"a", b"b", b"c"), 3, b"abc"),
        ((b"ab", b"cd"), 4, (b"ab",)),
        ((b"ab", b"cd"), 4, (b"ab", b"c")),
        ((b"ab", b"cd"), 4, (b"ab", b"cde")),
        ((b"a", b"b", b"c"), 3, (b"a", b"b", b"c")),
    ],
    ids=range(12),
)
def test_lengths_that_do_not_fit_are_not_joined(
    way: ModuleType,
    planes: tuple[bytes, ...],
    size: int,
    base: bytes | tuple[bytes, ...] | None,
) -> None:
    raw = bytearray(b"\xaa" * size)
    with pytest.raises(ValueError, match=r"bytes|planes"):
        way.join(planes, memoryview(raw), base)

    assert raw == b"\xaa" * size  # nothing was touched


@ways
@lanes
def test_what_goes_in_is_as_it_was(way: ModuleType, lane: int) -> None:
    raw, base = bytearray(noise(300_000)), bytearray(noise(300_000, 2))
    planes = tuple(bytearray(plane) for plane in way.split(raw, lane, base))
    kept = tuple(map(bytes, planes))
    way.join(planes, memoryview(bytearray(300_000)), base)

    assert (bytes(raw), bytes(base)) == (noise(300_000), noise(300_000, 2))
    assert tuple(map(bytes, planes)) == kept


@ways
def test_memory_that_is_read_only_is_not_written(way: ModuleType) -> None:
    with pytest.raises((TypeError, ValueError, BufferError)):
        way.join((b"a", b"b"), memoryview(b"xy"), None)


def planes_of_few() -> st.SearchStrategy[bytes]:
    """Planes that are mostly zero, also for longer than one entry can say."""
    size = st.sampled_from([0, 1, 7, 8, 9, 4095, 4096, 4097, 65536, 65537, 200_000])
    entries = st.dictionaries(st.integers(0, 199_999), st.integers(1, 255), max_size=40)

    def plane(drawn: tuple[int, dict[int, int]]) -> bytes:
        raw = bytearray(drawn[0])
        for position, value in drawn[1].items():
            if position < len(raw):
                raw[position] = value
        return bytes(raw)

    return st.tuples(size, entries).map(plane)


@ways
@given(planes_of_few(), st.integers(0, 60))
@settings(deadline=None, max_examples=150)
def test_what_is_not_zero_is_gathered_and_scattered_again(
    way: ModuleType, plane: bytes, most: int
) -> None:
    found = way.gather(plane, most)
    positions = [position for position, byte in enumerate(plane) if byte]
    if found is None:
        between = sum(
            max(0, step - 1) // 65535 for step in map(int.__sub__, positions, [0, *positions])
        )
        pairs = sum(position - 1 in positions for position in positions)
        assert len(positions) + between > most or pairs > len(positions) // 2
        return
    assert {len(column) for column in found} == {len(found[0])}
    assert len(found[0]) <= most
    assert bytes(byte for byte in found[2] if byte) == bytes(
        plane[position] for position in positions
    )
    back = memoryview(bytearray(b"x" * len(plane)))
    way.scatter(found, back)

    assert back == plane


@given(planes_of_few() | st.binary(max_size=300), st.integers(0, 300))
@settings(deadline=None, max_examples=150)
def test_both_ways_gather_the_same(plane: bytes, most: int) -> None:
    assert len({way.gather(plane, most) for way in WAYS}) == 1


@ways
@pytest.mark.parametrize(
    ("columns", "size"),
    [
        ((b"\x04", b"\0", b"x"), 4),
        ((b"\0", b"\x01", b"x"), 256),
        ((b"\0", b"\0", b"x"), 0),
        ((b"\x03\x01", b"\0\0", b"xy"), 4),
        ((b"\0\0", b"\0\0", b"xy"), 4),
        ((b"\x01\0", b"\0\0", b"xy"), 4),
        ((b"\xff" * 3, b"\xff" * 3, b"xyz"), 3 * 65535),
        ((b"\0\0", b"\0", b"x"), 4),
        ((b"\0", b"\0", b""), 4),
    ],
    ids=range(9),
)
def test_entries_that_lie_nowhere_are_refused(
    way: ModuleType, columns: tuple[bytes, bytes, bytes], size: int
) -> None:
    around = bytearray(b"\xaa" * (size + 20))
    with pytest.raises(ValueError, match=r"entries|columns"):
        way.scatter(columns, memoryview(around)[10 : 10 + size])

    assert around[:10] == around[10 + size :] == b"\xaa" * 10


@ways
def test_fewer_entries_than_none_are_a_mistake(way: ModuleType) -> None:
    with pytest.raises(ValueError, match="-1"):
        way.gather(b"abc", -1)


@ways
def test_threads_do_not_mind_each_other(way: ModuleType) -> None:
    raws = [noise(1 << 18, seed) for seed in range(8)]

    def there_and_back(raw: bytes) -> bytes:
        return joined(way, split(way, raw, 4, raws[0]), raws[0])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(there_and_back, raws)) == raws


@ways
def test_room_is_writable_and_as_long_as_asked(way: ModuleType) -> None:
    for size in (0, 1, 70_000):
        room = way.allocate(size)
        room[:] = b"x" * size
        assert len(room) == size


def test_numpy_serves_where_nothing_was_compiled() -> None:
    """Also where an extension was left behind by a version that spoke to it in another way."""
    code = (
        "import sys, types; m = types.ModuleType('compiled'); m.INTERFACE = -1;"
        "sys.modules['gitmodel.encoding.codecs.kernels.compiled'] = {left}; "
        "from gitmodel.encoding.codecs import kernels; print(kernels.COMPILED, "
        "*kernels.split(b'abcd', 2, b'abce'), sep='|')"
    )
    for left in ("None", "m"):
        done = subprocess.run(
            [sys.executable, "-c", code.replace("{left}", left)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith("False|<memory")
