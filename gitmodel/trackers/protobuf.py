"""Messages of Protocol Buffers in the files of trackers: `formats/protobuf` with the trackers' error.

Guarantee: as of `formats/protobuf`, each step consumes bytes of the message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.errors import TrackerError
from gitmodel.formats import protobuf
from gitmodel.formats.protobuf import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    MessageError,
    double,
    key,
    signed,
    single,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "BYTES",
    "FIXED32",
    "FIXED64",
    "VARINT",
    "double",
    "fields",
    "key",
    "signed",
    "single",
    "text",
    "varints",
]


def fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield what `protobuf.fields` yields.

    Raises:
        TrackerError: The bytes are not a message, or have groups, which nobody writes any more.
    """
    try:
        yield from protobuf.fields(message)
    except MessageError as error:
        raise TrackerError(str(error)) from error


def varints(packed: bytes) -> Iterator[int]:
    """Yield the integers of a packed field.

    Raises:
        TrackerError: The last one is incomplete.
    """
    try:
        yield from protobuf.varints(packed)
    except MessageError as error:
        raise TrackerError(str(error)) from error


def text(raw: bytes) -> str:
    """Return the text of a field.

    Raises:
        TrackerError: It is not UTF-8.
    """
    try:
        return protobuf.text(raw)
    except MessageError as error:
        raise TrackerError(str(error)) from error
