"""Bounded reading of the header of a file that a stranger may have written.

One thing is guaranteed: `HeaderReader.take` gives exactly the bytes asked for or raises, and never
asks for bytes that lie outside the file or are more than 16 MiB, whatever numbers the file holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

MAX_HEADER: Final = 16 << 20  # 16 MiB: 250,000 tensors of a safetensors file
MAX_TENSORS: Final = 1_000_000
MAX_NAME: Final = 1024  # bytes; each of a tensor's pieces carries its name

# read(offset, count): like pread, fewer bytes only at the end of the file. LookupError where the
# bytes exist, but are not at hand.
Read: TypeAlias = Callable[[int, int], bytes]


class UnrecognizedFormatError(ValueError):
    """The file is not what its first bytes promise: it is cut by content, as any other."""


class HeaderReader:
    """Reads parts of one file, whose size is known."""

    def __init__(self, read: Read, size: int) -> None:
        self._read = read
        self.size = size  # bytes

    def take(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from an offset.

        Raises:
            UnrecognizedFormatError: They are not all inside the file, or more than a header may have.
            LookupError: They are not at hand.
        """
        if not (0 <= offset <= offset + count <= self.size and count <= MAX_HEADER):
            raise UnrecognizedFormatError("the header names bytes that are not there")
        data = self._read(offset, count)
        if len(data) != count:
            raise UnrecognizedFormatError("the file is shorter than it was")
        return data


def checked_name(raw: bytes) -> str:
    """Return a tensor's name as text.

    Raises:
        ValueError: It is not UTF-8, or longer than any honest name.
    """
    if len(raw) > MAX_NAME:
        raise UnrecognizedFormatError("a tensor's name is too long")
    return raw.decode("utf-8")
