"""safetensors files are cut at their tensors; a header that lies only costs the plan."""

from __future__ import annotations

import json
import struct
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.encoding.chunking.choose import (
    CONTENT_CHUNKER,
    SAFETENSORS_CHUNKER,
    PlannedChunk,
    choose_chunker,
    planned_chunks,
)
from tests.support.formats import pread, raw_safetensors, safetensors_file
from tests.support.real_models import fetch_real_models

if TYPE_CHECKING:
    from collections.abc import Sequence

MIB = 1 << 20


def plan(data: bytes) -> Sequence[PlannedChunk] | None:
    return planned_chunks(pread(data), len(data))


def one(fields: str, data: bytes = bytes(8)) -> bytes:
    """A file of one tensor with these fields."""
    return raw_safetensors(f'{{"a":{{{fields}}}}}', data)


def test_a_file_is_its_header_and_its_tensors() -> None:
    data = safetensors_file(
        {"wte": bytes(9 * MIB), "w": bytes(MIB), "b1": bytes(40), "none": b"", "b2": bytes(20)},
        dtype="F32",
        metadata={"format": "pt", 'json "in" it': '{"x": [1, {}]}'},
    )
    header = 8 + struct.unpack_from("<Q", data)[0]

    assert plan(data) == [
        PlannedChunk(header, None, 0),
        PlannedChunk(4 * MIB, "wte+0", 4),
        PlannedChunk(4 * MIB, "wte+4194304", 4),
        PlannedChunk(MIB, "wte+8388608", 4),
        PlannedChunk(MIB, "w+0", 4),
        PlannedChunk(60, "b1*2=60", 4),
    ]
    assert choose_chunker(pread(data), len(data)).id == SAFETENSORS_CHUNKER


@pytest.mark.parametrize(
    ("dtype", "shape", "size", "width"),
    [
        *((name, [3, 2], 6, 1) for name in ("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0")),
        *((name, [6], 6, 1) for name in ("F8_E4M3FNUZ", "F8_E5M2FNUZ")),
        *((name, [3, 2], 12, 2) for name in ("U16", "I16", "F16", "BF16")),
        *((name, [3, 2], 24, 4) for name in ("U32", "I32", "F32")),
        *((name, [3, 2], 48, 8) for name in ("U64", "I64", "F64")),
        *(("C64", [3], 24, 4), ("F4", [8], 4, 1), ("F6_E2M3", [8], 6, 3), ("F6_E3M2", [4], 3, 3)),
        *(("F32", [], 4, 4), ("X9_LATER", [7], 5, 0)),
    ],
)
def test_the_width_is_that_of_the_type(dtype: str, shape: list[int], size: int, width: int) -> None:
    fields = f'"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{size}]'
    pieces = plan(one(fields, bytes(size)))

    assert pieces is not None
    assert pieces[1:] == [PlannedChunk(size, "a+0", width)]


@pytest.mark.parametrize(
    "header",
    [
        '{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}',
        ' { "a" : { "data_offsets" : [0, 8] , "shape" : [8] ,\n"dtype":"U8" } } \t\n'.lstrip(),
        '{"__metadata__":{},"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}',
        '{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"__metadata__":{ "x" : "\\"}{" , "y":""}}',
        '{"\\u0061":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}',
    ],
)
def test_json_may_be_written_in_any_way(header: str) -> None:
    pieces = plan(raw_safetensors(header, bytes(8)))

    assert pieces is not None
    assert [piece.key for piece in pieces] == [None, "a+0"]


GOOD = '"dtype":"U8","shape":[8],"data_offsets":[0,8]'
HOSTILE = {
    "length 2^63": raw_safetensors(f'{{"a":{{{GOOD}}}}}', bytes(8), length=1 << 63),
    "length -1": raw_safetensors(f'{{"a":{{{GOOD}}}}}', bytes(8), length=(1 << 64) - 1),
    "length past the end": raw_safetensors(f'{{"a":{{{GOOD}}}}}', bytes(8), length=4000),
    "length 0": raw_safetensors(b"", bytes(8), length=0),
    "header over 16 MiB": raw_safetensors(b"{}" + b" " * (17 << 20)),
    "negative offset": one('"dtype":"U8","shape":[8],"data_offsets":[-8,0]'),
    "offsets in the wrong order": one('"dtype":"U8","shape":[8],"data_offsets":[8,0]'),
    "offset past the end": one('"dtype":"U8","shape":[9],"data_offsets":[0,9]'),
    "offset 2^64": one(f'"dtype":"U8","shape":[{1 << 64}],"data_offsets":[0,{1 << 64}]'),
    "offset of 900 digits": one(f'"dtype":"U8","shape":[8],"data_offsets":[0,{"9" * 900}]'),
    "one offset": one('"dtype":"U8","shape":[8],"data_offsets":[8]'),
    "three offsets": one('"dtype":"U8","shape":[8],"data_offsets":[0,8,8]'),
    "NaN": one('"dtype":"U8","shape":[8],"data_offsets":[NaN,8]'),
    "Infinity": one('"dtype":"U8","shape":[8],"data_offsets":[0,Infinity]'),
    "a float": one('"dtype":"U8","shape":[8],"data_offsets":[0,8.0]'),
    "a truth value": one('"dtype":"U8","shape":[8],"data_offsets":[false,8]'),
    "negative shape": one('"dtype":"U8","shape":[-2,-4],"data_offsets":[0,8]'),
    "shape that does not fit": one('"dtype":"F32","shape":[8],"data_offsets":[0,8]'),
    "half a byte": one('"dtype":"F4","shape":[3],"data_offsets":[0,1]', b"x"),
    "shape is no list": one('"dtype":"U8","shape":8,"data_offsets":[0,8]'),
    "shape is a list of lists": one('"dtype":"U8","shape":[[8]],"data_offsets":[0,8]'),
    "dtype is no text": one('"dtype":8,"shape":[8],"data_offsets":[0,8]'),
    "no dtype": one('"shape":[8],"data_offsets":[0,8]'),
    "dtype twice": one('"dtype":"F32","dtype":"U8","shape":[8],"data_offsets":[0,8]'),
    "one field more": one(f'{GOOD},"x":1'),
    "a name twice": raw_safetensors(f'{{"a":{{{GOOD}}},"a":{{{GOOD}}}}}', bytes(8)),
    "a name twice, once escaped": raw_safetensors(
        f'{{"a":{{{GOOD}}},"\\u0061":{{"dtype":"U8","shape":[1],"data_offsets":[8,9]}}}}', bytes(9)
    ),
    "overlap": raw_safetensors(
        f'{{"a":{{{GOOD}}},"b":{{"dtype":"U8","shape":[8],"data_offsets":[4,12]}}}}', bytes(12)
    ),
    "gap": raw_safetensors(
        f'{{"a":{{{GOOD}}},"b":{{"dtype":"U8","shape":[2],"data_offsets":[10,12]}}}}', bytes(12)
    ),
    "bytes after the last tensor": one(GOOD, bytes(9)),
    "no tensors": raw_safetensors("{}"),
    "metadata only": raw_safetensors('{"__metadata__":{"a":"b"}}'),
    "metadata twice": raw_safetensors(
        f'{{"__metadata__":{{}},"__metadata__":{{}},"a":{{{GOOD}}}}}', bytes(8)
    ),
    "metadata that is no text": raw_safetensors(
        f'{{"__metadata__":{{"x":1}},"a":{{{GOOD}}}}}', bytes(8)
    ),
    "metadata that is a tensor": raw_safetensors(
        f'{{"__metadata__":{{{GOOD}}},"a":{{{GOOD}}}}}', bytes(8)
    ),
    "a lone surrogate": raw_safetensors(f'{{"\\ud800":{{{GOOD}}}}}', bytes(8)),
    "a name that is not UTF-8": raw_safetensors(b'{"\xff":{' + GOOD.encode() + b"}}", bytes(8)),
    "a name of 2000 bytes": raw_safetensors(f'{{"{"n" * 2000}":{{{GOOD}}}}}', bytes(8)),
    "an escape that is none": raw_safetensors(f'{{"\\q":{{{GOOD}}}}}', bytes(8)),
    "another object behind": raw_safetensors(f'{{"a":{{{GOOD}}}}}{{}}', bytes(8)),
    "no end": raw_safetensors(f'{{"a":{{{GOOD}}}', bytes(8)),
    "a comma at the end": raw_safetensors(f'{{"a":{{{GOOD}}},}}', bytes(8)),
    "a list": raw_safetensors("[1, 2, 3]", bytes(8)),
    "100,000 brackets": raw_safetensors("[" * 100_000),
    "100,000 braces": raw_safetensors('{"a":' * 100_000),
    "100,000 brackets in a field": one('"dtype":"U8","shape":' + "[" * 100_000),
    "900 brackets in a field": one('"dtype":"U8","shape":' + "[" * 450 + "]" * 450),
    "a million quotes": raw_safetensors('{"' + '"' * 1_000_000),
    "a million backslashes": raw_safetensors('{"' + "\\" * 1_000_000),
    "a million escapes in metadata": raw_safetensors(
        '{"__metadata__":{"a":"' + '\\"' * 1_000_000 + '"'
    ),
    "100,000 pairs in metadata": raw_safetensors('{"__metadata__":{' + '"a":"b",' * 100_000),
    "a million spaces": raw_safetensors("{" + " " * 1_000_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_header_in_doubt_is_cut_by_content_at_once(name: str) -> None:
    data = HOSTILE[name]
    choose_chunker(pread(b""), 0)  # the modules are imported
    best = 1.0
    for _ in range(3):
        start = time.thread_time()
        assert choose_chunker(pread(data), len(data)).id == CONTENT_CHUNKER
        best = min(best, time.thread_time() - start)

    assert best < 0.05


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(
    lambda name: name != "__metadata__"
)


@given(
    st.dictionaries(names, st.integers(0, 400_000), min_size=1, max_size=12),
    st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
    st.booleans(),
)
@settings(deadline=None, max_examples=100)
def test_any_table_of_tensors_is_covered(
    table: dict[str, int], metadata: dict[str, str], ascii_only: bool
) -> None:
    header: dict[str, object] = {}
    start = 0
    for name, size in table.items():
        fields = {"dtype": "U8", "shape": [size], "data_offsets": [start, start + size]}
        header[name] = fields
        start += size
    if metadata and ascii_only:
        header["__metadata__"] = metadata
    text = json.dumps(dict(sorted(header.items())), ensure_ascii=ascii_only)
    data = raw_safetensors(text, bytes(start))
    pieces = plan(data)

    assert (pieces is None) == (start == 0)
    if pieces is not None:
        assert sum(piece.size for piece in pieces) == len(data)
        whole = {f"{name}+0" for name, size in table.items() if size >= 256 << 10}
        assert whole <= {piece.key for piece in pieces}


@pytest.mark.parametrize(("count", "seconds"), [(1_000, 0.02), (100_000, 1.5)])
def test_planning_is_fast(count: int, seconds: float) -> None:
    """Measured 4 and 460 ms; the bounds allow for a slow machine."""
    data = safetensors_file({f"model.layers.{n}.weight": b"12345678" for n in range(count)})
    best = 60.0
    for _ in range(2):
        start = time.thread_time()
        assert plan(data) is not None
        best = min(best, time.thread_time() - start)

    assert best < seconds


def test_real_files_are_planned() -> None:
    folder = fetch_real_models(["silero-vad"])
    data = (folder / "silero-vad/6.2.3/silero_vad_16k.safetensors").read_bytes()
    pieces = plan(data)

    assert pieces is not None
    assert [(piece.size, piece.key, piece.width) for piece in pieces] == [
        (1216, None, 0),
        (264192, "stft_conv.weight+0", 4),
        (445440, "conv1.weight*8=445440", 4),
        (262144, "lstm_cell.weight_ih+0", 4),
        (262144, "lstm_cell.weight_hh+0", 4),
        (4612, "lstm_cell.bias_ih*4=4612", 4),
    ]


def test_a_real_transformer_is_planned() -> None:
    folder = fetch_real_models(["all-minilm-l6-v2"])
    data = (folder / "all-minilm-l6-v2/0.1.0/model.safetensors").read_bytes()
    pieces = plan(data)

    assert pieces is not None
    assert sum(piece.size for piece in pieces) == len(data)
    assert {piece.width for piece in pieces[1:]} <= {0, 4}
    keys = [piece.key for piece in pieces]
    assert [key for key in keys if key and "word_embeddings" in key] == [
        f"embeddings.word_embeddings.weight+{offset << 22}" for offset in range(12)
    ]
