"""Tensors of a file, by its format: the first bytes choose the reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.formats.header import HeaderReader

if TYPE_CHECKING:
    from gitmodel.formats.extent import Extent
    from gitmodel.formats.header import Read

SAFETENSORS: Final = "safetensors"
TORCH_ZIP: Final = "zip"
GGUF: Final = "gguf"
_MAX_FILE: Final = (
    4 << 40
)  # bytes; 4 TiB has a million pieces, and a sparse file of that costs nothing


def read_runs(read: Read, size: int) -> tuple[str, list[Extent]] | None:
    """Return the format of a file and its runs of bytes; None for a file whose header is not to be trusted.

    Args:
        read: `read(offset, count)` gives bytes of the file as pread does, fewer at its end. What it
            raises is passed on; nothing that the bytes say is ever raised.
        size: The file's, in bytes.
    """
    if not 8 <= size <= _MAX_FILE:
        return None
    try:
        return _runs(HeaderReader(read, size))
    except ValueError:  # a DoubtError, or text and numbers that Python does not take
        return None


def tensor_places(read: Read, size: int) -> dict[str, tuple[int, int]]:
    """Return where the tensors of a file lie: offset and length in bytes, by name.

    Names are those of safetensors and GGUF, of the arrays of npz (their bytes begin behind the header
    of npy), and of the storages of PyTorch (`data/0`). Empty for a file of another format, and for one
    whose header is not to be trusted.

    Args:
        read: As of `read_runs`.
        size: The file's, in bytes.
    """
    places: dict[str, tuple[int, int]] = {}
    found = read_runs(read, size)
    offset = 0
    for run in () if found is None else found[1]:
        if run.name is not None:
            places[run.name] = offset, run.size
        offset += run.size
    return places


def _runs(source: HeaderReader) -> tuple[str, list[Extent]]:
    start = source.take(0, 8)
    if start.startswith(b"GGUF"):
        from gitmodel.formats import gguf

        return GGUF, gguf.read_runs(source)
    if start.startswith(b"PK\x03\x04"):
        from gitmodel.formats import torch_zip

        return TORCH_ZIP, torch_zip.read_runs(source)
    from gitmodel.formats import safetensors

    return SAFETENSORS, safetensors.read_runs(source)
