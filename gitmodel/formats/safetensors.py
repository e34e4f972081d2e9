"""Tensors of a safetensors file, from its header alone.

The file is eight bytes with the length of a JSON object, that object (tensor name to dtype, shape and
offsets into what follows), and the tensors without gaps. Source:
https://github.com/huggingface/safetensors#format

Guarantee: memory and time are proportional to the bytes of the header, at most 16 MiB. Entries are matched
one by one, without recursion and without backtracking.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.formats.block_reader import Tally
from gitmodel.formats.header import MAX_HEADER, Extent, UnrecognizedFormatError, checked_name

if TYPE_CHECKING:
    import re

    from gitmodel.formats.description import Description
    from gitmodel.formats.header import HeaderReader

_SPACE: Final = rb"[ \t\n\r]*+"
_TEXT: Final = rb'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+"'
_PAIR: Final = _SPACE + _TEXT + _SPACE + b":" + _SPACE + _TEXT + _SPACE
_KEY: Final = lazy_compile(_SPACE + b"(" + _TEXT + b")" + _SPACE + b":" + _SPACE)
_TENSOR: Final = lazy_compile(rb"\{[^{}]{0,1000}+\}")
_METADATA: Final = lazy_compile(rb"\{(?:" + _PAIR + b"(?:," + _PAIR + rb")*+)?+" + _SPACE + rb"\}")
_AFTER: Final = lazy_compile(_SPACE + b"([,}])")
# An entry as the safetensors library writes it. Matching it whole is several times as fast.
_USUAL: Final = lazy_compile(
    rb'"([^"\\\x00-\x1f]*+)":\{"dtype":"([A-Z0-9_]{1,20}+)","shape":\[([0-9,]{0,500}+)\],'
    rb'"data_offsets":\[([0-9]{1,19}+),([0-9]{1,19}+)\]\}([,}])'
)
_EMPTY: Final = lazy_compile(rb"\{" + _SPACE + rb"\}")
_METADATA_NAME: Final = "__metadata__"
_MAX_ARCH: Final = 200  # characters
_END: Final = lazy_compile(_SPACE + rb"\Z")
_decode = json.JSONDecoder(object_pairs_hook=list).decode

_BITS: Final = {
    **dict.fromkeys(["F4"], 4),
    **dict.fromkeys(["F6_E2M3", "F6_E3M2"], 6),
    **dict.fromkeys(["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"], 8),
    **dict.fromkeys(["F8_E4M3FNUZ", "F8_E5M2FNUZ"], 8),
    **dict.fromkeys(["U16", "I16", "F16", "BF16"], 16),
    **dict.fromkeys(["U32", "I32", "F32"], 32),
    **dict.fromkeys(["U64", "I64", "F64", "C64"], 64),
}
# Bytes after which the layout repeats: two F4 fill a byte, four F6 three bytes, C64 is pairs of F32.
_WIDTHS: Final = {name: bits // 8 for name, bits in _BITS.items()} | {
    "F4": 1,
    "F6_E2M3": 3,
    "F6_E3M2": 3,
    "C64": 4,
}


class _Tensor(NamedTuple):
    start: int  # in the data, bytes
    end: int
    name: str
    width: int
    dtype: str
    shape: tuple[int, ...]


class _Header(NamedTuple):
    size: int  # of all before the data, bytes
    tensors: list[_Tensor]  # by offset, without gaps to the file's end
    metadata: bytes  # as the header has it: a JSON object of texts


def read_extents(source: HeaderReader) -> list[Extent]:
    """Return the extents of a safetensors file.

    Raises ValueError if the file breaks the rules of the format, LookupError if the header is not available
    here.
    """
    header = _header(source)
    if source.size == header.size:
        raise UnrecognizedFormatError("no bytes of tensors")
    extents = [Extent(header.size, None, 0)]
    for start, end, name, width, dtype, shape in header.tensors:
        extents.append(Extent(end - start, name, width, dtype, shape))
    return extents


def describe(source: HeaderReader, _name: str) -> Description:
    """Describe a safetensors file. Raises ValueError and LookupError as `read_extents`.

    `arch` is `modelspec.architecture` of the metadata, if a program wrote it there. `code` is `none`: the file
    is numbers and texts.
    """
    header = _header(source)
    tally = Tally()
    for tensor in header.tensors:
        tally.add(tensor.dtype, tensor.shape)
    arch = dict(_decode(header.metadata.decode("utf-8"))).get("modelspec.architecture")
    return tally.described("safetensors", arch=arch[:_MAX_ARCH] if arch else None, code="none")


def _header(source: HeaderReader) -> _Header:
    length = int.from_bytes(source.take(0, 8), "little")
    if not 2 <= length <= MAX_HEADER:
        raise UnrecognizedFormatError("not the length of a header")
    tensors, metadata = _entries(source.take(8, length))
    tensors.sort()
    expected = 0
    for tensor in tensors:
        if tensor.start != expected:
            raise UnrecognizedFormatError("tensors overlap, or leave a gap")
        expected = tensor.end
    if 8 + length + expected != source.size:
        raise UnrecognizedFormatError("the tensors do not fill the file")
    return _Header(8 + length, tensors, metadata)


def _entries(header: bytes) -> tuple[list[_Tensor], bytes]:
    """Return the tensors of a header, and its metadata."""
    if not header.startswith(b"{"):
        raise UnrecognizedFormatError("the header does not begin with {")
    tensors: list[_Tensor] = []
    metadata = b"{}"
    names: set[str] = set()
    position = 1
    more = not _EMPTY.match(header)
    if not more:
        position = header.index(b"}") + 1
    while more:
        usual = _USUAL.match(header, position)
        if usual:
            name, tensor = _usual_tensor(usual)
            position, more = usual.end(), usual[6] == b","
            tensors.append(tensor)
        else:
            name, value, position, more = _entry(header, position)
            if name == _METADATA_NAME:
                metadata = value
            else:
                tensors.append(_tensor(name, value))
        if name in names:
            raise UnrecognizedFormatError("the header names a tensor twice")
        names.add(name)
    if not _END.match(header, position):
        raise UnrecognizedFormatError("bytes after the header's end")
    return tensors, metadata


def _usual_tensor(found: re.Match[bytes]) -> tuple[str, _Tensor]:
    raw, dtype, shape, start, end, _ = found.groups()
    if raw == _METADATA_NAME.encode():
        raise UnrecognizedFormatError("metadata that is a tensor")
    name = checked_name(raw)
    sizes = tuple(map(int, shape.split(b","))) if shape else ()
    return name, _checked(name, dtype.decode("ascii"), sizes, int(start), int(end))


def _entry(header: bytes, position: int) -> tuple[str, bytes, int, bool]:
    """Read an entry in any valid JSON: its name, value, end, and whether another one follows."""
    found = _KEY.match(header, position)
    if found is None:
        raise UnrecognizedFormatError("the header is not JSON")
    name = _name(found[1])
    is_tensor = name != _METADATA_NAME
    value = (_TENSOR if is_tensor else _METADATA).match(header, found.end())
    after = _AFTER.match(header, value.end()) if value else None
    if value is None or after is None:
        raise UnrecognizedFormatError("not an entry of a tensor or of metadata")
    return name, value[0], after.end(), after[1] == b","


def _name(quoted: bytes) -> str:
    if b"\\" in quoted:
        quoted = b'"' + str(json.loads(quoted)).encode() + b'"'
    return checked_name(quoted[1:-1])


def _tensor(name: str, value: bytes) -> _Tensor:
    """Read one tensor's entry, with its three fields in any order."""
    if value.count(b"[") != 2:  # so the JSON reader cannot recurse
        raise UnrecognizedFormatError("not the fields of a tensor")
    fields = _decode(value.decode("ascii"))
    entry = dict(fields)
    if len(fields) != 3 or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise UnrecognizedFormatError("not the fields of a tensor")
    shape, dtype, offsets = entry["shape"], entry["dtype"], entry["data_offsets"]
    if not (_are_sizes(shape) and _are_sizes(offsets) and isinstance(dtype, str)):
        raise UnrecognizedFormatError("a field of the wrong type")
    start, end = offsets
    return _checked(name, dtype, tuple(shape), start, end)


def _checked(name: str, dtype: str, shape: tuple[int, ...], start: int, end: int) -> _Tensor:
    # Of a type newer than this list the bytes are known, and their layout is not.
    bits = _BITS.get(dtype)
    if end < start or (bits is not None and math.prod(shape) * bits != (end - start) * 8):
        raise UnrecognizedFormatError("a tensor's shape does not fit its bytes")
    return _Tensor(start, end, name, _WIDTHS.get(dtype, 0), dtype, shape)


def _are_sizes(value: object) -> bool:
    """Whether this is a list of integers from 0; True and 1.0 are no integers."""
    return isinstance(value, list) and all(type(one) is int and one >= 0 for one in value)
