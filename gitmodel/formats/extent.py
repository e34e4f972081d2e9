"""Extents of a file, as its header describes them."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

SMALL: Final = 256 << 10  # bytes; a tensor as long as this is a piece of its own


class Extent(NamedTuple):
    """Consecutive bytes of a file: one tensor, or bytes between tensors.

    Attributes:
        size: Bytes.
        name: The tensor's; None for bytes that are no tensor.
        width: Bytes after which the layout repeats: of one element, or of one block of a quantised
            tensor; 1 for bytes without such layout, 0 if unknown.
        dtype: Type of the elements as the header names it: `F32`, `BF16`, `Q4_K`; of npz as NumPy
            writes it, `<f4`. None if the header does not say.
        shape: Sizes of the dimensions. None if the header does not say.
        order: Whether the last index varies fastest (`C`) or the first (`F`).
    """

    size: int
    name: str | None
    width: int
    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    order: Literal["C", "F"] = "C"


NOT_A_TENSOR: Final = "\0"  # begins the name of an extent that is a piece of its own, but no tensor
END_OF_GROUP: Final = Extent(0, None, 0)  # the extents before and after do not belong together
