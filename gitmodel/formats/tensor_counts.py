"""Counts tensors and parameters of safetensors and GGUF, from the extents that their headers name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gitmodel.formats import gguf, safetensors
from gitmodel.formats.description import Description
from gitmodel.formats.header import NOT_A_TENSOR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.formats.description import Code
    from gitmodel.formats.header import Extent, HeaderReader


def describe_safetensors(source: HeaderReader, _name: str) -> Description:
    """Describe a file of safetensors. Raises ValueError if it is none."""
    return counted("safetensors", safetensors.read_extents(source), "none")


def describe_gguf(source: HeaderReader, _name: str) -> Description:
    """Describe a file of GGUF. Raises ValueError if it is none."""
    return counted("gguf", gguf.read_extents(source), "unknown")


def counted(kind: str, extents: Iterable[Extent], code: Code) -> Description:
    """Return a description with the tensors of these extents; numbers are None if one lacks its shape."""
    tensors = parameters = 0
    complete = True
    dtypes: dict[str, int] = {}
    for extent in extents:
        if extent.name is None or extent.name.startswith(NOT_A_TENSOR):
            continue
        tensors += 1
        if extent.shape is None or extent.dtype is None:
            complete = False
            continue
        parameters += math.prod(extent.shape)
        dtypes[extent.dtype] = dtypes.get(extent.dtype, 0) + 1
    return Description(kind, tensors, parameters if complete else None, dtypes, code=code)
