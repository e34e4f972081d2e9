"""How far tensors moved is what numpy says of the whole files; what is not decoded is named."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gitmodel.workflows.diff import diff
from tests.support.formats import gguf_header, gguf_tensor, zip_file
from tests.support.torch_zip import Saved, state_dict, torch_zip

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from gitmodel.project.comparing.tensor_stats import TensorStats
    from tests.support.desk import Desk

    Array = np.ndarray[Any, np.dtype[Any]]


def safetensors(**tensors: tuple[str, list[int], bytes]) -> bytes:
    header, body = {}, b""
    for name, (dtype, shape, data) in tensors.items():
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        body += data
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def stats(
    desk: Desk, contents: Sequence[bytes], path: str = "net.safetensors"
) -> list[TensorStats]:
    for content in contents:
        desk.version(content, path)
    with desk.open() as project:
        return list(diff(project, "net", with_stats=True).weights.stats)


@pytest.mark.parametrize(
    ("dtype", "numpy_type"),
    [("F64", "<f8"), ("F32", "<f4"), ("F16", "<f2"), ("I32", "<i4"), ("U8", "u1")],
)
def test_differences_are_those_of_numpy(desk: Desk, dtype: str, numpy_type: str) -> None:
    """More elements than are read at a time."""
    chance = np.random.default_rng(1)
    a, b = (chance.uniform(1, 9, 300_000).astype(numpy_type) for _ in range(2))
    contents = [safetensors(w=(dtype, [300, 1000], one.tobytes())) for one in (a, b)]

    [found] = stats(desk, contents)

    wide_a, wide_b = a.astype("f8"), b.astype("f8")
    moved = np.abs(wide_a - wide_b)
    cosine = wide_a @ wide_b / np.linalg.norm(wide_a) / np.linalg.norm(wide_b)
    assert (found.max_abs, found.left_out) == (moved.max(), 0)
    assert found.mean_abs == pytest.approx(moved.mean())
    assert found.cosine == pytest.approx(cosine)


def test_bfloat16_is_decoded(desk: Desk) -> None:
    a, b = struct.pack("<2H", 0x3F80, 0xC000), struct.pack("<2H", 0x4000, 0xC000)  # 1, -2 and 2, -2
    contents = [safetensors(w=("BF16", [2], data)) for data in (a, b)]

    [found] = stats(desk, contents)

    assert (found.max_abs, found.mean_abs) == (1.0, 0.5)


def test_an_element_that_is_not_finite_is_left_out_and_counted(desk: Desk) -> None:
    old, new = np.array([1, np.nan, 3, 4], "<f4"), np.array([1, 2, np.inf, 6], "<f4")
    old.view("<u4")[1] = 0x7FA00000  # a signalling NaN
    contents = [safetensors(w=("F32", [4], one.tobytes())) for one in (old, new)]

    [found] = stats(desk, contents)

    assert (found.max_abs, found.mean_abs, found.left_out) == (2.0, 1.0, 2)


def test_a_type_that_changed_is_compared_by_value(desk: Desk) -> None:
    values = np.array([1.5, -2.25, 0.1], "<f4")
    before = safetensors(w=("F32", [3], values.tobytes()))
    after = safetensors(w=("F16", [3], values.astype("<f2").tobytes()))

    [found] = stats(desk, [before, after])

    assert 0 < (found.max_abs or 0) < 0.001


def test_what_is_not_decoded_is_named(desk: Desk) -> None:
    before = safetensors(
        q=("F8_E4M3", [4], b"1234"), s=("F32", [2], bytes(8)), z=("BOOL", [1], b"\0")
    )
    after = safetensors(
        q=("F8_E4M3", [4], b"1235"), s=("F32", [1], bytes(4)), z=("BOOL", [1], b"\1")
    )

    found = stats(desk, [before, after])

    assert [(one.name, one.problem, one.max_abs) for one in found] == [
        ("q", "not decoded: F8_E4M3", None),
        ("s", "another shape", None),
        ("z", "not decoded: BOOL", None),
    ]


def test_quantised_blocks_are_not_decoded(desk: Desk) -> None:
    header = gguf_header([], [gguf_tensor("w", [256], 12, 0)])  # Q4_K
    start = header + bytes(-len(header) % 32)

    [found] = stats(desk, [start + bytes(160), start + b"\1" + bytes(159)], "net.gguf")

    assert found.problem == "not decoded: Q4_K"


def test_a_storage_of_pytorch_has_no_type_to_decode(desk: Desk) -> None:
    contents = [
        zip_file({"net/data.pkl": b".", "net/data/0": bytes([number] * 8)}) for number in (1, 2)
    ]

    [found] = stats(desk, contents, "net.pt")

    assert found.problem == "not decoded: the header names no type and shape"


def test_a_named_tensor_of_pytorch_is_decoded(desk: Desk) -> None:
    saved = [("w", Saved("0", "FloatStorage", 2, (2,)))]
    contents = [
        torch_zip(state_dict(saved), {"0": struct.pack("<2f", 1, number)}) for number in (1, 3)
    ]

    [found] = stats(desk, contents, "net.pt")

    assert (found.name, found.max_abs, found.mean_abs) == ("w", 2.0, 1.0)
