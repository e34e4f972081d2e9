"""What a TFLite file (LiteRT) says about itself.

Source: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
The file is a FlatBuffer (https://flatbuffers.dev/internals/): tables that name their fields by offsets.

Counted are the tensors of all subgraphs whose buffer has bytes in the file: weights and constants, and not what
a run computes. Two tensors of one buffer count twice. Types are named as `TensorType` names them.

`code` is `yes` if the model has a custom operator, which a program takes from a library, and else `none`.

Guarantee: each table is read through an offset that lies inside the file; each step counts in the bounds.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from gitmodel.formats.block_reader import BlockReader, Tally, TooMuchError
from gitmodel.formats.description import Description
from gitmodel.formats.header import UnrecognizedFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.formats.header import HeaderReader

_U16: Final = Struct("<H")
_I32: Final = Struct("<i")
_U32: Final = Struct("<I")
_U64: Final = Struct("<Q")
# Numbers of fields.
_OPERATOR_CODES, _SUBGRAPHS, _BUFFERS = 1, 2, 4  # of Model
_OLD_CODE, _CUSTOM_NAME, _CODE = 0, 1, 3  # of OperatorCode
_TENSORS: Final = 0  # of SubGraph
_SHAPE, _TYPE, _BUFFER = 0, 1, 2  # of Tensor
_DATA, _OFFSET, _SIZE = 0, 1, 2  # of Buffer
_NOT_BUILT_IN: Final = frozenset({32, 51})  # CUSTOM, DELEGATE
_PLACEHOLDER: Final = 127  # the old code says: see the new one
_MAX_SHAPE: Final = 64
_TYPES: Final = (
    *("FLOAT32", "FLOAT16", "INT32", "UINT8", "INT64", "STRING", "BOOL", "INT16", "COMPLEX64"),
    *("INT8", "FLOAT64", "COMPLEX128", "UINT64", "RESOURCE", "VARIANT", "UINT32", "UINT16", "INT4"),
    *("BFLOAT16", "INT2", "UINT4"),
)


def describe(source: HeaderReader, _name: str) -> Description:
    """Describe a file of TFLite. Raises ValueError if it is none."""
    file = _FlatBuffer(BlockReader(source))
    try:
        root = file.root()
        is_custom = any(_is_custom(file, code) for code in file.tables(root, _OPERATOR_CODES))
        return _tally(file, root).described("tflite", code="yes" if is_custom else "none")
    except TooMuchError:
        return Description("tflite")


def _tally(file: _FlatBuffer, root: int) -> Tally:
    filled = [_is_filled(file, buffer) for buffer in file.tables(root, _BUFFERS)]
    tally = Tally()
    for subgraph in file.tables(root, _SUBGRAPHS):
        for tensor in file.tables(subgraph, _TENSORS):
            buffer = file.number(tensor, _BUFFER, _U32)
            if buffer >= len(filled):
                raise UnrecognizedFormatError("a tensor of a buffer that is not there")
            if filled[buffer]:
                kind = file.number(tensor, _TYPE, Struct("<b"))
                name = _TYPES[kind] if 0 <= kind < len(_TYPES) else str(kind)
                tally.add(name, file.integers(tensor, _SHAPE))
    return tally


def _is_filled(file: _FlatBuffer, buffer: int) -> bool:
    data = file.vector(buffer, _DATA)
    inside = data is not None and data[1] > 0
    return inside or (
        file.number(buffer, _OFFSET, _U64) > 1 and file.number(buffer, _SIZE, _U64) > 0
    )


def _is_custom(file: _FlatBuffer, code: int) -> bool:
    old, new = file.number(code, _OLD_CODE, Struct("<b")), file.number(code, _CODE, _I32)
    return bool({old, new} & _NOT_BUILT_IN) or file.vector(code, _CUSTOM_NAME) is not None


class _FlatBuffer:
    """Follows offsets in a file."""

    def __init__(self, reader: BlockReader) -> None:
        self._reader = reader
        if reader.take(4, 4) != b"TFL3":
            raise UnrecognizedFormatError("no TFLite")

    def root(self) -> int:
        """Return the offset of the root table."""
        return self._unpacked(_U32, 0)

    def number(self, table: int, field: int, kind: Struct) -> int:
        """Return a field that is a number; 0 if it is not written."""
        place = self._place(table, field)
        return self._unpacked(kind, place) if place else 0

    def vector(self, table: int, field: int) -> tuple[int, int] | None:
        """Return where the elements of a vector or text begin, and how many there are; None without one."""
        place = self._place(table, field)
        if not place:
            return None
        begin = place + self._unpacked(_U32, place)
        return begin + 4, self._unpacked(_U32, begin)

    def tables(self, table: int, field: int) -> Iterator[int]:
        """Yield the offsets of the tables of a vector."""
        begin, count = self.vector(table, field) or (0, 0)
        for at in range(begin, begin + 4 * count, 4):
            yield at + self._unpacked(_U32, at)

    def integers(self, table: int, field: int) -> list[int]:
        """Return a vector of int32."""
        begin, count = self.vector(table, field) or (0, 0)
        if count > _MAX_SHAPE:
            raise UnrecognizedFormatError("too many dimensions")
        return [self._unpacked(_I32, at) for at in range(begin, begin + 4 * count, 4)]

    def _place(self, table: int, field: int) -> int:
        """Return the offset of a field; 0 if it is not written."""
        names = table - self._unpacked(_I32, table)
        if 4 + 2 * field >= self._unpacked(_U16, names):
            return 0
        offset = self._unpacked(_U16, names + 4 + 2 * field)
        return table + offset if offset else 0

    def _unpacked(self, kind: Struct, offset: int) -> int:
        return int(kind.unpack(self._reader.take(offset, kind.size))[0])
