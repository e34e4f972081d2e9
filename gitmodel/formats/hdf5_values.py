"""Dataspaces, datatypes and attributes of HDF5, from the messages of an object's header.

Source: HDF5 File Format Specification 3.0, https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
Types have the names of NumPy: `float32`, `int64`, `bool`; a string is `string`, whatever its length.

Guarantee: each message is read once, without recursion but for the base of an enumeration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.formats.header import UnrecognizedFormatError

if TYPE_CHECKING:
    from gitmodel.formats.block_reader import BlockReader
    from gitmodel.formats.hdf5_objects import ObjectFile

DATASPACE: Final = 0x01
DATATYPE: Final = 0x03
FILTERS: Final = 0x0B
ATTRIBUTE: Final = 0x0C
ATTRIBUTE_INFO: Final = 0x15
MAX_TEXT: Final = 8 << 20  # 8 MiB of an attribute
_INTEGER, _FLOAT, _STRING, _ENUM, _VARIABLE = 0, 1, 3, 8, 9
_FLOATS: Final = {
    (2, 5): "float16",
    (2, 8): "bfloat16",
    (4, 8): "float32",
    (8, 11): "float64",
}  # bytes of all, and bits of the exponent
_CLASSES: Final = ("int", "float", "time", "string", "bitfield", "opaque", "compound", "reference")


class Attribute(NamedTuple):
    """An attribute of an object: its name, and the parts that its value is read from."""

    name: bytes
    datatype: bytes
    dataspace: bytes
    data: bytes


def shape(data: bytes, length_size: int) -> tuple[int, ...]:
    """Return the sizes of a dataspace; of one without elements (0,). Raises ValueError if it is none."""
    if len(data) < 4 or data[0] not in {1, 2}:
        raise UnrecognizedFormatError("an unknown dataspace")
    rank = data[1]
    begin = 8 if data[0] == 1 else 4
    if data[0] == 2 and data[3] == 2:  # null: no elements
        return (0,)
    if rank > 32 or begin + rank * length_size > len(data):
        raise UnrecognizedFormatError("a dataspace is incomplete")
    return tuple(
        int.from_bytes(data[at : at + length_size], "little")
        for at in range(begin, begin + rank * length_size, length_size)
    )


def type_name(data: bytes, *, depth: int = 0) -> str:
    """Return the name of a datatype. Raises ValueError if it is none."""
    if len(data) < 8 or depth > 1:
        raise UnrecognizedFormatError("an unknown datatype")
    kind = data[0] & 15
    size = int.from_bytes(data[4:8], "little")
    if kind == _INTEGER:
        return f"{'' if data[1] & 8 else 'u'}int{8 * size}"
    if kind == _FLOAT:
        if len(data) < 20:
            raise UnrecognizedFormatError("a number's type is incomplete")
        return _FLOATS.get((size, data[13]), f"float{8 * size}")
    if kind == _ENUM:
        is_bool = size == 1 and b"FALSE\0" in data and b"TRUE\0" in data
        return "bool" if is_bool else type_name(data[8:], depth=depth + 1)
    if kind == _VARIABLE:
        return "string" if data[1] & 15 == 1 else "variable-length"
    return _CLASSES[kind] if kind < len(_CLASSES) else f"class-{kind}"


def is_number(name: str) -> bool:
    """Whether elements of a type of this name are numbers or truth values."""
    return name == "bool" or name.startswith(("int", "uint", "float", "bfloat"))


def attribute(data: bytes) -> Attribute:
    """Return the attribute of a message. Raises ValueError if it is none."""
    if len(data) < 9 or data[0] not in {1, 2, 3} or (data[0] > 1 and data[1] & 3):
        raise UnrecognizedFormatError("an unknown attribute, or one of a shared type")
    sizes = [int.from_bytes(data[at : at + 2], "little") for at in (2, 4, 6)]
    at = 9 if data[0] == 3 else 8
    parts: list[bytes] = []
    for size in sizes:
        if at + size > len(data):
            raise UnrecognizedFormatError("an attribute is incomplete")
        parts.append(data[at : at + size])
        at += -(-size // 8) * 8 if data[0] == 1 else size
    name, datatype, dataspace = parts
    if (
        name.find(b"\0") != len(name) - 1
    ):  # HDF5 leaves out the last byte, and what follows the first zero
        raise UnrecognizedFormatError("a name that does not end where it says")
    return Attribute(name[:-1], datatype, dataspace, data[at:])


def text(found: Attribute, file: ObjectFile, reader: BlockReader) -> bytes:
    """Return the value of an attribute that is one string. Raises ValueError if it is not."""
    kind = found.datatype[0] & 15 if len(found.datatype) >= 8 else -1
    if kind == _STRING:
        size = int.from_bytes(found.datatype[4:8], "little")
        if size > len(found.data):
            raise UnrecognizedFormatError("a string is incomplete")
        return found.data[:size].rstrip(b"\0")
    if kind != _VARIABLE or len(found.data) < 8 + file.address_size:
        raise UnrecognizedFormatError("not a string")
    size = int.from_bytes(found.data[:4], "little")
    heap = file.address(found.data, 4)
    index = int.from_bytes(found.data[4 + file.address_size :][:4], "little")
    if heap is None or size > MAX_TEXT:
        raise UnrecognizedFormatError("a string without a place, or one that is too long")
    return _from_heap(reader, file, heap, index)[:size].rstrip(b"\0")


def _from_heap(reader: BlockReader, file: ObjectFile, heap: int, index: int) -> bytes:
    head = reader.take(heap, 8 + file.length_size)
    if not head.startswith(b"GCOL"):
        raise UnrecognizedFormatError("no heap where a string should be")
    end = heap + int.from_bytes(head[8:], "little")
    position = heap + 8 + file.length_size
    while position + 8 + file.length_size <= end:
        entry = reader.take(position, 8 + file.length_size)
        number = int.from_bytes(entry[:2], "little")
        size = int.from_bytes(entry[8:], "little")
        position += len(entry)
        if number == index and number:
            if size > MAX_TEXT:
                raise UnrecognizedFormatError("a string is too long")
            return reader.take(position, size)
        if not number:
            break
        position += -(-size // 8) * 8
    raise UnrecognizedFormatError("a heap lacks a string")
