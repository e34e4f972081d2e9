"""One tensor of a version: bytes, type and shape, which numpy reads without a copy."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy as np

    from gitmodel.formats.header import Extent

    DType: TypeAlias = np.dtype[np.generic[object]]
    Array: TypeAlias = np.ndarray[tuple[int, ...], DType]

_NUMPY_TYPES: Final = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "U32": "<u4",
    "I32": "<i4",
    "U64": "<u8",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "C64": "<c8",
}
# Types that numpy lacks, whose elements fill whole bytes: each element as an unsigned integer.
_BIT_TYPES: Final = {
    "BF16": "<u2",
    **dict.fromkeys(["F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"], "|u1"),
}


def numpy_type(stored: str | None) -> str | None:
    """What numpy calls the type that a header names, or the bits of a type that numpy lacks; None if unknown."""
    name = stored or ""
    found = _NUMPY_TYPES.get(name) or _BIT_TYPES.get(name) or name
    return found if found[:1] in {"<", ">", "|"} else None


class Tensor:
    """One tensor of a version, which never changes.

    `numpy.asarray(tensor)` is a read-only array that shares the tensor's memory. What it holds follows from
    the type that the file's header names:

    - A type of numpy (`F32`, `I64`, `BOOL`, `<f4`, ...): the values.
    - `BF16` and the types `F8_...`, which numpy lacks: the bits of each element, as uint16 or uint8, in
      the tensor's shape. `numpy.asarray(tensor).view(ml_dtypes.bfloat16)` makes them values.
    - Blocks of quantised elements (`Q4_K`), elements that do not fill bytes (`F4`), and a type or shape
      that the header does not name (a storage of PyTorch): the bytes, as one-dimensional uint8.

    From Python 3.12 a tensor is a buffer too, which `memoryview` takes; `data` is one on any Python. A
    tensor equals bytes of the same content, and a tensor of the same type, shape and content.

    Attributes:
        name: The name that it has in the file.
        stored_dtype: The type as the header names it: `F32`, `BF16`, `Q4_K`, `<f4`. None if the header
            does not.
        stored_shape: The shape as the header names it, with the index last that varies fastest. None if
            the header does not.
    """

    __slots__ = ("_data", "_order", "name", "stored_dtype", "stored_shape")

    def __init__(self, data: bytes, name: str, extent: Extent) -> None:
        self._data = data
        self._order = extent.order
        self.name: Final = name
        self.stored_dtype: Final = extent.dtype
        self.stored_shape: Final = extent.shape

    @property
    def dtype(self) -> DType:
        """The type of the array that numpy makes of it."""
        return self._array().dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array that numpy makes of it."""
        return self._array().shape

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor."""
        return len(self._data)

    @property
    def data(self) -> memoryview:
        """The bytes as the file holds them, read-only, without a copy."""
        return memoryview(self._data)

    def __array__(self, dtype: DType | None = None, copy: bool | None = None) -> Array:
        array = self._array()
        if dtype is not None and dtype != array.dtype:
            if copy is False:
                raise ValueError(f"an array of {dtype} needs a copy of {self!r}")
            return array.astype(dtype)
        return array.copy() if copy else array

    if sys.version_info >= (3, 12):

        def __buffer__(self, flags: int, /) -> memoryview:
            return memoryview(self._array())

    def __bytes__(self) -> bytes:
        return self._data

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Tensor):
            return self._identity() == other._identity()
        if isinstance(other, bytes | bytearray | memoryview):
            return self._data == other
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._data)

    def __repr__(self) -> str:
        described = self.stored_dtype or "of unknown type"
        shape = "" if self.stored_shape is None else f" {self.stored_shape}"
        return f"<gitmodel.Tensor {self.name!r} {described}{shape}, {self.nbytes} bytes>"

    def _identity(self) -> tuple[str | None, tuple[int, ...] | None, str, bytes]:
        return self.stored_dtype, self.stored_shape, self._order, self._data

    def _array(self) -> Array:
        """The memory as numpy sees it."""
        import numpy as np

        type_name = numpy_type(self.stored_dtype)
        if self.stored_shape is not None and type_name is not None:
            try:
                return self._as(np.dtype(type_name), self.stored_shape)
            except (TypeError, ValueError):
                pass  # a type or shape that numpy does not have
        return np.frombuffer(self._data, np.uint8)

    def _as(self, dtype: DType, shape: tuple[int, ...]) -> Array:
        """The memory as an array of this type and shape; ValueError if they do not fit its bytes."""
        import numpy as np

        array: Array = np.ndarray(shape, dtype, self._data, order=self._order)
        if array.nbytes != len(self._data):
            raise ValueError("the shape does not fit the bytes")
        return array
