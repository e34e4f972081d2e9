"""The table of tensor formats: which tensors a file has, of which type and shape, and rows from outside."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gitmodel.encoding.chunking.choose import CONTENT_CHUNKER, choose_chunker, planned_chunks
from gitmodel.formats import tensors
from gitmodel.formats.header import SMALL, Extent, UnrecognizedFormatError
from gitmodel.formats.tensors import TensorFormat, read_extents, register_format, tensor_places
from tests.support.formats import (
    gguf_file,
    gguf_header,
    gguf_pair,
    gguf_string,
    gguf_tensor,
    pread,
    raw_safetensors,
    safetensors_file,
    zip_file,
)

if TYPE_CHECKING:
    from gitmodel.formats.header import HeaderReader


def described(data: bytes) -> dict[str, tuple[str | None, tuple[int, ...] | None]]:
    """Type and shape of the tensors of a file, by name."""
    places = tensor_places(pread(data), len(data))
    return {name: (place.extent.dtype, place.extent.shape) for name, place in places.items()}


def npz(**arrays: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table, without the rows that a test adds."""
    monkeypatch.setattr(tensors, "_formats", tensors._formats)


# A format from outside: magic bytes, the number of floats, the floats.


def read_toy(source: HeaderReader) -> list[Extent]:
    (count,) = struct.unpack("<I", source.take(4, 4))
    if source.size != 8 + 4 * count:
        raise UnrecognizedFormatError("not the size that the header says")
    return [Extent(8, None, 0), Extent(4 * count, "floats", 4, "F32", (count,))]


TOY = TensorFormat("toy", b"TOY1", read_toy)


def toy_file(count: int) -> bytes:
    return b"TOY1" + struct.pack("<I", count) + bytes(4 * count)


def test_safetensors_name_type_and_shape() -> None:
    header = (
        '{"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},'
        '"scalar":{"dtype":"F32","shape":[],"data_offsets":[12,16]},'
        '"slow": {"shape":[1, 4],"dtype":"X9_LATER","data_offsets":[16,19]}}'
    )

    assert described(raw_safetensors(header, bytes(19))) == {
        "a": ("BF16", (2, 3)),
        "scalar": ("F32", ()),
        "slow": ("X9_LATER", (1, 4)),
    }


def test_gguf_names_type_and_shape_with_the_last_index_fastest() -> None:
    """The format itself lists the fastest dimension first."""
    body = bytes(2 * 18 + 28 + 24)
    header = gguf_header(
        [],
        [gguf_tensor("q", [32, 2], 2, 0), gguf_tensor("f", [3, 2], 0, 64)],
    )
    data = header + bytes(-len(header) % 32) + body

    assert described(data) == {"q": ("Q4_0", (2, 32)), "f": ("F32", (2, 3))}


def test_a_type_that_is_unknown_in_gguf_has_a_shape_and_no_name() -> None:
    header = gguf_header([], [gguf_tensor("x", [5], 99, 0)])
    data = header + bytes(-len(header) % 32) + bytes(7)

    assert described(data) == {"x": (None, (5,))}


def test_a_long_vocabulary_is_a_piece_and_no_tensor() -> None:
    words = struct.pack("<IQ", 8, SMALL // 8) + gguf_string("") * (SMALL // 8)
    data = gguf_file({"a": bytes(8)}, pairs=[gguf_pair("tokens", 9, words)])

    pieces = planned_chunks(pread(data), len(data))
    assert pieces is not None
    assert "\0tokens+0" in [piece.key for piece in pieces]
    assert described(data) == {"a": ("F32", (2,))}


@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3), (4, 1, 2)])
@pytest.mark.parametrize("dtype", ["<f4", "<f2", ">i8", "|b1", "|u1", "<c16"])
def test_npz_names_type_and_shape(dtype: str, shape: tuple[int, ...]) -> None:
    data = npz(w=np.zeros(shape, dtype), one=np.zeros(1, "|u1"))

    assert described(data)["w"] == (dtype, shape)


def test_npz_names_the_order_of_the_elements() -> None:
    data = npz(c=np.zeros((2, 3), "<f4"), f=np.asfortranarray(np.zeros((2, 3), "<f4")))
    places = tensor_places(pread(data), len(data))

    assert {name: place.extent.order for name, place in places.items()} == {"c": "C", "f": "F"}


def test_a_shape_that_does_not_fit_the_bytes_is_none() -> None:
    whole = npz(w=np.zeros(4, "<f4"))
    entries = whole.replace(b"(4,)", b"(5,)")  # of the same length; zip checks no sum here

    assert described(whole)["w"] == ("<f4", (4,))
    assert described(entries)["w"] == (None, None)


def test_a_storage_of_pytorch_has_neither() -> None:
    data = zip_file({"m/data.pkl": bytes(9), "m/data/0": bytes(40)})

    assert described(data)["data/0"] == (None, None)


@pytest.mark.usefixtures("table")
def test_a_row_from_outside_is_read() -> None:
    data = toy_file(3)
    assert read_extents(pread(data), len(data)) is None

    register_format(TOY)

    assert described(data) == {"floats": ("F32", (3,))}
    assert described(data[:-1]) == {}


@pytest.mark.usefixtures("table")
def test_a_format_without_a_chunker_is_chunked_by_content() -> None:
    register_format(TOY)
    data = toy_file(200_000)

    assert choose_chunker(pread(data), len(data)).id == CONTENT_CHUNKER
    assert planned_chunks(pread(data), len(data)) is None


@pytest.mark.usefixtures("table")
def test_a_predicate_recognizes_what_no_other_row_accepts() -> None:
    """Registered formats come last: the chunks of a known format never change."""
    register_format(
        TensorFormat("any", lambda _start: True, lambda source: [Extent(source.size, "all", 1)])
    )
    known = safetensors_file({"a": bytes(64)})

    assert described(b"no known format") == {"all": (None, None)}
    assert described(known) == {"a": ("U8", (64,))}
    broken = b"GGUF" + bytes(20)  # magic bytes alone are not enough
    assert described(broken) == {"all": (None, None)}


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("name", "magic"), [("gguf", b"X"), ("toy", b"X"), ("empty", b""), ("long", b"123456789")]
)
def test_a_row_is_refused_whose_name_is_taken_or_that_has_no_magic_bytes(
    name: str, magic: bytes
) -> None:
    register_format(TOY)
    with pytest.raises(ValueError, match=f"the format {name} "):
        register_format(TensorFormat(name, magic, read_toy))


def test_readers_are_imported_when_a_file_needs_them() -> None:
    code = (
        "import sys; import gitmodel.formats.tensors, gitmodel.encoding.chunking.choose;"
        "print({'gguf', 'safetensors', 'torch_zip'} & {m.rpartition('.')[2] for m in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
