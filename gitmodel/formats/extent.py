"""Runs of bytes of a file, as its header describes them."""

from __future__ import annotations

from typing import Final, NamedTuple

SMALL: Final = 256 << 10  # bytes; a tensor as long as this is a piece of its own


class Extent(NamedTuple):
    """A run of bytes as the header of a file describes it.

    Attributes:
        size: Bytes.
        name: The tensor's; None for bytes that are no tensor.
        width: Bytes after which the layout repeats: of one element, or of one block of a quantised
            tensor; 1 for bytes without such layout, 0 if unknown.
    """

    size: int
    name: str | None
    width: int


END_OF_GROUP: Final = Extent(0, None, 0)  # what is on its two sides does not belong together
