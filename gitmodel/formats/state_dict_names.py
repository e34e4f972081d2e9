"""Names, types and shapes of the storages of a PyTorch file, from its `data.pkl`.

The pickle is walked by the stack machine of `pickle_scan`, which makes nothing but marks: nothing is unpickled.
A storage has a name if one tensor, at a text key of any dict, fills it, and no other tensor of the file has that
key. Others, such as shared weights and the state of an optimizer, have none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.formats.header import MAX_NAME, HeaderReader, UnrecognizedFormatError
from gitmodel.formats.pickle_scan.allow_list import Tensors
from gitmodel.formats.pickle_scan.findings import Findings
from gitmodel.formats.pickle_scan.machine import Machine
from gitmodel.formats.pickle_scan.stream import PickleStream, StoredBlocks
from gitmodel.formats.pickle_scan.values import Storage, Tensor

if TYPE_CHECKING:
    from gitmodel.formats.header import Read

# The names of safetensors for those of PyTorch.
_DTYPES: Final = {
    "bool": "BOOL",
    "bfloat16": "BF16",
    **{f"float{bits}": f"F{bits}" for bits in (16, 32, 64)},
    **{f"int{bits}": f"I{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"U{bits}" for bits in (8, 16, 32, 64)},
}


_BITS: Final = re.compile("[0-9]+")


class NamedStorage(NamedTuple):
    """The tensor that fills a storage."""

    name: str
    dtype: str  # as safetensors names it; of other types as PyTorch does
    shape: tuple[int, ...]


def storage_names(read: Read, offset: int, size: int) -> dict[str, NamedStorage] | None:
    """Return the named storages of a file by their keys, `0` for `data/0`.

    The pickle has `size` bytes from an offset. Returns None if it is no pickle of tensors, or too long.
    Raises what `read` raises.
    """
    source = HeaderReader(read, offset + size)
    findings = Findings(persistent_ids=True)
    findings.tensors = tensors = _KeyedTensors()
    walk = _NameWalk(PickleStream(StoredBlocks(source, offset, offset + size)), findings)
    try:
        walk.run()
    except UnrecognizedFormatError:
        return None
    found: dict[str, NamedStorage] = {}
    for name, filled in walk.named.items():
        if filled is not None and tensors.uses[filled.key] == 1:
            dtype = _DTYPES.get(filled.dtype, filled.dtype)
            found[filled.key] = NamedStorage(name, dtype, filled.shape)
    return found


class _KeyedStorage(Storage):
    """A storage that knows its key."""

    __slots__ = ("key",)

    def __init__(self, key: str, storage: Storage) -> None:
        super().__init__(storage.dtype, storage.size)
        self.key = key


class _FullTensor(Tensor):
    """A tensor that fills its storage, with the last index varying fastest."""

    __slots__ = ("key", "shape")

    def __init__(self, tensor: Tensor, key: str, shape: tuple[int, ...]) -> None:
        super().__init__(tensor.dtype, tensor.elements)
        self.key = key
        self.shape = shape


class _KeyedTensors(Tensors):
    """Stands for a tensor that fills its storage by what is known of it."""

    def __init__(self) -> None:
        super().__init__()
        self.uses: dict[str, int] = {}  # tensors of each storage

    def storage(self, identity: object, *, views: bool) -> Storage:
        found = super().storage(identity, views=views)
        key = identity[2] if isinstance(identity, tuple) else ""
        return _KeyedStorage(str(key), found)

    def add(self, described: tuple[object, ...], dtype: str | None = None) -> Tensor:
        tensor = super().add(described, dtype)
        storage, offset, shape, stride = described
        if not isinstance(storage, _KeyedStorage):
            return tensor
        self.uses[storage.key] = self.uses.get(storage.key, 0) + 1
        if offset != 0 or not (isinstance(shape, tuple) and isinstance(stride, tuple)):
            return tensor
        if tensor.elements * _width(tensor.dtype) != storage.size or not _is_contiguous(
            shape, stride
        ):
            return tensor
        return _FullTensor(tensor, storage.key, shape)


def _width(dtype: str) -> int:
    """Bytes of an element: the number in the name of a type is that of its bits."""
    found = _BITS.search(dtype)
    return 1 if found is None else int(found[0]) // 8


def _is_contiguous(shape: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether the last index varies fastest, and elements follow each other."""
    expected = 1
    for length, step in zip(reversed(shape), reversed(stride), strict=True):
        if length != 1 and step != expected:
            return False
        expected *= length
    return True


class _NameWalk(Machine):
    """Remembers under which key of a dict each tensor is."""

    def __init__(self, stream: PickleStream, findings: Findings) -> None:
        super().__init__(stream, findings)
        self.named: dict[str, _FullTensor | None] = {}  # None: two tensors have this key

    def _set_items(self, items: list[object]) -> None:
        super()._set_items(items)
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(value, _FullTensor) and isinstance(key, str) and len(key) <= MAX_NAME:
                self.named[key] = None if key in self.named else value
