"""A difference put on its base again gives the bytes it was taken from."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.delta import LANES, apply, difference


def octets(raw: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(raw, np.uint8)


def noise(size: int, seed: int = 1) -> bytes:
    return hashlib.shake_256(f"gitmodel {seed}".encode()).digest(size)


def undone(found: np.ndarray[tuple[int], np.dtype[np.uint8]], base: bytes, lane: int) -> bytes:
    back = found.copy()
    apply(back, octets(base), lane)
    return back.tobytes()


@given(st.binary(max_size=99), st.data(), st.sampled_from(LANES))
@settings(deadline=None, max_examples=200)
def test_any_difference_can_be_undone(raw: bytes, data: st.DataObject, lane: int) -> None:
    base = data.draw(st.binary(min_size=len(raw), max_size=len(raw)))

    assert undone(difference(octets(raw), octets(base), lane), base, lane) == raw


@pytest.mark.parametrize("lane", LANES)
def test_chunks_longer_than_a_block_can_be_undone(lane: int) -> None:
    raw, base = noise(300_007), noise(300_007, 2)
    found = difference(octets(raw), octets(base), lane)

    assert undone(found, base, lane) == raw
    assert octets(raw).tobytes() == raw  # what went in is as it was


def test_any_bytes_are_a_difference() -> None:
    found, base = noise(1001), noise(1001, 2)
    for lane in LANES:
        raw = undone(octets(found), base, lane)
        assert difference(octets(raw), octets(base), lane).tobytes() == found


@pytest.mark.parametrize(
    ("lane", "raw", "base", "found"),
    [
        (1, "00 01 02 ff 80", "00 00 03 00 00", "00 02 01 01 ff"),
        (2, "0001 0000 ff", "ff00 0100 01", "0200 0100 fe"),
        (2, "0080", "0000", "ffff"),
        (4, "00000000 aabb", "01000000 aabc", "01000000 00ff"),
        (8, "0000000000000001", "ffffffffffffff00", "0200000000000000"),
    ],
    ids=range(5),
)
def test_the_layout_is_pinned(lane: int, raw: str, base: str, found: str) -> None:
    """Stores outlive programs: these bytes never change their meaning."""
    got = difference(octets(bytes.fromhex(raw)), octets(bytes.fromhex(base)), lane)

    assert got.tobytes() == bytes.fromhex(found)
    assert undone(octets(bytes.fromhex(found)), bytes.fromhex(base), lane) == bytes.fromhex(raw)


def test_a_small_step_of_a_float_is_a_small_number() -> None:
    """Also across a power of two, where XOR would change every bit of the mantissa."""
    base = struct.pack("<3f", 1.0, -1.0, 0.5)
    raw = struct.pack("<3f", 0.99999994, -1.0000001, 0.50000006)

    found = difference(octets(raw), octets(base), 4)
    assert struct.unpack("<3I", found.tobytes()) == (1, 2, 2)
