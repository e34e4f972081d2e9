"""The tensors of a stored file, from the chunks of its header alone."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.domain.tensor_changes import TensorSpan
from gitmodel.formats.header import NOT_A_TENSOR
from gitmodel.formats.tensors import TORCH_ZIP, read_extents

if TYPE_CHECKING:
    from gitmodel.formats.header import Extent, Read

# Of PyTorch and TorchScript. Other entries of an archive are a pickle, code, or a file of another format.
_STORAGE: Final = re.compile(r"(?:data|constants)/[0-9]+")


class Header(NamedTuple):
    """The tensors of a file by name, and the other named parts, such as `data.pkl` of a PyTorch file."""

    format: str
    tensors: dict[str, TensorSpan]
    others: dict[str, TensorSpan]


def read_header(read: Read, size: int) -> Header | None:
    """Return the tensors of a file of `size` bytes; None if no format accepts its header.

    Raises what `read` raises.
    """
    found = read_extents(read, size)
    if found is None:
        return None
    format_name, extents = found
    header = Header(format_name, {}, {})
    offset = 0
    for extent in extents:
        if extent.name is not None:
            span = TensorSpan(
                extent.name.removeprefix(NOT_A_TENSOR),
                offset,
                extent.size,
                extent.dtype,
                extent.shape,
                extent.order,
            )
            (header.tensors if _is_tensor(format_name, extent) else header.others)[span.name] = span
        offset += extent.size
    return header


def _is_tensor(format_name: str, extent: Extent) -> bool:
    name = extent.name or ""
    if format_name == TORCH_ZIP:
        return extent.dtype is not None or _STORAGE.fullmatch(name) is not None
    return not name.startswith(NOT_A_TENSOR)


def parameters_of(span: TensorSpan) -> int | None:
    """How many elements a tensor has; None if the header does not say."""
    return None if span.shape is None else math.prod(span.shape)
