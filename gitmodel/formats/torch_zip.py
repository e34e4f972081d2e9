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
from typing import TYPE_CHECKING, Final, Literal

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.formats.header import (
    END_OF_GROUP,
    Extent,
    UnrecognizedFormatError,
)
from gitmodel.formats.zip_directory import STORED, data_offset, read_directory

if TYPE_CHECKING:
    import re

    from gitmodel.formats.header import HeaderReader
    from gitmodel.formats.zip_directory import Entry

# An array's type with its width, then its order and shape as NumPy writes them.
_DESCR: Final = lazy_compile(
    rb"\{'descr': '([<>|=][biufc]([0-9]{1,2}))', "
    rb"(?:'fortran_order': (True|False), 'shape': \(((?:[0-9]{1,19}, ?){0,63}+(?:[0-9]{1,19})?+)\), \})?+"
)


def read_extents(source: HeaderReader) -> list[Extent]:
    """Return the extents of a zip archive.

    Raises ValueError if the archive breaks the rules of the format or stores nothing uncompressed,
    LookupError if a header is not available here.
    """
    start, _, entries = read_directory(source)
    entries.sort()
    if not any(entry.size and entry.method == STORED for entry in entries):
        raise UnrecognizedFormatError("nothing is stored uncompressed")
    names = _names(entries)
    extents: list[Extent] = []
    position = 0
    folder = ""
    for entry, name in zip(entries, names, strict=True):
        if _top_folder(name) != folder:  # data.pkl may grow and shift: keep it apart from data/0
            folder = _top_folder(name)
            extents.append(END_OF_GROUP)
        data = data_offset(source, entry)
        data_end = data + entry.size
        if entry.offset < position or data_end > start:
            raise UnrecognizedFormatError("entries overlap")
        begin, extent = _tensor(source, entry, name, data)
        extents.append(Extent(begin - position, None, 0))
        extents.append(extent)
        position = data_end
    extents.append(Extent(source.size - position, None, 0))
    return extents


def _names(entries: list[Entry]) -> list[str]:
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


def _tensor(source: HeaderReader, entry: Entry, name: str, data: int) -> tuple[int, Extent]:
    """Return where an entry's tensor begins, and its extent."""
    unknown = data, Extent(entry.size, name, 0)
    if entry.method != STORED:
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
