"""The tensors of a stored file, from the chunks of its header alone."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.domain.tensor_changes import TensorSpan
from gitmodel.formats.header import NOT_A_TENSOR, HeaderReader
from gitmodel.formats.tensors import TORCH_ZIP, read_extents
from gitmodel.formats.zip_directory import read_directory

if TYPE_CHECKING:
    from gitmodel.formats.header import Extent, Read
    from gitmodel.formats.state_dict_names import NamedStorage

# Of PyTorch and TorchScript. Other entries of an archive are a pickle, code, or a file of another format.
_STORAGE: Final = re.compile(r"(?:data|constants)/[0-9]+")


_DATA: Final = "data.pkl"
_ARCHIVE: Final = b"PK\x03\x04"


class Header(NamedTuple):
    """The tensors of a file by name, and the other named parts, such as `data.pkl` of a PyTorch file.

    `names` has what that pickle says of storages, by their names `data/0`; None if it says nothing.
    """

    format: str
    tensors: dict[str, TensorSpan]
    others: dict[str, TensorSpan]
    names: dict[str, NamedStorage] | None = None

    def named(self) -> Header:
        """The same with the names, types and shapes that `names` has, where they are unique."""
        tensors = {}
        for key, span in self.tensors.items():
            found = (self.names or {}).get(key)
            if found is not None and found.name not in self.tensors:
                span = span._replace(name=found.name, dtype=found.dtype, shape=found.shape)  # noqa: PLW2901
            tensors[span.name] = span
        return self._replace(tensors=tensors)


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
    data = header.others.get(_DATA)
    if format_name != TORCH_ZIP or data is None:
        return header
    return header._replace(names=_storage_names(read, data))


def entry_offsets(read: Read, size: int) -> list[int]:
    """Return where the headers of an archive's entries are; nothing for another file.

    `read_header` reads each of them, so it is faster if they are fetched at once before. Raises what `read`
    raises.
    """
    source = HeaderReader(read, size)
    try:
        if source.take(0, len(_ARCHIVE)) == _ARCHIVE:
            return [entry.offset for entry in read_directory(source).entries]
    except ValueError:  # too short, or no archive
        pass
    return []


def _storage_names(read: Read, data: TensorSpan) -> dict[str, NamedStorage] | None:
    from gitmodel.formats.state_dict_names import storage_names

    try:
        found = storage_names(read, data.offset, data.size)
    except LookupError:  # it may not be fetched
        return None
    return None if found is None else {f"data/{key}": named for key, named in found.items()}


def _is_tensor(format_name: str, extent: Extent) -> bool:
    name = extent.name or ""
    if format_name == TORCH_ZIP:
        return extent.dtype is not None or _STORAGE.fullmatch(name) is not None
    return not name.startswith(NOT_A_TENSOR)


def parameters_of(span: TensorSpan) -> int | None:
    """How many elements a tensor has; None if the header does not say."""
    return None if span.shape is None else math.prod(span.shape)
