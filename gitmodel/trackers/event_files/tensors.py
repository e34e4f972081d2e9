"""The number in a scalar tensor, as TensorFlow, Keras and the new style of PyTorch write a metric.

A `TensorProto` holds its elements either as raw bytes or in a list by type. Field numbers:
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/tensor.proto

Guarantee: only tensors of one element and a type of this table are taken; others are None.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from gitmodel.trackers.protobuf import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    fields,
    key,
    signed,
    varints,
)

_DTYPE: Final = key(1, VARINT)
_CONTENT: Final = key(4, BYTES)


class _Type(NamedTuple):
    content: Struct  # how raw bytes hold an element
    listed: int  # number of the field that lists elements
    encoding: int  # of an element of the list


_FLOAT: Final = 1
_TYPES: Final = {
    _FLOAT: _Type(Struct("<f"), 5, FIXED32),
    2: _Type(Struct("<d"), 6, FIXED64),
    3: _Type(Struct("<i"), 7, VARINT),
    4: _Type(Struct("<B"), 7, VARINT),
    5: _Type(Struct("<h"), 7, VARINT),
    6: _Type(Struct("<b"), 7, VARINT),
    9: _Type(Struct("<q"), 10, VARINT),
    17: _Type(Struct("<H"), 7, VARINT),
    22: _Type(Struct("<I"), 16, VARINT),
    23: _Type(Struct("<Q"), 17, VARINT),
}


class Number(NamedTuple):
    """A number and how many bits it was written with.

    Attributes:
        value: The number.
        single: It is a float of 32 bits, so most of its digits mean nothing.
    """

    value: float | int
    single: bool


def read_scalar(tensor: bytes) -> Number | None:
    """Return the number of a tensor of one element, or None for any other tensor.

    Raises:
        TrackerError: The bytes are not a message.
    """
    dtype, content = 0, b""
    lists: dict[int, bytes | int] = {}
    for found, integer, raw in fields(tensor):
        if found == _DTYPE:
            dtype = integer
        elif found == _CONTENT:
            content = raw
        else:
            lists[found] = integer if found & 7 == VARINT else raw
    kind = _TYPES.get(dtype)
    if kind is None:
        return None
    if content:
        if len(content) != kind.content.size:
            return None
        return Number(kind.content.unpack(content)[0], dtype == _FLOAT)
    element = _listed(kind, lists)
    return None if element is None else Number(element, dtype == _FLOAT)


def _listed(kind: _Type, lists: dict[int, bytes | int]) -> float | int | None:
    """Return the one element of a list, packed or not."""
    raw = lists.get(key(kind.listed, BYTES), lists.get(key(kind.listed, kind.encoding)))
    if isinstance(raw, int):
        return signed(raw)
    if raw is None:
        return None
    if kind.encoding == VARINT:
        numbers = list(varints(raw[:11]))
        return signed(numbers[0]) if len(numbers) == 1 else None
    return float(kind.content.unpack(raw)[0]) if len(raw) == kind.content.size else None
