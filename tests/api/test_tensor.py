"""`gitmodel.tensor`: what numpy reads of each type, and that it copies nothing."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import gitmodel
from gitmodel.formats import tensors
from gitmodel.formats.header import Extent
from gitmodel.formats.tensor import Tensor
from tests.support.formats import gguf_header, gguf_tensor, raw_safetensors, zip_file

if TYPE_CHECKING:
    from tests.support.desk import Desk

SIX = struct.pack("<6f", *range(6))


def typed(dtype: str | None, shape: tuple[int, ...] | None, data: bytes) -> Tensor:
    return Tensor(data, "w", Extent(len(data), "w", 0, dtype, shape))


def add(desk: Desk, name: str, data: bytes) -> None:
    desk.repo.write(name, data)
    desk.add(name)
    desk.repo.commit(name)


def test_a_tensor_of_safetensors_is_an_array(desk: Desk) -> None:
    header = '{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}'
    add(desk, "net.safetensors", raw_safetensors(header, SIX))

    tensor = gitmodel.tensor("net", "w", repo=desk.repo.path)

    array = np.asarray(tensor)
    assert array.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert (tensor.dtype, tensor.shape, tensor.nbytes) == (np.dtype("<f4"), (2, 3), 24)
    assert (tensor.name, tensor.stored_dtype, tensor.stored_shape) == ("w", "F32", (2, 3))
    assert repr(tensor) == "<gitmodel.Tensor 'w' F32 (2, 3), 24 bytes>"


def test_a_tensor_of_gguf_is_an_array(desk: Desk) -> None:
    """The format lists the fastest dimension first, numpy last."""
    header = gguf_header([], [gguf_tensor("w", [3, 2], 0, 0)])
    add(desk, "net.gguf", header + bytes(-len(header) % 32) + SIX + bytes(8))

    tensor = gitmodel.tensor("net", "w", repo=desk.repo.path)

    assert np.asarray(tensor).tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2", "|b1", "|u1", "<c16"])
def test_an_array_of_npz_is_what_numpy_wrote(desk: Desk, dtype: str, order: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    stream = io.BytesIO()
    np.savez(stream, w=np.asfortranarray(array) if order == "F" else array)
    add(desk, "net.npz", stream.getvalue())

    tensor = gitmodel.tensor("net", "w", repo=desk.repo.path)

    assert np.asarray(tensor).dtype == array.dtype
    assert np.array_equal(np.asarray(tensor), array)


def test_a_storage_of_pytorch_is_bytes(desk: Desk) -> None:
    """Type and shape are in a pickle, which is not read."""
    add(desk, "net.pt", zip_file({"net/data.pkl": bytes(9), "net/data/0": SIX}))

    tensor = gitmodel.tensor("net", "data/0", repo=desk.repo.path)

    assert (tensor.stored_dtype, tensor.stored_shape) == (None, None)
    assert (tensor.dtype, tensor.shape) == (np.dtype("u1"), (24,))
    assert np.asarray(tensor).view("<f4").tolist() == [0, 1, 2, 3, 4, 5]
    assert repr(tensor) == "<gitmodel.Tensor 'data/0' of unknown type, 24 bytes>"


def test_a_format_from_outside_the_package_is_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensors, "_formats", tensors._formats)
    tensors.register_format(
        tensors.TensorFormat(
            "floats",
            b"FLOATS\0\0",
            lambda source: [
                Extent(8, None, 0),
                Extent(source.size - 8, "all", 4, "F32", ((source.size - 8) // 4,)),
            ],
        )
    )
    add(desk, "net.bin", b"FLOATS\0\0" + SIX)

    tensor = gitmodel.tensor("net", "all", repo=desk.repo.path)

    assert np.asarray(tensor).tolist() == [0, 1, 2, 3, 4, 5]


def test_numpy_shares_the_memory() -> None:
    tensor = typed("F32", (2, 3), SIX)
    array = np.asarray(tensor)

    assert np.shares_memory(array, np.frombuffer(tensor.data, "u1"))
    assert np.shares_memory(array, np.asarray(tensor, dtype="<f4"))
    assert not array.flags.writeable
    assert tensor.data.readonly


def test_numpy_copies_where_it_is_asked_to() -> None:
    tensor = typed("F32", (2, 3), SIX)
    copy = np.array(tensor)
    copy.fill(7)

    assert np.asarray(tensor).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert np.asarray(tensor, dtype="f8").dtype == np.dtype("f8")
    with pytest.raises(ValueError, match="needs a copy of <gitmodel"):
        tensor.__array__(np.dtype("f8"), copy=False)


@pytest.mark.parametrize(
    ("stored", "dtype"),
    [
        *(("BOOL", "?"), ("U8", "u1"), ("I8", "i1"), ("U16", "<u2"), ("I16", "<i2")),
        *(("U32", "<u4"), ("I32", "<i4"), ("U64", "<u8"), ("I64", "<i8"), ("C64", "<c8")),
        *(("F16", "<f2"), ("F32", "<f4"), ("F64", "<f8"), ("BF16", "<u2")),
        *((name, "u1") for name in ("F8_E4M3", "F8_E5M2", "F8_E8M0")),
        *((name, "u1") for name in ("F8_E4M3FNUZ", "F8_E5M2FNUZ")),
    ],
)
def test_each_type_of_whole_bytes_keeps_the_shape(stored: str, dtype: str) -> None:
    data = bytes(6 * np.dtype(dtype).itemsize)

    tensor = typed(stored, (2, 3), data)

    assert (tensor.dtype, tensor.shape) == (np.dtype(dtype), (2, 3))


def test_bfloat16_is_the_bits_of_each_element() -> None:
    tensor = typed("BF16", (2,), struct.pack("<2H", 0x3F80, 0xC000))

    bits = np.asarray(tensor)

    assert (tensor.stored_dtype, bits.dtype) == ("BF16", np.dtype("u2"))
    assert bits.tolist() == [0x3F80, 0xC000]
    assert (bits.astype("<u4") << 16).view("<f4").tolist() == [1.0, -2.0]


@pytest.mark.parametrize(
    ("stored", "shape"),
    [
        *(("Q4_K", (1, 256)), ("F4", (2, 144)), ("F6_E2M3", (192,)), ("X9_LATER", (36,))),
        *((None, (36,)), ("F32", None), (None, None)),  # the header does not say
        *(("F32", (7,)), ("F32", (0, 2**63)), ("<f3", (48,)), ("", (1,))),  # it lies
        ("F32", (1,) * 99),
    ],
)
def test_a_layout_that_numpy_lacks_is_bytes(stored: str | None, shape: tuple[int, ...]) -> None:
    tensor = typed(stored, shape, bytes(range(144)))

    assert (tensor.dtype, tensor.shape) == (np.dtype("u1"), (144,))
    assert np.asarray(tensor).tobytes() == bytes(range(144))
    assert (tensor.stored_dtype, tensor.stored_shape) == (stored, shape)


def test_a_tensor_without_elements_is_an_empty_array() -> None:
    assert np.asarray(typed("F32", (0, 3), b"")).shape == (0, 3)
    assert np.asarray(typed(None, None, b"")).shape == (0,)
    assert np.asarray(typed("F32", (), SIX[4:8])).tolist() == 1.0


def test_tensors_equal_by_content_and_type() -> None:
    tensor = typed("F32", (2, 3), SIX)

    assert tensor == SIX
    assert tensor == bytearray(SIX)
    assert tensor != SIX[:-1]
    assert tensor == typed("F32", (2, 3), SIX)
    assert tensor != typed("F32", (3, 2), SIX)
    assert tensor != "w"
    assert len({tensor, typed("F32", (2, 3), SIX), SIX}) == 1
    assert bytes(tensor) == SIX


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python classes are buffers from 3.12")
def test_a_tensor_is_a_buffer() -> None:
    view = memoryview(typed("F32", (2, 3), SIX))  # type: ignore[arg-type, unused-ignore]

    assert (view.shape, view.format, view.readonly) == ((2, 3), "f", True)


def test_numpy_is_imported_when_an_array_is_needed(desk: Desk) -> None:
    header = '{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}'
    add(desk, "net.safetensors", raw_safetensors(header, SIX))
    code = (
        "import sys; import gitmodel; t = gitmodel.tensor('net', 'w'); t.stored_shape;"
        "print('numpy' in sys.modules); t.dtype; print('numpy' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=desk.repo.path,
        env={**desk.context().environment, "PYTHONPATH": str(Path(gitmodel.__file__).parents[1])},
    )
    assert done.stdout.split() == ["False", "True"]
