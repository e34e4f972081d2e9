"""Arrays of NumPy: npy and npz.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.formats import zip_layout
from gitmodel.formats.description import Description
from gitmodel.formats.header import UnrecognizedFormatError
from gitmodel.formats.pickle_scan.findings import Findings
from gitmodel.formats.pickle_scan.stream import PickleStream, StoredBlocks
from gitmodel.formats.pickles import walk_pickle
from gitmodel.formats.zip_directory import STORED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.formats.header import HeaderReader
    from gitmodel.formats.zip_directory import Directory

_MAX_HEADER: Final = 10_000  # bytes; NumPy reads no longer one unless it is told to
# As NumPy writes it: keys in this order, a type that is text or a list of fields.
_HEADER: Final = lazy_compile(
    rb"\{'descr': ('[^'\\]{1,60}'|\[[^\\]{1,8000}\]), 'fortran_order': (?:True|False), "
    rb"'shape': \(((?:[0-9]{1,19}, ?){0,63}+(?:[0-9]{1,19})?+)\), \} *\n"
)
_TYPE: Final = lazy_compile(r"[<>|=]([biufcSUVmM])([0-9]{1,9})(\[[0-9a-zA-Z/]{1,20}\])?")
_OBJECT: Final = "|O"


class _Array(NamedTuple):
    dtype: str  # as NumPy writes it; `|O` for objects, which are a pickle
    width: int  # bytes of an element
    elements: int


def describe_npy(source: HeaderReader, _name: str) -> Description:
    """Describe an array in a file of its own. Raises ValueError if it is none."""
    findings = Findings(persistent_ids=False)
    stream = PickleStream(StoredBlocks(source, 0, source.size))
    array = _read_array(stream)
    _walk_body(stream, array, source.size, findings)
    return _described("npy", [array], findings)


def describe_npz(source: HeaderReader, directory: Directory) -> Description:
    """Describe an archive of arrays. Raises ValueError if an entry is none."""
    findings = Findings(persistent_ids=False)
    arrays = []
    for one in zip_layout.placed_entries(source, directory):
        size = one.entry.full_size
        stream = PickleStream(
            StoredBlocks(source, one.offset, one.offset + size)
            if one.entry.method == STORED
            else zip_layout.InflatedBlocks(source, one)
        )
        arrays.append(_read_array(stream))
        _walk_body(stream, arrays[-1], size, findings)
    return _described("npz", arrays, findings)


def _described(kind: str, arrays: Sequence[_Array], findings: Findings) -> Description:
    dtypes: dict[str, int] = {}
    for array in arrays:
        dtypes[array.dtype] = dtypes.get(array.dtype, 0) + 1
    return Description(
        kind,
        len(arrays),
        sum(array.elements for array in arrays),
        dtypes,
        code="none" if findings.code == "listed" else findings.code,
        imports=findings.imports,
    )


def _walk_body(stream: PickleStream, array: _Array, size: int, findings: Findings) -> None:
    """Refuse objects, walking their pickle for what it names; and bytes after the elements."""
    if array.dtype == _OBJECT:
        findings.refuse()
        walk_pickle(stream, findings)
    elif stream.position + array.elements * array.width != size:
        findings.refuse()


def _read_array(stream: PickleStream) -> _Array:
    start = stream.take(8)
    if start[:6] != b"\x93NUMPY" or start[6] not in {1, 2, 3}:
        raise UnrecognizedFormatError("no array")
    length = int.from_bytes(stream.take(2 if start[6] == 1 else 4), "little")
    if length > _MAX_HEADER:
        raise UnrecognizedFormatError("a header that is too long")
    found = _HEADER.fullmatch(stream.take(length))
    if found is None:
        raise UnrecognizedFormatError("a header that NumPy does not write")
    shape = tuple(int(one) for one in found[2].split(b",") if one.strip())
    dtype, width = _read_type(found[1].decode("utf-8"))
    return _Array(dtype, width, math.prod(shape))


def _read_type(described: str) -> tuple[str, int]:
    """Return a type as NumPy names it, and bytes of an element."""
    if described.startswith("'"):
        name = described[1:-1]
        return name, 0 if name == _OBJECT else _width(name)
    import ast  # only for fields, which are rare

    try:
        fields = ast.literal_eval(described)
    except (SyntaxError, MemoryError, RecursionError):
        raise UnrecognizedFormatError("not fields") from None
    width = _fields_width(fields, 8)
    return (_OBJECT, 0) if width is None else (f"|V{width}", width)


def _width(name: str) -> int:
    found = _TYPE.fullmatch(name)
    if found is None:
        raise UnrecognizedFormatError("an unknown type")
    return int(found[2]) * (4 if found[1] == "U" else 1)


def _fields_width(fields: object, depth: int) -> int | None:
    """Bytes of fields; None if one is an object. Raises ValueError if they are not as NumPy writes them."""
    total = 0
    if not isinstance(fields, list) or not depth:
        raise UnrecognizedFormatError("not fields")
    for field in fields:
        if not isinstance(field, tuple) or len(field) not in {2, 3}:
            raise UnrecognizedFormatError("not a field")
        if field[1] == _OBJECT:
            return None
        width = (
            _width(field[1]) if isinstance(field[1], str) else _fields_width(field[1], depth - 1)
        )
        if width is None:
            return None
        shape = field[2] if len(field) == 3 else ()
        if not isinstance(shape, tuple) or any(type(one) is not int or one < 0 for one in shape):
            raise UnrecognizedFormatError("not the shape of a field")
        total += width * math.prod(shape)
    return total
