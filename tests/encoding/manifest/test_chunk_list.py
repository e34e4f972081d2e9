"""The digest of a chunk list: it says which chunks make up which files, and nothing of how they are stored."""

from __future__ import annotations

import struct
from array import array

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.digest import Digest
from gitmodel.encoding.chunking.chunker import ChunkerId
from gitmodel.encoding.manifest import chunk_list
from gitmodel.encoding.manifest.chunk_list import chunk_list_digest
from gitmodel.encoding.manifest.chunk_table import ChunkTable
from gitmodel.encoding.manifest.file_table import FileEntry

CUTTER = ChunkerId("fixed-v1", (1,))
Listed = list[tuple[str, list[int]]]  # paths, each with its chunk numbers


def table(raw_sizes: list[int], *, packs: int = 0) -> ChunkTable:
    """Places of chunks of these sizes, whose hash is their number."""
    count = len(raw_sizes)
    return ChunkTable(
        hashes=b"".join(number.to_bytes(32) for number in range(count)),
        raw_sizes=array("I", raw_sizes),
        stored_sizes=array("I", [1 + packs] * count),
        packs=array("I", [packs] * count),
        offsets=array("I", [48] * count),
        codecs=bytes([packs]) * count,
        widths=bytes(count),
        bases=array("i", [-1 - packs] * count),
    )


def listed(files: Listed, raw_sizes: list[int]) -> tuple[list[FileEntry], array[int]]:
    """Entries of these files, and the sequence."""
    entries = []
    sequence = array("I")
    for path, numbers in files:
        size = sum(raw_sizes[number] for number in numbers)
        first, count = len(sequence), len(numbers)
        digest = Digest("0" * 64)
        entries.append(
            FileEntry(path=path, size=size, digest=digest, first=first, count=count, chunker=CUTTER)
        )
        sequence.extend(numbers)
    return entries, sequence


def computed(files: Listed, raw_sizes: list[int]) -> str:
    return chunk_list_digest(*listed(files, raw_sizes), table(raw_sizes)).hex


SIZES = [3, 5, 3, 2**32 - 1]


@given(
    st.lists(st.tuples(st.text("ab/ü", max_size=4), st.lists(st.integers(0, 3), max_size=9))),
    st.integers(1, 5),
)
def test_the_digest_is_that_of_the_rows_whatever_is_in_memory_at_a_time(
    files: Listed, block_rows: int
) -> None:
    state = blake3(derive_key_context="gitmodel 2026 chunks v1")
    for path, numbers in files:
        size = sum(SIZES[number] for number in numbers)
        state.update(path.encode() + b"\0" + struct.pack("<QQ", size, len(numbers)))
        for number in numbers:
            state.update(struct.pack("<Q", SIZES[number]) + number.to_bytes(32))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunk_list, "_BLOCK_ROWS", block_rows)
        assert computed(files, SIZES) == state.hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        [("a", [1, 0]), ("b", [2])],  # another order
        [("a", [0, 1]), ("b", [0])],  # another chunk of the same size
        [("a", [0]), ("b", [1, 2])],  # shifted to the next file
        [("b", [0, 1]), ("a", [2])],  # files swapped
        [("a", [0, 1])],  # shorter
        [("a", [0, 1]), ("b", [2, 2])],  # longer
        [("a", [0, 1]), ("b", [2]), ("c", [])],  # an empty file more
        [("", [0, 1]), ("b", [2])],  # another path
    ],
)
def test_another_list_has_another_digest(other: Listed) -> None:
    assert computed(other, SIZES) != computed([("a", [0, 1]), ("b", [2])], SIZES)


def test_how_chunks_are_stored_does_not_count() -> None:
    entries, sequence = listed([("", [0, 1])], SIZES)

    one = chunk_list_digest(entries, sequence, table(SIZES))
    assert chunk_list_digest(entries, sequence, table(SIZES, packs=1)) == one
