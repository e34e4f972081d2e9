"""Cuts are a function of the bytes and the rule, and of nothing else."""

from __future__ import annotations

import hashlib
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.chunking.choose import Chunker, ChunkerId, ContentChunker
from tests.support.noise import noise

MIB = 1 << 20
SMALL = ChunkerId("fastcdc-v1", (64, 256, 1024))


def chunk_in_blocks(chunker: Chunker, data: bytes, blocks: list[int]) -> list[int]:
    """Cut as a caller does who reads this many more bytes each time; the last one is repeated."""
    lengths: list[int] = []
    start = end = turn = 0
    while end < len(data) or turn == 0:
        end = min(len(data), end + blocks[min(turn, len(blocks) - 1)])
        turn += 1
        found = chunker.feed(memoryview(data)[start:end], final=end == len(data))
        lengths += found
        start += sum(found)
    assert start == len(data)
    return lengths


NOISE_CUTS = """
    268260 246771 315723 532239 337523 353534 188066 279349 224886 137780 602126 297191 674071
    447392 322255 324865 512009 294455 96029 142440 347442 309466 427161 277210 430365
"""
COUNTING_CUTS = """
    336540 168267 386488 263066 319311 313335 742947 647549 412792 79944 102917 83547 337601
"""

# These lists never change: other boundaries would make every file share no chunk with stored versions.
VECTORS = {
    "noise": (noise(8 * MIB), [int(length) for length in NOISE_CUTS.split()]),
    "counting": (
        b"".join(number.to_bytes(4, "little") for number in range(MIB)),
        [int(length) for length in COUNTING_CUTS.split()],
    ),
    "zeros": (bytes(3 * MIB + 5), [MIB, MIB, MIB, 5]),
    "shorter than the shortest chunk": (noise(65_535), [65_535]),
    "one byte": (b"x", [1]),
    "empty": (b"", []),
}


@pytest.mark.parametrize("name", VECTORS)
def test_content_chunks_are_pinned(name: str) -> None:
    data, lengths = VECTORS[name]

    assert ContentChunker().feed(memoryview(data), final=True) == lengths


@pytest.mark.parametrize("block", [65_537, MIB, MIB + 1, 3 * MIB])
def test_content_chunks_do_not_depend_on_the_size_of_blocks(block: int) -> None:
    data, lengths = VECTORS["noise"]

    assert chunk_in_blocks(ContentChunker(), data, [block]) == lengths


@given(
    st.binary(max_size=200).map(lambda seed: hashlib.shake_256(seed).digest(8000)),
    st.integers(0, 8000),
    st.lists(st.integers(1, 3000), min_size=1, max_size=8),
)
@settings(deadline=None, max_examples=150)
def test_chunks_do_not_depend_on_blocks(data: bytes, size: int, blocks: list[int]) -> None:
    whole = ContentChunker(SMALL).feed(memoryview(data[:size]), final=True)

    assert chunk_in_blocks(ContentChunker(SMALL), data[:size], blocks) == whole


@given(st.lists(st.sampled_from([b"\0" * 700, b"ab" * 300, bytes(range(256))]), max_size=12))
@settings(deadline=None, max_examples=50)
def test_chunks_of_repetitive_bytes_do_not_depend_on_blocks(parts: list[bytes]) -> None:
    data = b"".join(parts)
    whole = ContentChunker(SMALL).feed(memoryview(data), final=True)

    assert chunk_in_blocks(ContentChunker(SMALL), data, [1]) == whole


@given(st.integers(0, 9000))
@settings(deadline=None, max_examples=60)
def test_chunks_cover_the_file_and_stay_within_bounds(size: int) -> None:
    chunker = ContentChunker(SMALL)
    lengths = chunker.feed(memoryview(noise(size)), final=True)

    assert sum(lengths) == size
    assert all(1 <= length <= chunker.longest for length in lengths)


def test_a_block_of_the_longest_chunk_contains_a_whole_one() -> None:
    chunker = ContentChunker()

    assert chunker.feed(memoryview(bytes(chunker.longest)), final=False) == [chunker.longest]


def test_an_insertion_moves_only_the_boundaries_near_it() -> None:
    data, before = VECTORS["noise"]
    after = ContentChunker().feed(memoryview(b"ten bytes!" + data), final=True)

    ends_before = {end + 10 for end in accumulate(before)}
    assert len(ends_before - set(accumulate(after))) <= 2


def test_one_chunker_serves_one_file_after_another() -> None:
    data, lengths = VECTORS["counting"]
    chunker = ContentChunker()

    assert [chunker.feed(memoryview(data), final=True) for _ in range(2)] == [lengths, lengths]
