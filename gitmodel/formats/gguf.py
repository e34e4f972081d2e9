"""Tensors of a GGUF file, versions 2 and 3, little endian, from its header alone.

The file is counts, key and value pairs (the vocabulary is one), a description of each tensor, and the
tensors, each at a multiple of the alignment. Source:
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

Guarantee: each step of reading consumes bytes of the header, which has 16 MiB at most,
so a wrong count ends in an error and not in a loop.
"""

from __future__ import annotations

import math
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.formats.block_reader import Tally
from gitmodel.formats.header import (
    MAX_HEADER,
    MAX_NAME,
    MAX_TENSORS,
    NOT_A_TENSOR,
    SMALL,
    Extent,
    UnrecognizedFormatError,
    checked_name,
)

if TYPE_CHECKING:
    from gitmodel.formats.description import Code, Description
    from gitmodel.formats.header import HeaderReader

_BLOCK: Final = 1 << 18  # 256 KiB read at a time
_U32: Final = Struct("<I")
_U64: Final = Struct("<Q")
_ARRAY_OF: Final = Struct("<IQ")  # type and length of an array
_DESCRIBED: Final = [Struct(f"<{count}QIQ") for count in range(9)]  # a tensor, by its dimensions
_STRING: Final = 8
_ARRAY: Final = 9
_VALUE_SIZES: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_ALIGNMENT: Final = (b"general.alignment", 4)  # and its type, u32
_ARCHITECTURE: Final = (b"general.architecture", _STRING)
_TEMPLATE: Final = b"tokenizer.chat_template"

# ggml type: name, elements and bytes of one block. Source: GGML_QUANT_SIZES of gguf-py. Types that were
# removed, or are never stored in a file, are missing here, hence unknown.
_TYPES: Final = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
}


class _Tensor(NamedTuple):
    offset: int  # in the data, bytes
    name: str
    size: int | None  # bytes; None if the type is unknown
    width: int
    dtype: str | None
    shape: tuple[int, ...]


class _Header(NamedTuple):
    extents: list[Extent]  # of the pairs, up to the last long one
    tensors: list[_Tensor]  # by offset
    data: int  # where the tensors begin, bytes
    walk: _Walk


def read_extents(source: HeaderReader) -> list[Extent]:
    """Return the extents of a GGUF file.

    Raises ValueError if the file breaks the rules of the format, LookupError if the header is not available
    here.
    """
    header = _header(source)
    if not header.tensors:
        raise UnrecognizedFormatError("no tensors")
    return _all_extents(header, source.size)


def describe(source: HeaderReader, _name: str) -> Description:
    """Describe a GGUF file, also one of a vocabulary alone. Raises ValueError and LookupError as `read_extents`.

    `code` is `yes` with a chat template, which is a program in Jinja that a loader runs for each conversation,
    and else `none`.
    """
    header = _header(source)
    if header.tensors:
        _all_extents(header, source.size)
    tally = Tally()
    for tensor in header.tensors:
        tally.add(tensor.dtype or "unknown", tensor.shape)
    arch = header.walk.architecture
    code: Code = "yes" if header.walk.has_template else "none"
    return tally.described("gguf", arch=None if arch is None else checked_name(arch), code=code)


def _header(source: HeaderReader) -> _Header:
    walk = _Walk(source)
    if walk.u32() != 0x46554747 or walk.u32() not in {2, 3}:  # "GGUF"
        raise UnrecognizedFormatError("an unknown version of GGUF")
    tensor_count, pair_count = walk.u64(), walk.u64()
    if tensor_count > MAX_TENSORS or pair_count > MAX_TENSORS:
        raise UnrecognizedFormatError("too many tensors")
    extents = _skip_pairs(walk, pair_count)
    tensors = [walk.tensor() for _ in range(tensor_count)]
    if len({tensor.name for tensor in tensors}) != tensor_count:
        raise UnrecognizedFormatError("two tensors have one name")
    tensors.sort(key=lambda tensor: (tensor.offset, tensor.size != 0))  # empty ones take no bytes
    if not 0 < walk.alignment <= _BLOCK or walk.alignment & (walk.alignment - 1):
        raise UnrecognizedFormatError("not an alignment")
    data = -(-walk.position // walk.alignment) * walk.alignment
    return _Header(extents, tensors, data, walk)


def _all_extents(header: _Header, file_size: int) -> list[Extent]:
    position = sum(extent.size for extent in header.extents)
    return header.extents + _tensor_extents(header.tensors, position, header.data, file_size)


def _tensor_extents(
    tensors: list[_Tensor], position: int, data: int, file_size: int
) -> list[Extent]:
    """Return the extents from a position in the header to the file's end."""
    extents: list[Extent] = []
    ends = [data + tensor.offset for tensor in tensors[1:]] + [file_size]
    for tensor, end in zip(tensors, ends, strict=True):
        start = data + tensor.offset
        size = end - start if tensor.size is None else tensor.size
        if not position <= start <= start + size <= end:
            raise UnrecognizedFormatError("tensors overlap, or lie outside the file")
        extents.append(Extent(start - position, None, 0))
        extents.append(Extent(size, tensor.name, tensor.width, tensor.dtype, tensor.shape))
        position = start + size
    extents.append(Extent(file_size - position, None, 0))
    return extents


def _skip_pairs(walk: _Walk, count: int) -> list[Extent]:
    """Skip the pairs; a long one, such as a vocabulary, becomes an extent with a name, hence a piece."""
    extents: list[Extent] = []
    done = 0
    keys: set[bytes] = set()
    for _ in range(count):
        start = walk.position
        key = walk.text()
        kind = walk.u32()
        if key in keys:
            raise UnrecognizedFormatError("two values have one key")
        keys.add(key)
        walk.has_template = walk.has_template or key.startswith(_TEMPLATE)
        if (key, kind) == _ALIGNMENT:
            walk.alignment = walk.u32()
        elif (key, kind) == _ARCHITECTURE:
            walk.architecture = walk.text()
        else:
            walk.skip_value(kind)
        if walk.position - start >= SMALL:
            extents += [
                Extent(start - done, None, 0),
                Extent(walk.position - start, _pair_name(key), 0),
            ]
            done = walk.position
    return extents


def _pair_name(key: bytes) -> str:
    return NOT_A_TENSOR + checked_name(key)


class _Walk:
    """Reads a header from its start and keeps the bytes read."""

    def __init__(self, source: HeaderReader) -> None:
        self.position = 0
        self.alignment = 32
        self.architecture: bytes | None = None
        self.has_template = False
        self._source = source
        self._limit = min(source.size, MAX_HEADER)
        self._block = _BLOCK
        self._bytes = bytearray()

    def u32(self) -> int:
        return int(_U32.unpack_from(self._bytes, self._pass(4))[0])

    def u64(self) -> int:
        return int(_U64.unpack_from(self._bytes, self._pass(8))[0])

    def text(self) -> bytes:
        size = self.u64()
        if size > MAX_NAME:
            raise UnrecognizedFormatError("a name is too long")
        start = self._pass(size)
        return bytes(self._bytes[start : start + size])

    def skip_value(self, kind: int) -> None:
        count = 1
        if kind == _ARRAY:
            kind, count = _ARRAY_OF.unpack_from(self._bytes, self._pass(_ARRAY_OF.size))
        if kind == _STRING:
            self._skip_strings(count)
        elif kind in _VALUE_SIZES:
            self._pass(_VALUE_SIZES[kind] * count)
        else:
            raise UnrecognizedFormatError("a value of an unknown type, or an array of arrays")

    def tensor(self) -> _Tensor:
        name = checked_name(self.text())
        dimensions = self.u32()
        if dimensions >= len(_DESCRIBED):  # ggml has 4
            raise UnrecognizedFormatError("too many dimensions")
        fields = _DESCRIBED[dimensions]
        *sizes, kind, offset = fields.unpack_from(self._bytes, self._pass(fields.size))
        shape = tuple(reversed(sizes))  # ggml names the dimension that varies fastest first
        if kind not in _TYPES:
            return _Tensor(offset, name, None, 0, None, shape)
        dtype, elements, width = _TYPES[kind]
        blocks, rest = divmod(math.prod(shape), elements)
        if rest:
            raise UnrecognizedFormatError("a tensor of broken blocks")
        return _Tensor(offset, name, blocks * width, width, dtype, shape)

    def _skip_strings(self, count: int) -> None:
        if count > self._limit // 8:
            raise UnrecognizedFormatError("more strings than bytes")
        position = self.position
        for _ in range(count):
            if position + 8 > len(self._bytes):
                self._need(position + 8)
            position += 8 + _U64.unpack_from(self._bytes, position)[0]
        self._need(position)
        self.position = position

    def _pass(self, count: int) -> int:
        """Skip the next bytes, which are read if necessary; return their offset."""
        start = self.position
        if start + count > len(self._bytes):
            self._need(start + count)
        self.position = start + count
        return start

    def _need(self, end: int) -> None:
        if end > self._limit:
            raise UnrecognizedFormatError("the header does not end, or is too long")
        have = len(self._bytes)
        if end <= have:
            return
        try:
            self._bytes += self._source.take(
                have, min(max(end - have, self._block), self._limit - have)
            )
        except LookupError:
            if self._block == 0:
                raise
            self._block = (
                0  # tensors follow, which are not available here: read no more than needed
            )
            self._need(end)
