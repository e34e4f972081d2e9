"""The directory of a zip archive, read strictly.

Source: PKWARE's APPNOTE.TXT 6.3.10

Guarantee: an archive is accepted only if its directory names no bytes outside the archive and nothing follows
it, but for the archive's comment.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.formats.header import MAX_NAME, MAX_TENSORS, UnrecognizedFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.formats.header import HeaderReader

STORED: Final = 0
DEFLATED: Final = 8
# Signature, disks, entries here and in all, size, offset, comment.
_END: Final = Struct("<4sHHHHIIH")
_END_64: Final = Struct("<4sQHHIIQQQQ")
_LOCATOR: Final = Struct("<4sIQI")
# Flags, method, checksum, sizes, name, extra, comment, disk, offset.
_ENTRY: Final = Struct("<4s4xHH4xIIIHHHH6xI")
_LOCAL: Final = Struct("<4s2xHH16xHH")  # flags, method, name, extra
_ENCRYPTED: Final = 0x2041  # also strong encryption, and an encrypted directory
_FULL: Final = 0xFFFFFFFF  # the number is in the zip64 field


class Entry(NamedTuple):
    """An entry as the directory describes it."""

    offset: int  # of its header, bytes
    size: int  # in the archive
    method: int
    name: bytes
    flags: int
    checksum: int
    full_size: int  # when it is unpacked
    extra: bytes  # fields of the directory, not those of its own header
    comment: int  # bytes


class Directory(NamedTuple):
    """The directory of an archive."""

    start: int  # offset
    end: int
    entries: list[Entry]  # in its order


def read_directory(source: HeaderReader) -> Directory:
    """Return the directory of an archive.

    Raises ValueError if the archive breaks the rules of the format, LookupError if the directory is not
    available here.
    """
    start, end, count = _directory(source)
    return Directory(start, end, list(_entries(source.take(start, end - start), count)))


def data_offset(source: HeaderReader, entry: Entry) -> int:
    """Return the offset of an entry's bytes, which only its own header contains.

    Raises ValueError if its two headers differ, LookupError if its own is not available here.
    """
    header = source.take(entry.offset, _LOCAL.size + len(entry.name))
    signature, flags, method, name_size, extra_size = _LOCAL.unpack_from(header)
    if (signature, method, name_size) != (b"PK\x03\x04", entry.method, len(entry.name)):
        raise UnrecognizedFormatError("an entry's two headers differ")
    if header[_LOCAL.size :] != entry.name or flags & _ENCRYPTED:
        raise UnrecognizedFormatError("an entry's two headers differ")
    return entry.offset + len(header) + int(extra_size)


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


def _entries(directory: bytes, count: int) -> Iterator[Entry]:
    position = 0
    for _ in range(count):
        if position + _ENTRY.size > len(directory):
            raise UnrecognizedFormatError("the directory is too short")
        fields = _ENTRY.unpack_from(directory, position)
        signature, flags, method, checksum, packed, size, *lengths, disk, offset = fields
        name_size, extra_size, comment = lengths
        name_at = position + _ENTRY.size
        position = name_at + name_size + extra_size + comment
        if signature != b"PK\x01\x02" or position > len(directory) or flags & _ENCRYPTED or disk:
            raise UnrecognizedFormatError(
                "not an entry, or one that is encrypted or on another disk"
            )
        name = directory[name_at : name_at + name_size]
        extra = directory[name_at + name_size : name_at + name_size + extra_size]
        if _FULL in {packed, size, offset}:
            size, packed, offset = _long_sizes(extra, size, packed, offset)
        if len(name) > MAX_NAME or (method == STORED and packed != size):
            raise UnrecognizedFormatError("an entry with two sizes, or a name too long")
        yield Entry(offset, packed, method, name, flags, checksum, size, extra, comment)
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
