"""Walks a message of Protocol Buffers inside a file, without reading fields that nobody asks for.

`protobuf` reads a message in memory. The messages here are whole models, in which tensors of GBs are fields: a
field is yielded as its place in the file. Source: https://protobuf.dev/programming-guides/encoding/

Guarantee: each step consumes bytes of the message and counts in the reader's bounds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.formats import protobuf
from gitmodel.formats.protobuf import MessageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.formats.block_reader import BlockReader

_SMALL: Final = 1 << 14  # 16 KiB: a message that is read whole
_KEY: Final = 20  # bytes of two varints
MAX_TEXT: Final = 4096  # bytes


class Field(NamedTuple):
    """A field of a message: its key as `protobuf.key` makes it, its integer, or the place of its bytes."""

    key: int
    value: int
    start: int  # in the file, bytes
    end: int


def walk(reader: BlockReader, start: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message between two offsets, in their order.

    Raises MessageError if the bytes are not a message, and what the reader raises.
    """
    return (_walk_small if end - start <= _SMALL else _walk_large)(reader, start, end)


def _walk_large(reader: BlockReader, start: int, end: int) -> Iterator[Field]:
    position = start
    while position < end:
        data = reader.take(position, min(_KEY, end - position))
        field = _field(data, 0, position)
        position = field.end
        if position > end:
            raise MessageError("a field is longer than its message")
        yield field


def _walk_small(reader: BlockReader, start: int, end: int) -> Iterator[Field]:
    data = reader.take(start, end - start)
    position, size = 0, len(data)
    while position < size:
        found, length = data[position], data[position + 1] if position + 1 < size else 255
        if found & 7 == protobuf.BYTES and 8 <= found < 128 and length < 128:  # the usual field
            begin = start + position + 2
            field = Field(found, 0, begin, begin + length)
        else:
            field = _field(data, position, start)
        reader.step()
        position = field.end - start
        if position > size:
            raise MessageError("a field is longer than its message")
        yield field


def _field(data: bytes, position: int, base: int) -> Field:
    """Read a field's key at a position of these bytes, which begin at `base` in the file."""
    try:
        found, position = protobuf.varint(data, position)
        encoding = found & 7
        if not 8 <= found < 1 << 32:
            raise MessageError("a field has no valid number")
        if encoding == protobuf.VARINT:
            value, position = protobuf.varint(data, position)
            return Field(found, value, base + position, base + position)
        if encoding == protobuf.BYTES:
            size, position = protobuf.varint(data, position)
        elif encoding in protobuf.FIXED:
            size = protobuf.FIXED[encoding]
        else:
            raise MessageError("a field has an unknown encoding")
    except IndexError as error:
        raise MessageError("the last field is incomplete") from error
    return Field(found, 0, base + position, base + position + size)


def text(reader: BlockReader, field: Field) -> str:
    """Return the text of a field. Raises MessageError if it is too long, or not UTF-8."""
    if field.end - field.start > MAX_TEXT:
        raise MessageError("a text is too long")
    return protobuf.text(reader.take(field.start, field.end - field.start))


def integers(reader: BlockReader, field: Field) -> list[int]:
    """Return the signed integers of a repeated field, which is packed or a single varint."""
    if field.key & 7 == protobuf.VARINT:
        return [protobuf.signed(field.value)]
    if field.key & 7 != protobuf.BYTES or field.end - field.start > MAX_TEXT:
        raise MessageError("not a list of integers, or one that is too long")
    packed = reader.take(field.start, field.end - field.start)
    return [protobuf.signed(one) for one in protobuf.varints(packed)]
