"""Reads messages in the wire format of Protocol Buffers, without their descriptions.

A message is a sequence of keys and values; a key is the field's number and how its value is encoded. Who
reads knows the numbers that it wants, and passes over the rest, as each reader of the format must. Source:
https://protobuf.dev/programming-guides/encoding/

Guarantee: each step consumes bytes of the message, so no message takes more steps than it has bytes.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


class MessageError(ValueError):
    """The bytes are not a message."""


VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5
FIXED: Final = {FIXED64: 8, FIXED32: 4}  # encodings of a fixed size, in bytes
_DOUBLE: Final = Struct("<d")
_SINGLE: Final = Struct("<f")


def key(number: int, encoding: int) -> int:
    """Return the key of a field, as `fields` yields it."""
    return number << 3 | encoding


def fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield key, integer and bytes of each field, in the order of the message.

    The integer is that of a varint, 0 to 2^64 - 1; the bytes are those of any other encoding. A field
    may occur again: the last one counts, unless the field is repeated.

    Raises:
        MessageError: The bytes are not a message, or have groups, which nobody writes any more.
    """
    position, end = 0, len(message)
    try:
        while position < end:
            found = message[position]
            position += 1
            if found > 127:
                found, position = varint(message, position - 1)
            encoding = found & 7
            if not 8 <= found < 1 << 32:
                raise _broken("a field has no valid number")
            size = FIXED.get(encoding)
            if size is None:
                size = message[position]
                position += 1
                if size > 127:
                    size, position = varint(message, position - 1)
                if encoding == VARINT:
                    yield found, size, b""
                    continue
                if encoding != BYTES:
                    raise _broken("a field has an unknown encoding")
            start, position = position, position + size
            if position > end:
                raise _broken("a field is longer than its message")
            yield found, 0, message[start:position]
    except IndexError as error:
        raise _broken("the last field is incomplete") from error


def varints(packed: bytes) -> Iterator[int]:
    """Yield the integers of a packed field.

    Raises:
        MessageError: The last one is incomplete.
    """
    position = 0
    try:
        while position < len(packed):
            value, position = varint(packed, position)
            yield value
    except IndexError as error:
        raise _broken("the last number is incomplete") from error


def signed(value: int) -> int:
    """Return the integer that a varint of the type int32 or int64 stands for."""
    return value - (1 << 64) if value >= 1 << 63 else value


def double(raw: bytes) -> float:
    """Return the number of a field of the type double."""
    return float(_DOUBLE.unpack(raw)[0])


def single(raw: bytes) -> float:
    """Return the number of a field of the type float, widened."""
    return float(_SINGLE.unpack(raw)[0])


def text(raw: bytes) -> str:
    """Return the text of a field.

    Raises:
        MessageError: It is not UTF-8.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _broken("a text is not UTF-8") from error


def varint(message: bytes, position: int) -> tuple[int, int]:
    """Return the integer at a position, and the position after it."""
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
        if shift > 63:
            raise _broken("a number has more than 10 bytes")


def _broken(what: str) -> MessageError:
    return MessageError(f"not a message of Protocol Buffers: {what}")
