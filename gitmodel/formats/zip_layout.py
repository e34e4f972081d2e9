"""Whether a zip archive means the same to every reader: no byte of it is unaccounted for.

Readers of zip archives disagree about headers that contradict each other, hidden entries and bytes between
them. PyTorch finds entries by a search that ignores case, Python by the last entry of a name. An archive that
passes here leaves them nothing to disagree about.
"""

from __future__ import annotations

import zlib
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.formats.header import UnrecognizedFormatError
from gitmodel.formats.pickle_scan.stream import BrokenPickleError
from gitmodel.formats.zip_directory import DEFLATED, STORED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.formats.header import HeaderReader
    from gitmodel.formats.zip_directory import Directory, Entry

# Signature, version, flags, method, time, date, checksum, sizes, name, extra.
_LOCAL: Final = Struct("<4sHHHHHIIIHH")
_END: Final = Struct("<4sHHHHIIH")
_END_64: Final = Struct("<4sQHHIIQQQQ")
_LOCATOR: Final = 20  # bytes
_SHORT: Final = Struct("<III")  # a descriptor without its signature
_LONG: Final = Struct("<IQQ")
_MAX_GAP: Final = 24  # bytes between entries: the longest descriptor
_USUAL_EXTRA: Final = 72  # bytes; PyTorch pads to a multiple of 64
_DESCRIPTOR_FOLLOWS: Final = 0x0008
_FLAGS: Final = 0x080E  # UTF-8 names, a descriptor, and how well it is compressed
_FULL: Final = 0xFFFFFFFF  # the number is in the zip64 field
_FIELDS: Final = frozenset({0x0001, 0x4246})  # zip64, and the padding that PyTorch writes
_NAME: Final = lazy_compile(rb"[A-Za-z0-9_.+ @()=,-]+(?:/[A-Za-z0-9_.+ @()=,-]+)*+")
_BLOCK: Final = 16 << 10
MAX_INFLATED: Final = 64 << 20  # bytes of an entry that are unpacked


class Placed(NamedTuple):
    """An entry and the offset of its bytes."""

    entry: Entry
    offset: int


def placed_entries(source: HeaderReader, directory: Directory) -> list[Placed]:
    """Return the entries in the order of the file.

    Raises ValueError if any byte of the archive belongs to none of its records, or two records disagree.
    """
    entries = sorted(directory.entries)
    names = {entry.name.lower() for entry in entries}
    if not entries or len(names) != len(entries):
        raise UnrecognizedFormatError("no entries, or two of one name")
    placed: list[Placed] = []
    position = 0  # what is before it was accounted for
    for entry in entries:
        gap = entry.offset - position
        if not 0 <= gap <= _MAX_GAP:
            raise UnrecognizedFormatError("bytes between entries, or entries overlap")
        wanted = gap + _LOCAL.size + len(entry.name) + _USUAL_EXTRA
        head = source.take(position, min(wanted, source.size - position))
        _check_descriptor(placed, head[:gap])
        offset = _data_offset(source, entry, head, gap)
        placed.append(Placed(entry, offset))
        position = offset + entry.size
    gap = directory.start - position
    if not 0 <= gap <= _MAX_GAP:
        raise UnrecognizedFormatError("bytes before the directory, or it begins too early")
    _check_descriptor(placed, source.take(position, gap))
    _check_end(source, directory)
    return placed


def _data_offset(source: HeaderReader, entry: Entry, head: bytes, gap: int) -> int:
    """Where an entry's bytes begin, by its own header, which is at `gap` in what was read."""
    header = _LOCAL.unpack_from(head, gap) if len(head) >= gap + _LOCAL.size else (b"",) * 11
    signature, _, flags, method, _, _, *sizes, name_size, extra_size = header
    name_at = gap + _LOCAL.size
    extra_at = name_at + len(entry.name)
    if (signature, flags, method) != (b"PK\x03\x04", entry.flags, entry.method):
        raise UnrecognizedFormatError("an entry's two headers differ")
    if name_size != len(entry.name) or head[name_at:extra_at] != entry.name:
        raise UnrecognizedFormatError("an entry's two headers differ")
    if not _NAME.fullmatch(entry.name) or b".." in entry.name or entry.comment:
        raise UnrecognizedFormatError("an entry with an odd name, or a comment")
    if flags & ~_FLAGS or method not in {STORED, DEFLATED}:
        raise UnrecognizedFormatError("an entry with odd flags, or an odd method")
    offset = entry.offset + extra_at - gap
    extra = head[extra_at : extra_at + extra_size]
    if len(extra) != extra_size:
        extra = source.take(offset, extra_size)
    if sizes != [0, 0, 0] or not flags & _DESCRIPTOR_FOLLOWS:
        checksum, size, full_size = sizes
        here = _long_sizes(extra, checksum, size, full_size)
        if here != (entry.checksum, entry.size, entry.full_size):
            raise UnrecognizedFormatError("an entry's two headers differ")
    _check_fields(extra)
    _check_fields(entry.extra)
    return offset + int(extra_size)


def _check_descriptor(placed: list[Placed], raw: bytes) -> None:
    """Raises ValueError unless these bytes behind the last entry are what its flags say.

    A descriptor repeats checksum and sizes, in one of the four ways that writers do.
    """
    if not placed or not placed[-1].entry.flags & _DESCRIPTOR_FOLLOWS:
        if raw:
            raise UnrecognizedFormatError("bytes between entries")
        return
    entry = placed[-1].entry
    raw = raw.removeprefix(b"PK\x07\x08") if len(raw) in {16, 24} else raw
    fields = _SHORT if len(raw) == _SHORT.size else _LONG
    if len(raw) != fields.size or fields.unpack(raw) != (
        entry.checksum,
        entry.size,
        entry.full_size,
    ):
        raise UnrecognizedFormatError("bytes between entries, or a descriptor that differs")


def _long_sizes(extra: bytes, checksum: int, size: int, full_size: int) -> tuple[int, int, int]:
    """Checksum and sizes of an entry's own header, which may be in its zip64 field."""
    if size == full_size == _FULL:
        if extra[:4] != b"\x01\x00\x10\x00" or len(extra) < 20:
            raise UnrecognizedFormatError("the zip64 field is missing")
        full_size = int.from_bytes(extra[4:12], "little")
        size = int.from_bytes(extra[12:20], "little")
    return checksum, size, full_size


def _check_fields(extra: bytes) -> None:
    """Raises ValueError if there are other fields than sizes and padding: some give an entry another name."""
    if not extra:
        return
    position = 0
    while position < len(extra):
        if position + 4 > len(extra):
            raise UnrecognizedFormatError("bytes after the last field")
        kind = int.from_bytes(extra[position : position + 2], "little")
        position += 4 + int.from_bytes(extra[position + 2 : position + 4], "little")
        if kind not in _FIELDS or position > len(extra):
            raise UnrecognizedFormatError("an odd field")


def _check_end(source: HeaderReader, directory: Directory) -> None:
    """Raises ValueError if the records after the directory disagree, or bytes are between or after them."""
    place = source.size - _END.size
    record = _END.unpack(source.take(place, _END.size))
    signature, *_, count, size, offset, comment = record
    known = (len(directory.entries), directory.end - directory.start, directory.start)
    if signature != b"PK\x05\x06" or comment:
        raise UnrecognizedFormatError("bytes after the archive")
    if place != directory.end:
        if directory.end + _END_64.size + _LOCATOR != place:
            raise UnrecognizedFormatError("bytes after the directory")
        length = int.from_bytes(source.take(directory.end + 4, 8), "little")
        if length != _END_64.size - 12:
            raise UnrecognizedFormatError("bytes after the directory")
    limits = (0xFFFF, _FULL, _FULL)
    for here, there, limit in zip((count, size, offset), known, limits, strict=True):
        if here not in {there, limit} or (place == directory.end and here != there):
            raise UnrecognizedFormatError("the archive has two numbers of entries, or two offsets")


class InflatedBlocks:
    """A deflated entry, unpacked from front to back."""

    def __init__(self, source: HeaderReader, placed: Placed) -> None:
        self._blocks = _inflated(source, placed)
        self._kept = b""
        self._position = 0  # of what is kept

    def next_block(self, position: int, wanted: int) -> bytes:
        """Unpack up to a position, and as many bytes from there."""
        kept = self._kept[position - self._position :]
        self._position += len(self._kept)
        while len(kept) < wanted:
            more = next(self._blocks, b"")
            if not more:
                break
            kept += more[max(0, position - self._position) :]
            self._position += len(more)
        self._kept = kept
        self._position -= len(kept)
        return kept


def _inflated(source: HeaderReader, placed: Placed) -> Iterator[bytes]:
    """Unpack an entry. Raises BrokenPickleError if it is not what the directory says, or too long."""
    entry, offset = placed
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    done = unpacked = 0
    if entry.full_size > MAX_INFLATED:
        raise BrokenPickleError("an entry that is too long when it is unpacked")
    try:
        while not engine.eof:
            packed = engine.unconsumed_tail
            if not packed:
                packed = source.take(offset + done, min(_BLOCK, entry.size - done))
                done += len(packed)
                if not packed:
                    raise BrokenPickleError("an entry ends too early")
            block = engine.decompress(packed, _BLOCK)
            unpacked += len(block)
            if unpacked > entry.full_size:
                raise BrokenPickleError("an entry is longer than the directory says")
            if block:
                yield block
    except zlib.error:
        raise BrokenPickleError("an entry that is not deflated") from None
    if unpacked != entry.full_size or done != entry.size or engine.unused_data:
        raise BrokenPickleError("an entry is shorter than the directory says")
