"""Planned chunks cover a file, match those of other versions, and do not depend on blocks."""

from __future__ import annotations

import hashlib
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.chunking.choose import (
    CONTENT_CHUNKER,
    LONGEST_CHUNK,
    SAFETENSORS_CHUNKER,
    ZIP_CHUNKER,
    ChunkerId,
    PlannedChunk,
    TensorChunker,
    choose_chunker,
    planned_chunks,
)
from gitmodel.encoding.chunking.tensors import GROUP_MAX, plan_chunks
from gitmodel.formats.header import (
    END_OF_GROUP,
    SMALL,
    Extent,
    HeaderReader,
    UnrecognizedFormatError,
)
from gitmodel.formats.tensors import tensor_places
from tests.support.formats import gguf_file, pread, pread_only, safetensors_file, zip_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MIB = 1 << 20

sizes = st.one_of(
    st.integers(0, 200),
    st.integers(0, 2 * SMALL),
    st.sampled_from([SMALL - 1, SMALL, 4 * MIB, LONGEST_CHUNK, LONGEST_CHUNK + 1, 30 * MIB]),
)
extents = st.lists(
    st.one_of(
        st.builds(Extent, sizes, st.none(), st.just(0)),
        st.builds(Extent, sizes, st.text("ab.*+=01", max_size=4), st.sampled_from([0, 1, 2, 34])),
        st.just(END_OF_GROUP),
    ),
    max_size=40,
    unique_by=lambda extent: extent.name if extent.name is not None else object(),
)


def contents(data: bytes) -> dict[bytes, int]:
    """Chunks of a file: hash to size."""
    chunker = choose_chunker(pread(data), len(data))
    view = memoryview(data)
    found = {}
    start = 0
    for size in chunker.feed(view, final=True):
        found[hashlib.sha256(view[start : start + size]).digest()] = size
        start += size
    return found


def moved(before: bytes, after: bytes) -> int:
    """Bytes of the second version's chunks that the first does not have."""
    known = contents(before)
    return sum(size for name, size in contents(after).items() if name not in known)


@given(extents)
@settings(deadline=None, max_examples=150)
def test_chunks_cover_all_extents_in_order(plan: list[Extent]) -> None:
    planned = plan_chunks(plan)

    assert sum(chunk.size for chunk in planned) == sum(extent.size for extent in plan)
    assert all(1 <= chunk.size <= LONGEST_CHUNK for chunk in planned)
    keys = [chunk.key for chunk in planned if chunk.key is not None]
    assert len(set(keys)) == len(keys)


@given(extents)
@settings(deadline=None, max_examples=150)
def test_tensors_that_are_not_small_begin_and_end_with_a_chunk(plan: list[Extent]) -> None:
    ends = {0, *accumulate(chunk.size for chunk in plan_chunks(plan))}
    position = 0
    for extent in plan:
        if extent.name is not None and extent.size >= SMALL:
            assert {position, position + extent.size} <= ends
        position += extent.size


def test_a_long_tensor_is_split_into_chunks_of_whole_elements() -> None:
    plan = [
        Extent(10, None, 0),
        Extent(9 * MIB, "f32", 4),
        Extent(34 * 300_000, "q8", 34),
        Extent(8 * MIB, "x", 0),
    ]
    step = 34 * (4 * MIB // 34)

    assert plan_chunks(plan) == [
        PlannedChunk(10, None, 0),
        PlannedChunk(4 * MIB, "f32+0", 4),
        PlannedChunk(4 * MIB, "f32+4194304", 4),
        PlannedChunk(MIB, "f32+8388608", 4),
        PlannedChunk(step, "q8+0", 34),
        PlannedChunk(step, f"q8+{step}", 34),
        PlannedChunk(34 * 300_000 - 2 * step, f"q8+{2 * step}", 34),
        PlannedChunk(8 * MIB, "x+0", 0),
    ]


def test_small_neighbours_share_a_chunk_with_the_bytes_between() -> None:
    plan = [
        Extent(100, None, 0),
        *(Extent(8, "a", 4), Extent(24, None, 0), Extent(8, "b", 4), Extent(24, None, 0)),
        *(Extent(SMALL, "big", 4), Extent(24, None, 0)),
        *(Extent(8, "c", 4), Extent(0, "empty", 4), Extent(8, "d", 2)),
        *(END_OF_GROUP, Extent(8, "e", 2), Extent(5000, None, 0), Extent(8, "f", 2)),
    ]

    assert plan_chunks(plan) == [
        PlannedChunk(100, None, 0),
        *(PlannedChunk(40, "a*2=40", 4), PlannedChunk(24, None, 0)),
        *(PlannedChunk(SMALL, "big+0", 4), PlannedChunk(24, None, 0)),
        PlannedChunk(16, "c*2=16", 0),
        *(PlannedChunk(8, "e+0", 2), PlannedChunk(5000, None, 0), PlannedChunk(8, "f+0", 2)),
    ]


def layers(count: int, size: int = 40_000) -> dict[str, bytes]:
    """Many small tensors, each with bytes of its own, that depend on its name alone."""
    names = [f"layer.{number}.weight" for number in range(count)]
    return {name: hashlib.shake_256(name.encode()).digest(size) for name in names}


def without(tensors: Mapping[str, bytes], name: str) -> dict[str, bytes]:
    return {key: value for key, value in tensors.items() if key != name}


def with_first(tensors: Mapping[str, bytes], **more: bytes) -> dict[str, bytes]:
    return {**more, **tensors}


EDITS: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "another in front": lambda old: with_first(old, embedding=bytes(50_000)),
    "one removed": lambda old: without(old, "layer.3.weight"),
    "one renamed": lambda old: {f"{k}_" if k == "layer.9.weight" else k: v for k, v in old.items()},
    "one grown": lambda old: {**old, "layer.5.weight": old["layer.5.weight"] * 2},
    "one changed": lambda old: {**old, "layer.5.weight": bytes(40_000)},
    "one moved to the end": lambda old: {
        **without(old, "layer.0.weight"),
        **dict([*old.items()][:1]),
    },
    "ten more at the end": lambda old: {
        **old,
        **{f"head.{n}": bytes([n]) * 9000 for n in range(10)},
    },
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("write", [safetensors_file, zip_file, gguf_file])
def test_an_edit_among_small_tensors_moves_few_groups(
    edit: str, write: Callable[[dict[str, bytes]], bytes]
) -> None:
    """300 tensors of 40 KB, 12 MB: what moves is the header and at most three groups."""
    before = layers(300)
    after = write(EDITS[edit](before))

    header = 300 * 110 + 80_000  # and what the edit itself brings
    assert moved(write(before), after) <= header + 3 * GROUP_MAX


@pytest.mark.parametrize("write", [safetensors_file, zip_file, gguf_file])
def test_shuffled_large_tensors_do_not_move(write: Callable[[dict[str, bytes]], bytes]) -> None:
    before = layers(8, SMALL + 64)
    after = dict(reversed(before.items()))

    assert moved(write(before), write({"new": bytes(32), **after})) <= 4096


def test_the_same_weights_in_another_container_do_not_move() -> None:
    tensors = layers(8, SMALL + 64)
    before = safetensors_file(tensors)

    assert moved(before, zip_file({f"archive/data/{k}": v for k, v in tensors.items()})) <= 4096
    assert moved(before, gguf_file(tensors)) <= 4096


def test_the_groups_of_a_resharded_set_are_mostly_the_same() -> None:
    tensors = layers(300)
    half = dict([*tensors.items()][:150])
    rest = dict([*tensors.items()][150:])
    known = contents(safetensors_file(half)) | contents(safetensors_file(rest))

    fresh = {k: v for k, v in contents(safetensors_file(tensors)).items() if k not in known}
    assert sum(fresh.values()) <= 300 * 110 + GROUP_MAX


@given(
    st.lists(st.integers(1, 60), max_size=12),
    st.integers(-100, 200),
    st.lists(st.integers(1, 90), min_size=1, max_size=5),
)
@settings(deadline=None, max_examples=200)
def test_chunks_do_not_depend_on_blocks(plan: list[int], change: int, blocks: list[int]) -> None:
    """Also those of a file that is shorter or longer than its plan."""
    planned = [PlannedChunk(size, None, 0) for size in plan]
    total = max(0, sum(plan) + min(change, 0) + (change if change > 100 else 0))
    data = memoryview(bytes(total))
    chunker = TensorChunker(SAFETENSORS_CHUNKER, planned)
    whole = chunker.feed(data, final=True)

    assert in_blocks(chunker, data, blocks) == whole
    assert sum(whole) == total
    assert all(1 <= length <= chunker.longest for length in whole)
    if total == sum(plan):
        assert whole == plan


def in_blocks(chunker: TensorChunker, data: memoryview, blocks: list[int]) -> list[int]:
    lengths: list[int] = []
    start = end = turn = 0
    while end < len(data) or turn == 0:
        end = min(len(data), end + blocks[turn % len(blocks)])
        turn += 1
        found = chunker.feed(data[start:end], final=end == len(data))
        lengths += found
        start += sum(found)
    return lengths


def test_a_block_of_the_longest_chunk_contains_a_whole_one() -> None:
    chunker = TensorChunker(ZIP_CHUNKER, plan_chunks([Extent(30, None, 0), Extent(700, "a", 0)]))

    assert chunker.longest == 700
    assert chunker.feed(memoryview(bytes(700)), final=False) == [30]
    assert chunker.feed(memoryview(bytes(700)), final=False) == [700]
    assert chunker.feed(memoryview(bytes(1500)), final=False) == [700, 700]
    assert chunker.feed(memoryview(bytes(100)), final=True) == [100]


def test_the_chunker_id_has_all_that_chunks_depend_on() -> None:
    numbers = (256 << 10, 512 << 10, MIB, 4 * MIB, 8 * MIB)

    assert ChunkerId("safetensors-v1", numbers) == SAFETENSORS_CHUNKER
    assert ChunkerId.parse(str(ZIP_CHUNKER)) == ZIP_CHUNKER


WRITERS = [safetensors_file, zip_file, gguf_file]


@given(
    st.sampled_from(WRITERS),
    st.lists(st.tuples(st.integers(0, 700), st.binary(max_size=3)), max_size=4),
)
@settings(deadline=None, max_examples=200)
def test_damaged_headers_never_raise(
    write: Callable[[dict[str, bytes]], bytes], damage: list[tuple[int, bytes]]
) -> None:
    data = bytearray(write({"a": bytes(64), "b": bytes(32)}))
    for place, patch in damage:
        data[place : place + len(patch)] = patch
    chunker = choose_chunker(pread(bytes(data)), len(data))

    assert sum(chunker.feed(memoryview(data), final=True)) == len(data)


@given(st.sampled_from(WRITERS), st.integers(0, 600))
@settings(deadline=None, max_examples=150)
def test_a_truncated_file_is_split_by_content(
    write: Callable[[dict[str, bytes]], bytes], count: int
) -> None:
    data = write({"a": bytes(64), "b": bytes(32)})
    data = data[: min(count, len(data) - 1)]

    assert choose_chunker(pread(data), len(data)).id == CONTENT_CHUNKER


@given(
    st.sampled_from([b"", b"GGUF\3\0\0\0", b"PK\3\4", b"\x10\0\0\0\0\0\0\0{"]),
    st.binary(max_size=300),
)
@settings(deadline=None, max_examples=200)
def test_any_bytes_are_split(magic: bytes, rest: bytes) -> None:
    data = magic + rest
    chunker = choose_chunker(pread(data), len(data))

    assert sum(chunker.feed(memoryview(data), final=True)) == len(data)


def test_a_file_too_long_for_a_plan_is_split_by_content() -> None:
    data = safetensors_file({"a": bytes(64)})

    assert choose_chunker(pread(data), 1 << 62).id == CONTENT_CHUNKER


def test_what_read_raises_is_passed_on() -> None:
    def read(offset: int, count: int) -> bytes:
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        choose_chunker(read, 100)


@pytest.mark.parametrize("write", WRITERS)
def test_the_plan_of_an_older_version_needs_no_tensor(
    write: Callable[[dict[str, bytes]], bytes],
) -> None:
    data = write(layers(4, SMALL + 32))
    planned = planned_chunks(pread(data), len(data))

    assert planned is not None
    spans, position = [], 0
    for chunk in planned:
        if chunk.key is None:
            spans.append((position, position + chunk.size))
        position += chunk.size
    assert planned_chunks(pread_only(data, spans), len(data)) == planned


@pytest.mark.parametrize("write", WRITERS)
def test_tensors_are_found_by_their_names(write: Callable[[dict[str, bytes]], bytes]) -> None:
    tensors = {"small": b"12345678", **layers(3, SMALL + 32), "long": bytes(LONGEST_CHUNK + 64)}
    data = write(tensors)

    places = tensor_places(pread(data), len(data))

    found = {name: data[at : at + extent.size] for name, (at, extent) in places.items()}
    assert {name: content for name, content in found.items() if name in tensors} == tensors


def test_other_files_have_no_tensors() -> None:
    data = safetensors_file({"a": bytes(64)})

    assert tensor_places(pread(b"weights" * 9), 63) == {}
    assert tensor_places(pread(b""), 0) == {}
    assert tensor_places(pread(data[:-1]), len(data) - 1) == {}


@pytest.mark.parametrize("write", WRITERS)
def test_there_is_no_plan_without_the_header(write: Callable[[dict[str, bytes]], bytes]) -> None:
    data = write({"a": bytes(64)})

    assert planned_chunks(pread_only(data, []), len(data)) is None
    assert planned_chunks(pread_only(data, [(0, 30)]), len(data)) is None


def test_there_is_no_plan_for_other_files() -> None:
    assert planned_chunks(pread(b"weights" * 9), 63) is None


def test_a_reader_that_gives_too_little_is_doubted() -> None:
    with pytest.raises(UnrecognizedFormatError, match="the file became shorter"):
        HeaderReader(pread(b"1234"), 8).take(0, 8)
