"""Variables of a TensorFlow checkpoint or SavedModel, from its index.

The index (`variables.index`, `model.ckpt.index`) is a table of LevelDB, sorted by the variable's name, with an
entry of type, shape and place for each; the values are in other files. Sources:
https://github.com/google/leveldb/blob/main/doc/table_format.md and
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/tensor_bundle.proto

Counted are all variables that are not strings: also those of an optimizer and counters. Types are named as
`DataType` names them: `DT_FLOAT`. `code` is `none`: an index and its data are numbers.

Guarantee: each block is read once, and each step counts in the reader's bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.formats.block_reader import BlockReader, Tally
from gitmodel.formats.header import MAX_NAME, UnrecognizedFormatError
from gitmodel.formats.protobuf import BYTES, VARINT, fields, key, signed, varint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.formats.description import Description
    from gitmodel.formats.header import HeaderReader

_MAGIC: Final = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
_FOOTER: Final = 48  # bytes
_MAX_BLOCK: Final = 8 << 20  # 8 MiB; TensorFlow writes 256 KiB
_STRING: Final = 7
_TYPES: Final = (
    *("DT_INVALID", "DT_FLOAT", "DT_DOUBLE", "DT_INT32", "DT_UINT8", "DT_INT16", "DT_INT8"),
    *("DT_STRING", "DT_COMPLEX64", "DT_INT64", "DT_BOOL", "DT_QINT8", "DT_QUINT8", "DT_QINT32"),
    *("DT_BFLOAT16", "DT_QINT16", "DT_QUINT16", "DT_UINT16", "DT_COMPLEX128", "DT_HALF"),
    *("DT_RESOURCE", "DT_VARIANT", "DT_UINT32", "DT_UINT64", "DT_FLOAT8_E5M2", "DT_FLOAT8_E4M3FN"),
    *("DT_FLOAT8_E4M3FNUZ", "DT_FLOAT8_E4M3B11FNUZ", "DT_FLOAT8_E5M2FNUZ", "DT_INT4", "DT_UINT4"),
    *("DT_INT2", "DT_UINT2"),
)


def describe(source: HeaderReader, _name: str) -> Description:
    """Describe the index of a checkpoint. Raises ValueError if it is none, or a block is compressed."""
    tally = Tally()
    is_first = True
    for name, value in _entries(BlockReader(source)):
        if is_first != (name == b""):
            raise UnrecognizedFormatError("a table of something else than variables")
        if not is_first and not name.startswith(
            b"\0"
        ):  # a slice of a variable that has its own entry
            _count(value, tally)
        is_first = False
    if is_first:
        raise UnrecognizedFormatError("a table without entries")
    return tally.described("tensorflow-checkpoint", code="none")


def _count(value: bytes, tally: Tally) -> None:
    data_type = 0
    shape: list[int] = []
    for number, integer, raw in fields(value):
        if number == key(1, VARINT):
            data_type = integer
        elif number == key(2, BYTES):
            shape += _sizes(raw)
    if data_type != _STRING:
        tally.add(_TYPES[data_type] if data_type < len(_TYPES) else str(data_type), shape)


def _sizes(shape: bytes) -> Iterator[int]:
    for number, _, dimension in fields(shape):
        if number == key(2, BYTES):
            size = 0  # which is not written
            for field, integer, _ in fields(dimension):
                if field == key(1, VARINT):
                    size = signed(integer)
            yield size


def _entries(reader: BlockReader) -> Iterator[tuple[bytes, bytes]]:
    """Yield names and values of the table."""
    footer = reader.take(reader.size - _FOOTER, _FOOTER)
    if not footer.endswith(_MAGIC):
        raise UnrecognizedFormatError("no table of LevelDB")
    position = 0
    for _ in range(2):  # the index of metadata, which is empty
        _, position = varint(footer, position)
    before = -1
    for _, handle in _block(reader, *_handle(footer[position:])):
        offset, size = _handle(handle)
        if offset <= before:
            raise UnrecognizedFormatError("blocks overlap")
        before = offset + size
        yield from _block(reader, offset, size)


def _handle(raw: bytes) -> tuple[int, int]:
    offset, position = varint(raw, 0)
    return offset, varint(raw, position)[0]


def _block(reader: BlockReader, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    if not 4 <= size <= _MAX_BLOCK:
        raise UnrecognizedFormatError("a block is empty, or too large")
    data = reader.take(offset, size + 1)  # and the kind of compression
    restarts = int.from_bytes(data[size - 4 : size], "little")
    end = size - 4 - 4 * restarts
    if data[size] != 0 or end < 0:
        raise UnrecognizedFormatError("a block is compressed, or incomplete")
    position = 0
    name = b""
    while position < end:
        reader.step()
        shared, position = varint(data, position)
        rest, position = varint(data, position)
        length, position = varint(data, position)
        if shared > len(name) or shared + rest > 4 * MAX_NAME or position + rest + length > end:
            raise UnrecognizedFormatError("an entry is longer than its block")
        name = name[:shared] + data[position : position + rest]
        position += rest
        yield name, data[position : position + length]
        position += length
