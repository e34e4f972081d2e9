"""GGUF files are cut at their tensors; a header that lies only costs the plan."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.chunking.choose import (
    CONTENT_CHUNKER,
    GGUF_CHUNKER,
    PlannedChunk,
    choose_chunker,
    planned_chunks,
)
from tests.support.formats import (
    gguf_file,
    gguf_header,
    gguf_pair,
    gguf_string,
    gguf_tensor,
    pread,
    pread_only,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

MIB = 1 << 20
U32, F32_VALUE, STRING, ARRAY = 4, 6, 8, 9


def plan(data: bytes) -> Sequence[PlannedChunk] | None:
    return planned_chunks(pread(data), len(data))


def strings(*texts: str) -> bytes:
    return struct.pack("<IQ", STRING, len(texts)) + b"".join(map(gguf_string, texts))


PAIRS = [
    gguf_pair("general.architecture", STRING, gguf_string("bert")),
    gguf_pair("bert.layers", U32, struct.pack("<I", 6)),
    gguf_pair("tokenizer.ggml.tokens", ARRAY, strings("a", "b", "", "ü")),
    gguf_pair("tokenizer.ggml.scores", ARRAY, struct.pack("<IQ3f", F32_VALUE, 3, 1, 2, 3)),
    *(
        gguf_pair(f"x.{kind}", kind, bytes(size))
        for kind, size in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 2),
            (5, 4),
            (7, 1),
            (10, 8),
            (11, 8),
            (12, 8),
        ]
    ),
]


@pytest.mark.parametrize("version", [2, 3])
def test_a_file_is_its_header_its_tensors_and_padding(version: int) -> None:
    written = bytearray(
        gguf_file(
            {"wte": bytes(9 * MIB), "w": bytes(MIB + 4), "b1": bytes(8), "b2": bytes(8)},
            pairs=PAIRS,
        )
    )
    written[4] = version
    data = bytes(written)
    start = len(data) - (9 * MIB + MIB + 32 + 32 + 32)

    assert choose_chunker(pread(data), len(data)).id == GGUF_CHUNKER
    assert plan(data) == [
        PlannedChunk(start, None, 0),
        PlannedChunk(4 * MIB, "wte+0", 4),
        PlannedChunk(4 * MIB, "wte+4194304", 4),
        PlannedChunk(MIB, "wte+8388608", 4),
        PlannedChunk(MIB + 4, "w+0", 4),
        PlannedChunk(28, None, 0),
        PlannedChunk(40, "b1*2=40", 4),
        PlannedChunk(24, None, 0),
    ]


@pytest.mark.parametrize(
    ("kind", "elements", "width"),
    [
        *(
            (0, 1, 4),
            (1, 1, 2),
            (30, 1, 2),
            (28, 1, 8),
            (24, 1, 1),
            (25, 1, 2),
            (26, 1, 4),
            (27, 1, 8),
        ),
        *((2, 32, 18), (3, 32, 20), (6, 32, 22), (7, 32, 24), (8, 32, 34), (39, 32, 17)),
        *((10, 256, 84), (11, 256, 110), (12, 256, 144), (13, 256, 176), (14, 256, 210)),
        *((16, 256, 66), (17, 256, 74), (18, 256, 98), (19, 256, 50), (20, 32, 18), (21, 256, 110)),
        *((22, 256, 82), (23, 256, 136), (29, 256, 56), (34, 256, 54), (35, 256, 66)),
    ],
)
def test_the_width_is_the_block_of_the_type(kind: int, elements: int, width: int) -> None:
    size = width * 8192
    pieces = plan(gguf_file({"w": bytes(size)}, kind=kind, block=(elements, width)))

    assert pieces is not None
    assert {(piece.key, piece.width) for piece in pieces[1:2]} == {("w+0", width)}
    assert pieces[1].size == size


def test_a_type_that_is_not_known_reaches_to_the_next_tensor() -> None:
    data = gguf_file({"w": bytes(400_000), "v": bytes(400_000)}, kind=77)
    pieces = plan(data)

    assert pieces is not None
    assert pieces[1:] == [PlannedChunk(400_000, "w+0", 0), PlannedChunk(400_000, "v+0", 0)]


def test_another_alignment_and_a_gap() -> None:
    data = gguf_file({"w": bytes(400_004), "v": bytes(400_000)}, alignment=4096)
    pieces = plan(data)

    assert pieces is not None
    assert pieces[0].size == 4096
    assert [piece.size for piece in pieces[1:4]] == [400_004, -400_004 % 4096, 400_000]


def test_a_long_vocabulary_is_a_piece_of_its_own() -> None:
    """So that a change of one value before it does not move it."""
    words = gguf_pair("tokenizer.ggml.tokens", ARRAY, strings(*map(str, range(30_000))))
    tail = gguf_pair("general.name", STRING, gguf_string("x"))
    data = gguf_file({"w": bytes(400_000)}, pairs=[PAIRS[0], words, tail])
    pieces = plan(data)

    assert pieces is not None
    assert [piece.key for piece in pieces] == [None, "\0tokenizer.ggml.tokens+0", None, "w+0"]
    assert (pieces[0].size, pieces[1].size) == (24 + len(PAIRS[0]), len(words))


def test_a_plan_needs_only_the_header() -> None:
    data = gguf_file({"w": bytes(400_000)}, pairs=PAIRS)
    header = len(data) - 400_000

    assert planned_chunks(pread_only(data, [(0, header)]), len(data)) == plan(data)
    assert planned_chunks(pread_only(data, [(0, header - 40)]), len(data)) is None


def one(*, shape: Sequence[int] = (8,), kind: int = 0, offset: int = 0, pair: bytes = b"") -> bytes:
    pairs = [pair] if pair else []
    header = gguf_header(pairs, [gguf_tensor("w", shape, kind, offset)])
    return header + bytes(-len(header) % 32) + bytes(32)


def counts(tensors: int, pairs: int, rest: bytes = b"") -> bytes:
    return struct.pack("<4sIQQ", b"GGUF", 3, tensors, pairs) + rest


def two(first: bytes, second: bytes, size: int = 64) -> bytes:
    header = gguf_header([], [first, second])
    return header + bytes(-len(header) % 32) + bytes(size)


HOSTILE = {
    "version 1": b"GGUF" + struct.pack("<I", 1) + one()[8:],
    "version 4": b"GGUF" + struct.pack("<I", 4) + one()[8:],
    "big endian": b"GGUF" + struct.pack(">I", 3) + one()[8:],
    "counts alone": counts(1, 1),
    "no tensors": gguf_header(PAIRS, []) + bytes(64),
    "2^63 tensors": counts(1 << 63, 0, bytes(1000)),
    "2^64 - 1 pairs": counts(1, (1 << 64) - 1, bytes(1000)),
    "a million tensors that are not there": counts(1_000_000, 0, bytes(1000)),
    "a million pairs that are not there": counts(1, 1_000_000, bytes(1000)),
    "a key of 2^63 bytes": counts(1, 1, struct.pack("<Q", 1 << 63) + bytes(100)),
    "a string of 2^63 bytes": one(pair=gguf_pair("x", STRING, struct.pack("<Q", 1 << 63))),
    "a string past the end": one(pair=gguf_pair("x", STRING, struct.pack("<Q", 4000))),
    "an array of 2^63": one(pair=gguf_pair("x", ARRAY, struct.pack("<IQ", 0, 1 << 63))),
    "an array of 2^64 - 1 strings": one(
        pair=gguf_pair("x", ARRAY, struct.pack("<IQ", STRING, (1 << 64) - 1))
    ),
    "an array of arrays": one(
        pair=gguf_pair("x", ARRAY, struct.pack("<IQ", ARRAY, 1) + strings("a"))
    ),
    "a value of an unknown type": one(pair=gguf_pair("x", 99, bytes(8))),
    "a key twice": gguf_header([PAIRS[0], PAIRS[0]], [gguf_tensor("w", [8], 0, 0)]) + bytes(96),
    "alignment 0": one(pair=gguf_pair("general.alignment", U32, struct.pack("<I", 0))),
    "alignment 24": one(pair=gguf_pair("general.alignment", U32, struct.pack("<I", 24))),
    "alignment 2^31": one(pair=gguf_pair("general.alignment", U32, struct.pack("<I", 1 << 31))),
    "nine dimensions": one(shape=[1] * 9),
    "2^32 - 1 dimensions": counts(1, 0, gguf_string("w") + struct.pack("<I", (1 << 32) - 1)),
    "a shape of 2^252 elements": one(shape=[1 << 63] * 4),
    "a broken block": one(shape=[8], kind=8),
    "a tensor past the end": one(shape=[9]),
    "an offset past the end": one(offset=64),
    "an offset of 2^63": one(offset=1 << 63),
    "a name twice": two(gguf_tensor("w", [8], 0, 0), gguf_tensor("w", [8], 0, 32)),
    "overlap": two(gguf_tensor("v", [9], 0, 0), gguf_tensor("w", [8], 0, 32), 96),
    "the same place": two(gguf_tensor("v", [8], 0, 0), gguf_tensor("w", [8], 0, 0)),
    "a name that is not UTF-8": gguf_header(
        [], [gguf_string(b"\xff") + struct.pack("<IQIQ", 1, 1, 0, 0)]
    )
    + bytes(96),
    "a header over 16 MiB": one(
        pair=gguf_pair("x", ARRAY, struct.pack("<IQ", 0, 17 * MIB) + bytes(17 * MIB))
    ),
    "100,000 empty strings and no end": one(
        pair=gguf_pair("x", ARRAY, struct.pack("<IQ", STRING, 200_000) + bytes(800_000))
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_header_in_doubt_is_cut_by_content_at_once(name: str) -> None:
    data = HOSTILE[name]
    choose_chunker(pread(one()), len(one()))  # the modules are imported
    best = 1.0
    for _ in range(3):
        start = time.thread_time()
        assert choose_chunker(pread(data), len(data)).id == CONTENT_CHUNKER
        best = min(best, time.thread_time() - start)

    assert best < 0.05


def test_the_file_that_hostile_ones_are_made_from_is_planned() -> None:
    assert plan(one()) == [PlannedChunk(len(one()) - 32, None, 0), PlannedChunk(32, "w+0", 4)]
    both = two(gguf_tensor("v", [8], 0, 0), gguf_tensor("w", [8], 0, 32))
    assert plan(both) == [PlannedChunk(len(both) - 64, None, 0), PlannedChunk(64, "v*2=64", 4)]


@given(
    st.dictionaries(st.text(max_size=6), st.integers(0, 80_000), min_size=1, max_size=10),
    st.sampled_from([(0, (1, 4)), (8, (32, 34)), (12, (256, 144)), (77, (1, 4))]),
    st.sampled_from([32, 64, 8]),
)
@settings(deadline=None, max_examples=100)
def test_any_table_of_tensors_is_covered(
    table: dict[str, int], kind: tuple[int, tuple[int, int]], alignment: int
) -> None:
    tensors = {name: bytes(count * kind[1][1]) for name, count in table.items()}
    data = gguf_file(tensors, kind=kind[0], block=kind[1], alignment=alignment, pairs=PAIRS)
    pieces = plan(data)

    assert pieces is not None
    assert sum(piece.size for piece in pieces) == len(data)
    assert {piece.width for piece in pieces if piece.key} <= {0, kind[1][1]}


@pytest.mark.parametrize(("count", "seconds"), [(1_000, 0.03), (100_000, 2.0)])
def test_planning_is_fast(count: int, seconds: float) -> None:
    described = [gguf_tensor(f"blk.{n}.attn.weight", [4, 2], 0, 32 * n) for n in range(count)]
    header = gguf_header(PAIRS, described)
    data = header + bytes(-len(header) % 32) + bytes(32 * count)
    best = 60.0
    for _ in range(2):
        start = time.thread_time()
        assert plan(data) is not None
        best = min(best, time.thread_time() - start)

    assert best < seconds
