"""Extents of a file as its header describes them, and bounded reading of the header of an untrusted file.

Guarantee: `HeaderReader.take` returns exactly the requested bytes or raises. It never reads bytes outside
the file, or more than 16 MiB, whatever numbers the file contains.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeAlias

MAX_HEADER: Final = 16 << 20  # 16 MiB: 250,000 tensors of a safetensors file
MAX_TENSORS: Final = 1_000_000
MAX_NAME: Final = 1024  # bytes; the name is a part of the key of each piece

# read(offset, count): as pread, fewer bytes only at the end of the file. LookupError if the bytes exist
# but are not available here.
Read: TypeAlias = Callable[[int, int], bytes]


class UnrecognizedFormatError(ValueError):
    """The file breaks the rules of the format; it is chunked by content."""


class HeaderReader:
    """Reads parts of one file of known size."""

    def __init__(self, read: Read, size: int) -> None:
        self._read = read
        self.size = size  # bytes

    def take(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from an offset.

        Raises UnrecognizedFormatError if they are not all inside the file, or too many, LookupError if they
        are not available here.
        """
        if not (0 <= offset <= offset + count <= self.size and count <= MAX_HEADER):
            raise UnrecognizedFormatError("the header names bytes outside the file")
        data = self._read(offset, count)
        if len(data) != count:
            raise UnrecognizedFormatError("the file became shorter")
        return data


def checked_name(raw: bytes) -> str:
    """Return a tensor's name as text. Raises ValueError if it is not UTF-8, or too long."""
    if len(raw) > MAX_NAME:
        raise UnrecognizedFormatError("a tensor's name is too long")
    return raw.decode("utf-8")


SMALL: Final = 256 << 10  # bytes; a tensor as long as this is a piece of its own


class Extent(NamedTuple):
    """Consecutive bytes of a file: one tensor, or bytes between tensors.

    `width` is bytes after which the layout repeats: of one element, or of one block of a quantised tensor;
    1 for bytes without such layout, 0 if unknown. `dtype` is the type of the elements as the header names
    it: `F32`, `BF16`, `Q4_K`; of npz as NumPy writes it, `<f4`. Type and shape are None if the header does
    not say.
    """

    size: int  # bytes
    name: str | None  # the tensor's; None for bytes that are no tensor
    width: int
    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    order: Literal["C", "F"] = "C"  # whether the last index varies fastest, or the first


NOT_A_TENSOR: Final = "\0"  # begins the name of an extent that is a piece of its own, but no tensor
END_OF_GROUP: Final = Extent(0, None, 0)  # the extents before and after do not belong together
