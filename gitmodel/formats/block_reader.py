"""Reads many small parts of a large file, within bounds on bytes and steps.

Reading in order reads ahead, in blocks that grow from 1 KiB to 256 KiB; a jump begins with 1 KiB again. So what
lies between the parts, such as tensors, is passed over without being read. The last eight blocks are kept.

Guarantee: a reader reads at most 32 MiB of its file and answers at most 500,000 times, then it raises
`TooMuchError`. So whatever a file says about itself costs about a second at most.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

from gitmodel.formats.description import Description
from gitmodel.formats.header import UnrecognizedFormatError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.formats.description import Code
    from gitmodel.formats.header import HeaderReader

MAX_READ: Final = 32 << 20  # 32 MiB
MAX_STEPS: Final = 500_000
MAX_ELEMENTS: Final = 1 << 63
_FIRST: Final = 1 << 10  # 1 KiB
_LARGEST: Final = 1 << 18  # 256 KiB
_KEPT: Final = 8


class TooMuchError(UnrecognizedFormatError):
    """The file has more to read than the bounds permit; what it has is not known."""


class Budget:
    """What may still be read: bytes, and steps of work. Readers of the parts of one model may share it."""

    def __init__(self) -> None:
        self.left = MAX_READ
        self.steps = MAX_STEPS


class BlockReader:
    """Reads parts of one file."""

    def __init__(self, source: HeaderReader, budget: Budget | None = None) -> None:
        self.size = source.size  # bytes
        self._source = source
        self._budget = budget or Budget()
        # Offsets and bytes, the newest last.
        self._blocks: deque[tuple[int, bytes]] = deque([(0, b"")], maxlen=_KEPT)
        self._ahead = _FIRST

    def take(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from an offset.

        Raises UnrecognizedFormatError if they are not all inside the file, TooMuchError if too much was
        read already.
        """
        self.step()
        for begin, block in reversed(self._blocks):
            at = offset - begin
            if 0 <= at <= at + count <= len(block):
                return block[at : at + count]
        return self._read(offset, count)[:count]

    def step(self, count: int = 1) -> None:
        """Count steps of whoever works on what was read. Raises TooMuchError after too many."""
        self._budget.steps -= count
        if self._budget.steps < 0:
            raise TooMuchError("too many parts")

    def _read(self, offset: int, count: int) -> bytes:
        if not 0 <= offset <= offset + count <= self.size:
            raise UnrecognizedFormatError("the header names bytes outside the file")
        begin, block = self._blocks[-1]
        goes_on = begin <= offset <= begin + len(block)
        self._ahead = min(2 * self._ahead, _LARGEST) if goes_on else _FIRST
        size = min(max(count, self._ahead), self.size - offset)
        self._budget.left -= size
        if self._budget.left < 0:
            raise TooMuchError("too much to read")
        read = self._source.take(offset, size)
        self._blocks.append((offset, read))
        return read


class Tally:
    """Counts tensors, their elements and their types."""

    def __init__(self) -> None:
        self.tensors = 0
        self.parameters = 0
        self.dtypes: dict[str, int] = {}

    def add(self, dtype: str, shape: Iterable[int]) -> None:
        """Count a tensor. Raises ValueError if no memory has its number of elements."""
        self.tensors += 1
        self.parameters += elements(shape)
        self.dtypes[dtype] = self.dtypes.get(dtype, 0) + 1

    def described(self, kind: str, *, arch: str | None = None, code: Code) -> Description:
        """Return a description with these counts."""
        return Description(kind, self.tensors, self.parameters, self.dtypes, arch, code)


def elements(shape: Iterable[int]) -> int:
    """Return the number of elements. Raises ValueError if a size is negative, or the product too large."""
    sizes = tuple(shape)
    if len(sizes) > 64 or any(not 0 <= size < MAX_ELEMENTS for size in sizes):
        raise UnrecognizedFormatError("not a shape")
    product = math.prod(sizes)
    if product >= MAX_ELEMENTS:
        raise UnrecognizedFormatError("a tensor is larger than any memory")
    return product


def combined(kind: str, parts: Iterable[Description]) -> Description:
    """Return the sum of files that are one model; numbers are None if one of them has none."""
    tensors = parameters = 0
    is_known = True
    dtypes: dict[str, int] = {}
    archs: set[str | None] = set()
    for part in parts:
        archs.add(part.arch)
        if part.tensors is None or part.parameters is None:
            is_known = False
            continue
        tensors += part.tensors
        parameters += part.parameters
        for name, count in part.dtypes.items():
            dtypes[name] = dtypes.get(name, 0) + count
    arch = archs.pop() if len(archs) == 1 else None
    if not is_known:
        return Description(kind, arch=arch)
    return Description(kind, tensors, parameters, dtypes, arch)
