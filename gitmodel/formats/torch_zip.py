"""Tensors of a zip archive that stores them uncompressed: PyTorch, npz, Keras.

The directory at the end of the archive names the entries; the bytes of an entry follow its own small
header. Nothing is decompressed and nothing is unpickled, so type and shape of a PyTorch storage are
unknown; an array of npz has both in its own header. Sources: PKWARE's APPNOTE.TXT 6.3.10 and
https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

Guarantee: an archive is accepted only if both headers of every entry agree, no two entries share bytes or a
name, and the directory names no bytes outside the archive.
"""

from __future__ import annotations

import math
from struct import Struct
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.formats.header import (
    END_OF_GROUP,
    MAX_NAME,
    MAX_TENSORS,
    Extent,
    UnrecognizedFormatError,
)

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from gitmodel.formats.header import HeaderReader

# Signature, disks, entries here and in all, size, offset, comment.
_END: Final = Struct("<4sHHHHIIH")
_END_64: Final = Struct("<4sQHHIIQQQQ")
_LOCATOR: Final = Struct("<4sIQI")
# Flags, method, sizes, name, extra, comment, disk, offset.
_ENTRY: Final = Struct("<4s4xHH8xIIHHHH6xI")
_LOCAL: Final = Struct("<4s2xHH16xHH")  # flags, method, name, extra
_STORED: Final = 0
_ENCRYPTED: Final = 0x2041  # also strong encryption, and an encrypted directory
_FULL: Final = 0xFFFFFFFF  # the number is in the zip64 field
# An array's type with its width, then its order and shape as NumPy writes them.
_DESCR: Final = lazy_compile(
    rb"\{'descr': '([<>|=][biufc]([0-9]{1,2}))', "
    rb"(?:'fortran_order': (True|False), 'shape': \(((?:[0-9]{1,19}, ?){0,63}+(?:[0-9]{1,19})?+)\), \})?+"
)


class _Entry(NamedTuple):
    offset: int  # of its header, bytes
    size: int
    method: int
    name: bytes


def read_extents(source: HeaderReader) -> list[Extent]:
    """Return the extents of a zip archive.

    Raises ValueError if the archive breaks the rules of the format or stores nothing uncompressed,
    LookupError if a header is not available here.
    """
    start, end, count = _directory(source)
    entries = sorted(_entries(source.take(start, end - start), count))
    if not any(entry.size and entry.method == _STORED for entry in entries):
        raise UnrecognizedFormatError("nothing is stored uncompressed")
    names = _names(entries)
    extents: list[Extent] = []
    position = 0
    folder = ""
    for entry, name in zip(entries, names, strict=True):
        if _top_folder(name) != folder:  # data.pkl may grow and shift: keep it apart from data/0
            folder = _top_folder(name)
            extents.append(END_OF_GROUP)
        data = _data_offset(source, entry)
        data_end = data + entry.size
        if entry.offset < position or data_end > start:
            raise UnrecognizedFormatError("entries overlap")
        begin, extent = _tensor(source, entry, name, data)
        extents.append(Extent(begin - position, None, 0))
        extents.append(extent)
        position = data_end
    extents.append(Extent(source.size - position, None, 0))
    return extents


def _directory(source: HeaderReader) -> tuple[int, int, int]:
    """Return start and end of the directory, and its number of entries."""
    place, fields = _end_record(source)
    _, disk, first_disk, here, count, size, offset, _ = fields
    if place >= _LOCATOR.size:
        locator = source.take(place - _LOCATOR.size, _LOCATOR.size)
        signature, _, place_64, _ = _LOCATOR.unpack(locator)
        if signature == b"PK\x06\x07":
            record = _END_64.unpack(source.take(place_64, _END_64.size))
            if record[0] != b"PK\x06\x06" or place_64 + _END_64.size > place:
                raise UnrecognizedFormatError("no zip64 record at the end of the archive")
            _, _, _, _, disk, first_disk, here, count, size, offset = record
            place = place_64
    if (disk, first_disk, here) != (0, 0, count) or count > MAX_TENSORS:
        raise UnrecognizedFormatError("an archive on several disks, or with too many entries")
    if offset + size != place:
        raise UnrecognizedFormatError("the directory has another offset than the archive says")
    return offset, place, count


def _end_record(
    source: HeaderReader,
) -> tuple[int, tuple[bytes, int, int, int, int, int, int, int]]:
    """Find the record at the archive's end, which a comment may follow."""
    place = source.size - _END.size
    tail = source.take(max(place, 0), min(_END.size, source.size))
    if not tail.startswith(b"PK\x05\x06"):  # read only now: these bytes may not be available
        begin = max(0, source.size - _END.size - 0xFFFF)
        tail = source.take(begin, source.size - begin)
        found = tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - _END.size + 4))
        if found < 0:
            raise UnrecognizedFormatError("no record at the end of the archive")
        place = begin + found
        tail = tail[found:]
    fields = _END.unpack_from(tail)
    if fields[-1] != len(tail) - _END.size:
        raise UnrecognizedFormatError("bytes after the archive")
    return place, fields


def _entries(directory: bytes, count: int) -> Iterator[_Entry]:
    position = 0
    for _ in range(count):
        if position + _ENTRY.size > len(directory):
            raise UnrecognizedFormatError("the directory is too short")
        fields = _ENTRY.unpack_from(directory, position)
        signature, flags, method, packed, size, name_size, extra_size, comment, disk, offset = (
            fields
        )
        name_at = position + _ENTRY.size
        position = name_at + name_size + extra_size + comment
        if signature != b"PK\x01\x02" or position > len(directory) or flags & _ENCRYPTED or disk:
            raise UnrecognizedFormatError(
                "not an entry, or one that is encrypted or on another disk"
            )
        name = directory[name_at : name_at + name_size]
        if _FULL in {packed, size, offset}:
            extra = directory[name_at + name_size : name_at + name_size + extra_size]
            size, packed, offset = _long_sizes(extra, size, packed, offset)
        if len(name) > MAX_NAME or (method == _STORED and packed != size):
            raise UnrecognizedFormatError("an entry with two sizes, or a name too long")
        yield _Entry(offset, packed, method, name)
    if position != len(directory):
        raise UnrecognizedFormatError("bytes after the directory's last entry")


def _long_sizes(extra: bytes, *fields: int) -> list[int]:
    """Replace each number that refers to the zip64 field by the next number there."""
    position = 0
    while position + 4 <= len(extra):
        kind = int.from_bytes(extra[position : position + 2], "little")
        end = position + 4 + int.from_bytes(extra[position + 2 : position + 4], "little")
        if kind == 1:
            values = extra[position + 4 : end]
            wanted = [number for number, value in enumerate(fields) if value == _FULL]
            if len(values) < 8 * len(wanted):
                break
            longer = list(fields)
            for turn, number in enumerate(wanted):
                longer[number] = int.from_bytes(values[8 * turn : 8 * turn + 8], "little")
            return longer
        position = end
    raise UnrecognizedFormatError("the zip64 field is missing")


def _names(entries: list[_Entry]) -> list[str]:
    """Names of tensors: without the top folder, which PyTorch names after the file, and without `.npy`."""
    folder, slash, _ = entries[0].name.partition(b"/")
    prefix = folder + slash if slash else b""
    if not all(one.name.startswith(prefix) for one in entries):
        prefix = b""
    raw = [one.name.removeprefix(prefix).removesuffix(b".npy") for one in entries]
    names = [one.decode("utf-8", "backslashreplace") for one in raw]
    if len(set(names)) != len(names):
        raise UnrecognizedFormatError("two entries have one name")
    return names


def _top_folder(name: str) -> str:
    folder, slash, _ = name.partition("/")
    return folder if slash else ""


def _data_offset(source: HeaderReader, entry: _Entry) -> int:
    """The offset of an entry's bytes, which only its own header contains."""
    header = source.take(entry.offset, _LOCAL.size + len(entry.name))
    signature, flags, method, name_size, extra_size = _LOCAL.unpack_from(header)
    if (signature, method, name_size) != (b"PK\x03\x04", entry.method, len(entry.name)):
        raise UnrecognizedFormatError("an entry's two headers differ")
    if header[_LOCAL.size :] != entry.name or flags & _ENCRYPTED:
        raise UnrecognizedFormatError("an entry's two headers differ")
    return entry.offset + len(header) + int(extra_size)


def _tensor(source: HeaderReader, entry: _Entry, name: str, data: int) -> tuple[int, Extent]:
    """Return where an entry's tensor begins, and its extent."""
    unknown = data, Extent(entry.size, name, 0)
    if entry.method != _STORED:
        return data, Extent(entry.size, name, 1)  # compressed bytes have no layout
    if entry.size < 12 or not entry.name.endswith(b".npy"):
        return unknown
    start = source.take(data, 12)
    if start[:6] != b"\x93NUMPY" or start[6] not in {1, 2, 3}:
        return unknown
    begin = 10 if start[6] == 1 else 12
    length = int.from_bytes(start[8:begin], "little")
    if begin + length > min(entry.size, 0xFFFF):
        return unknown
    found = _DESCR.match(source.take(data + begin, length))
    size = entry.size - begin - length
    return data + begin + length, _array(name, size, found) if found else Extent(size, name, 0)


def _array(name: str, size: int, found: re.Match[bytes]) -> Extent:
    """Return the extent of an array; with type and shape, if they fit its bytes."""
    dtype, width, fortran, sizes = found.groups()
    untyped = Extent(size, name, int(width))
    if sizes is None:
        return untyped
    shape = tuple(int(one) for one in sizes.split(b",") if one.strip())
    if math.prod(shape) * int(width) != size:
        return untyped
    order: Literal["C", "F"] = "F" if fortran == b"True" else "C"
    return Extent(size, name, int(width), dtype.decode("ascii"), shape, order)
