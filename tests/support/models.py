"""Small real weights: valid safetensors files and a Hugging Face like folder, made in no time.

`model(seed)` and `perturbed(model(seed))` are two versions of one model: the second has the same
tensors, with the numbers of a few of them changed a little, as a short fine-tune does. Equal
arguments give equal bytes everywhere. `tensors` reads such a file back, strictly.
"""

from __future__ import annotations

import json
import math
import random
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.real_models import fetch_real_models

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = [
    "Tensor",
    "folder_model",
    "model",
    "perturbed",
    "real_models",
    "safetensors",
    "tensors",
    "write_folder",
]

_ROW = 64  # numbers in a row of a weight matrix
_BYTES = 4  # of one float32
# Of a safetensors header: https://github.com/huggingface/safetensors#format
_HEADER_LIMIT = 100_000_000


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a safetensors file.

    Attributes:
        dtype: Such as "F32".
        shape: Its dimensions.
        data: Its bytes, little endian.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes


def model(seed: int = 0, size: int = 20_000) -> bytes:
    """Make a safetensors file of about `size` bytes (never much less), with float32 tensors.

    Args:
        seed: Other seed, other weights.
        size: Bytes of tensor data to aim at; at least one layer is made.
    """
    chance = random.Random(seed)  # noqa: S311 - the same bytes each time
    layers = max(1, min(12, size // (_ROW * _ROW * _BYTES)))
    rows = max(1, size // (layers * (_ROW + 1) * _BYTES))
    made: dict[str, Tensor] = {}
    for layer in range(layers):
        for name, shape in (("weight", (rows, _ROW)), ("bias", (rows,))):
            count = rows * _ROW if name == "weight" else rows
            made[f"layer.{layer}.{name}"] = Tensor("F32", shape, _numbers(chance, count))
    return _safetensors(made)


def _numbers(chance: random.Random, count: int) -> bytes:
    """Float32 numbers as weights have them: random mantissa and sign, exponents of small numbers.

    Built from random bytes, since a Gauss number each would cost a second a megabyte.
    """
    raw = bytearray(chance.randbytes(count * _BYTES))
    exponent = bytes(0x3A + (value & 3) for value in range(256))
    sign = bytes(value & 0x80 for value in range(256))
    top = raw[3::4]
    raw[3::4] = bytes(
        high | low for high, low in zip(top.translate(sign), top.translate(exponent), strict=True)
    )
    return bytes(raw)


def perturbed(weights: bytes, seed: int = 1) -> bytes:
    """Make the next version: the same tensors, the last layer's low mantissa bits changed.

    Args:
        weights: A safetensors file.
        seed: Other seed, other changes.
    """
    chance = random.Random(seed)  # noqa: S311 - the same bytes each time
    made = tensors(weights)
    last = list(made)[-1].rpartition(".")[0]
    for name, tensor in made.items():
        if name.startswith(f"{last}."):
            data = bytearray(tensor.data)
            data[0::4] = chance.randbytes(len(data) // _BYTES)
            made[name] = Tensor(tensor.dtype, tensor.shape, bytes(data))
    return _safetensors(made)


def folder_model(seed: int = 0, size: int = 20_000) -> dict[str, bytes]:
    """Make a model of several files, path to bytes: two shards of weights, configuration, words.

    With a folder below it, an empty file, and a name with a space and a letter beyond ASCII.
    """
    half = size // 2
    return {
        "config.json": json.dumps({"hidden_size": _ROW, "seed": seed}, indent=2).encode(),
        "model-00001-of-00002.safetensors": model(seed, half),
        "model-00002-of-00002.safetensors": model(seed + 1_000_000, half),
        "tokenizer/vocab.txt": "".join(f"word{number}\n" for number in range(200)).encode(),
        "tokenizer/ungew\u00f6hnliche W\u00f6rter.txt": "\u00e4\n".encode(),
        "tokenizer/added_tokens.txt": b"",
    }


def write_folder(files: dict[str, bytes], folder: Path) -> Path:
    """Write the files of a folder model; returns the folder."""
    for name, data in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def real_models(names: Iterable[str]) -> Path:
    """Return the folder in which real models of these names lie, as `NAME/VERSION/PATH`.

    They are fetched when they are not there yet; see `tests.support.real_models`.
    """
    return fetch_real_models(names)


def safetensors(columns: dict[str, bytes]) -> bytes:
    """A file of one-dimensional F32 tensors with these bytes."""
    return _safetensors(
        {name: Tensor("F32", (len(data) // _BYTES,), data) for name, data in columns.items()}
    )


def _safetensors(made: dict[str, Tensor]) -> bytes:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name, tensor in made.items():
        end = start + len(tensor.data)
        header[name] = {
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(one.data for one in made.values())


def tensors(weights: bytes) -> dict[str, Tensor]:
    """Read a safetensors file as strictly as the format's own reader.

    Raises:
        AssertionError: It is not one: header, offsets without gaps, or sizes do not fit.
    """
    (length,) = struct.unpack_from("<Q", weights)
    assert 2 <= length <= _HEADER_LIMIT, "length of the header"
    assert weights[8:9] == b"{", "the header begins with {"
    header = json.loads(weights[8 : 8 + length])
    data = weights[8 + length :]
    read: dict[str, Tensor] = {}
    expected = 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        assert set(entry) == {"dtype", "shape", "data_offsets"}, name
        start, end = entry["data_offsets"]
        count = math.prod(entry["shape"])
        assert (start, end - start) == (expected, count * _BYTES), f"{name}: offsets"
        read[name] = Tensor(entry["dtype"], tuple(entry["shape"]), data[start:end])
        expected = end
    assert expected == len(data), "bytes after the last tensor"
    return read
