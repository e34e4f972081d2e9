"""Weights to measure with: the same bytes each time, in two versions.

Weights as training leaves them: normal with a standard deviation of 0.05, in an embedding and a
stack of layers. The second version is what a short fine-tune does: every weight of a layer moves by
about 1.5e-4 (in bf16 some of the low bits, in fp32 half of all bits), and of the embedding, half of
the size, only the rows of words that occurred. Deltas of it come out as small as those of a small
language model that was really fine-tuned; ratios that count for more are those of real checkpoints
(`--series`).
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MIB = 2**20
DEVIATION = 0.05
STEP = 1.5e-4
COLUMNS = 1024
LAYERS = 16
_BLOCK_ROWS = 2048  # rows made at once: 8 MiB of float32


@dataclass(frozen=True, slots=True)
class Data:
    """A kind of weights.

    Attributes:
        name: For `--data` and the table.
        change: What the second version changes, in words.
        file: Name of the weights file.
        write: Writes version 1 or 2 of a size in bytes to a path.
    """

    name: str
    change: str
    file: str
    write: Callable[[Path, int, int], None]


def _write_random(path: Path, size: int, version: int) -> None:
    """Random bytes in 64 parts; the second version has two others: a few tensors retrained."""
    part = size // 64
    with path.open("wb") as stream:
        for number in range(64):
            seed = [number, version if number in {20, 45} else 1]
            made = numpy.random.default_rng(seed)
            for start in range(0, part, 8 * MIB):
                stream.write(made.bytes(min(8 * MIB, part - start)))


def _write_bf16(path: Path, size: int, version: int) -> None:
    _write_weights(path, size, version, dtype="BF16", frozen_layers=0)


def _write_fp32(path: Path, size: int, version: int) -> None:
    _write_weights(path, size, version, dtype="F32", frozen_layers=0)


def _write_frozen(path: Path, size: int, version: int) -> None:
    _write_weights(path, size, version, dtype="F32", frozen_layers=LAYERS // 2)


def _write_weights(path: Path, size: int, version: int, *, dtype: str, frozen_layers: int) -> None:
    """Write a safetensors file: an embedding of half the size, and equal layers."""
    width = 2 if dtype == "BF16" else 4
    rows = max(1, size // (width * COLUMNS))
    layer_rows = max(1, (rows - rows // 2) // LAYERS)
    shapes = {"embedding": max(1, rows - layer_rows * LAYERS)}
    shapes |= {f"layer.{number:02}.weight": layer_rows for number in range(LAYERS)}
    with path.open("wb") as stream:
        _write_header(stream, shapes, dtype, width)
        for number, count in enumerate(shapes.values()):
            frozen = frozen_layers > 0 and number <= frozen_layers
            moved = version > 1 and not frozen
            for block in _tensor(number, count, moved=moved, sparse=number == 0):
                stream.write(_as_bf16(block) if dtype == "BF16" else block.tobytes())


def _write_header(stream: BinaryIO, shapes: dict[str, int], dtype: str, width: int) -> None:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name, rows in shapes.items():
        end = start + rows * COLUMNS * width
        header[name] = {"dtype": dtype, "shape": [rows, COLUMNS], "data_offsets": [start, end]}
        start = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    stream.write(struct.pack("<Q", len(text)) + text)


def _tensor(
    number: int, rows: int, *, moved: bool, sparse: bool
) -> Iterator[NDArray[numpy.float32]]:
    """Make a tensor block by block; `moved` as a fine-tune moves it, `sparse` only each 5th row."""
    for start in range(0, rows, _BLOCK_ROWS):
        shape = (min(_BLOCK_ROWS, rows - start), COLUMNS)
        weights = numpy.random.default_rng([number, start]).standard_normal(shape, numpy.float32)
        weights *= numpy.float32(DEVIATION)
        if moved:
            steps = numpy.random.default_rng([number, start, 2])
            move = steps.standard_normal(shape, numpy.float32) * numpy.float32(STEP)
            every = 5 if sparse else 1
            weights[::every] += move[::every]
        yield weights


def _as_bf16(weights: NDArray[numpy.float32]) -> bytes:
    """Round to the nearest bf16, ties to even, as PyTorch does."""
    bits = weights.view(numpy.uint32)
    rounded = (bits + numpy.uint32(0x7FFF) + ((bits >> 16) & 1)) >> 16
    return rounded.astype("<u2").tobytes()


KINDS = (
    Data("random", "2 of 64 tensors retrained", "model.bin", _write_random),
    Data("bf16", "fine-tuned", "model.safetensors", _write_bf16),
    Data("fp32", "fine-tuned", "model.safetensors", _write_fp32),
    Data("frozen", "fp32, fine-tuned, lower half frozen", "model.safetensors", _write_frozen),
)
