"""Tensors of a file: a table of formats, each recognized by the file's first eight bytes.

A format is one row of the table: a name, what its files begin with, and a reader of its headers. Readers
are imported when a file needs them. `register_format` adds a row from outside the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from gitmodel.formats.header import MAX_HEADER, NOT_A_TENSOR, HeaderReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.formats.header import Extent, Read

SAFETENSORS: Final = "safetensors"
TORCH_ZIP: Final = "zip"
GGUF: Final = "gguf"
_START: Final = 8  # bytes that recognize a format
# Bytes, 4 TiB. A tensor of that size is a million planned chunks, and a sparse file costs nothing.
_MAX_FILE: Final = 4 << 40


class TensorReader(Protocol):
    """Reads the header of a file of one format."""

    def __call__(self, source: HeaderReader, /) -> list[Extent]:
        """Return the extents of the file, in order, from its first byte to its last.

        Raises ValueError if the file is not of this format or its header contradicts itself, and
        LookupError of `source` if bytes of the header are not at hand.
        """


class TensorFormat(NamedTuple):
    """A row of the table.

    Chunking maps the name to a chunker; without one, files are chunked by content. `magic` is the bytes
    that files begin with, eight at most; or a predicate on the first eight bytes. The reader should import
    what it needs when it is called.
    """

    name: str
    magic: bytes | Callable[[bytes], bool]
    read: TensorReader

    def matches(self, start: bytes) -> bool:
        """Whether a file with these first eight bytes may be of this format."""
        if isinstance(self.magic, bytes):
            return start.startswith(self.magic)
        return self.magic(start)


class TensorPlace(NamedTuple):
    """A tensor in a file, whose first byte is at the offset."""

    offset: int
    extent: Extent


def _read_gguf(source: HeaderReader) -> list[Extent]:
    from gitmodel.formats import gguf

    return gguf.read_extents(source)


def _read_torch_zip(source: HeaderReader) -> list[Extent]:
    from gitmodel.formats import torch_zip

    return torch_zip.read_extents(source)


def _read_safetensors(source: HeaderReader) -> list[Extent]:
    from gitmodel.formats import safetensors

    return safetensors.read_extents(source)


def _has_header_length(start: bytes) -> bool:
    return 2 <= int.from_bytes(start, "little") <= MAX_HEADER


_formats: tuple[TensorFormat, ...] = (
    TensorFormat(GGUF, b"GGUF", _read_gguf),
    TensorFormat(TORCH_ZIP, b"PK\x03\x04", _read_torch_zip),
    TensorFormat(SAFETENSORS, _has_header_length, _read_safetensors),
)


def register_format(row: TensorFormat) -> None:
    """Add a format for the rest of the process.

    It is tried after those that are known already, so a registration never changes how a file of theirs is
    chunked. Raises ValueError if there is a format of this name, or the magic bytes are none or more than
    eight.
    """
    global _formats  # noqa: PLW0603  (replaced as a whole, so readers on other threads see one table)
    if any(row.name == known.name for known in _formats):
        raise ValueError(f"the format {row.name} is registered already")
    if isinstance(row.magic, bytes) and not 1 <= len(row.magic) <= _START:
        raise ValueError(f"the format {row.name} needs from 1 to {_START} magic bytes")
    _formats = (*_formats, row)


def read_extents(read: Read, size: int) -> tuple[str, list[Extent]] | None:
    """Return the format of a file of `size` bytes and its extents; None if no format accepts its header.

    `read(offset, count)` returns bytes of the file as pread does, fewer at its end. Its errors are passed
    on; no content of the file raises an error.
    """
    if not _START <= size <= _MAX_FILE:
        return None
    source = HeaderReader(read, size)
    try:
        start = source.take(0, _START)
    except ValueError:  # the file became shorter
        return None
    for row in _formats:
        if row.matches(start):
            try:
                return row.name, row.read(source)
            except ValueError:  # also of text and numbers that Python does not take
                continue
    return None


def tensor_places(read: Read, size: int) -> dict[str, TensorPlace]:
    """Return the tensors of a file by name; nothing if no format accepts its header.

    Names are those of safetensors and GGUF, of the arrays of npz (their bytes begin after the header of
    npy), and of the storages of PyTorch (`data/0`). `read` is as of `read_extents`.
    """
    places: dict[str, TensorPlace] = {}
    found = read_extents(read, size)
    offset = 0
    for extent in () if found is None else found[1]:
        if extent.name is not None and not extent.name.startswith(NOT_A_TENSOR):
            places[extent.name] = TensorPlace(offset, extent)
        offset += extent.size
    return places
