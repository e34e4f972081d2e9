"""Tensors of a GGUF file, versions 2 and 3, little endian, from its header alone.

Counts, then key and value pairs (a vocabulary is one of them), then what each tensor is and where,
then the tensors, each at a multiple of the alignment. Source:
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

One thing is guaranteed: each step of reading consumes bytes of the header, which are 16 MiB at most,
so counts that lie end in a doubt and not in a loop.
"""

from __future__ import annotations

import math
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.formats.extent import SMALL, Extent
from gitmodel.formats.header import (
    MAX_HEADER,
    MAX_NAME,
    MAX_TENSORS,
    UnrecognizedFormatError,
    checked_name,
)

if TYPE_CHECKING:
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

# ggml type: elements and bytes of one block. Source: GGML_QUANT_SIZES of gguf-py. Types that were
# removed, or are never stored in a file, are left out, hence unknown.
_BLOCKS: Final = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    16: (256, 66),  # IQ2_XXS
    17: (256, 74),  # IQ2_XS
    18: (256, 98),  # IQ3_XXS
    19: (256, 50),  # IQ1_S
    20: (32, 18),  # IQ4_NL
    21: (256, 110),  # IQ3_S
    22: (256, 82),  # IQ2_S
    23: (256, 136),  # IQ4_XS
    24: (1, 1),  # I8
    25: (1, 2),  # I16
    26: (1, 4),  # I32
    27: (1, 8),  # I64
    28: (1, 8),  # F64
    29: (256, 56),  # IQ1_M
    30: (1, 2),  # BF16
    34: (256, 54),  # TQ1_0
    35: (256, 66),  # TQ2_0
    39: (32, 17),  # MXFP4
}


class _Tensor(NamedTuple):
    offset: int  # in the data, bytes
    name: str
    size: int | None  # bytes; None if the type is unknown
    width: int


def read_runs(source: HeaderReader) -> list[Extent]:
    """Return the runs of a GGUF file.

    Raises:
        ValueError: It is not one, or breaks the rules of the format.
        LookupError: The header is not at hand.
    """
    walk = _Walk(source)
    if walk.u32() != 0x46554747 or walk.u32() not in {2, 3}:  # "GGUF"
        raise UnrecognizedFormatError("not a version of GGUF that is known here")
    tensor_count, pair_count = walk.u64(), walk.u64()
    if not 1 <= tensor_count <= MAX_TENSORS or pair_count > MAX_TENSORS:
        raise UnrecognizedFormatError("no tensors, or too many")
    runs = _skip_pairs(walk, pair_count)
    tensors = [walk.tensor() for _ in range(tensor_count)]
    if len({tensor.name for tensor in tensors}) != tensor_count:
        raise UnrecognizedFormatError("two tensors have one name")
    tensors.sort(key=lambda tensor: (tensor.offset, tensor.size != 0))  # empty ones need no place
    if not 0 < walk.alignment <= _BLOCK or walk.alignment & (walk.alignment - 1):
        raise UnrecognizedFormatError("not an alignment")
    data = -(-walk.position // walk.alignment) * walk.alignment
    return runs + _tensor_runs(tensors, sum(run.size for run in runs), data, source.size)


def _tensor_runs(tensors: list[_Tensor], position: int, data: int, file_size: int) -> list[Extent]:
    """Return the runs from a position in the header to the file's end."""
    runs: list[Extent] = []
    ends = [data + tensor.offset for tensor in tensors[1:]] + [file_size]
    for tensor, end in zip(tensors, ends, strict=True):
        start = data + tensor.offset
        size = end - start if tensor.size is None else tensor.size
        if not position <= start <= start + size <= end:
            raise UnrecognizedFormatError("tensors overlap, or lie outside the file")
        runs.append(Extent(start - position, None, 0))
        runs.append(Extent(size, tensor.name, tensor.width))
        position = start + size
    runs.append(Extent(file_size - position, None, 0))
    return runs


def _skip_pairs(walk: _Walk, count: int) -> list[Extent]:
    """Pass the pairs; returns runs so that a long one, such as a vocabulary, is a piece of its own."""
    runs: list[Extent] = []
    done = 0
    keys: set[bytes] = set()
    for _ in range(count):
        start = walk.position
        key = walk.text()
        kind = walk.u32()
        if key in keys:
            raise UnrecognizedFormatError("two values have one key")
        keys.add(key)
        if (key, kind) == _ALIGNMENT:
            walk.alignment = walk.u32()
        else:
            walk.skip_value(kind)
        if walk.position - start >= SMALL:
            runs += [
                Extent(start - done, None, 0),
                Extent(walk.position - start, _pair_name(key), 0),
            ]
            done = walk.position
    return runs


def _pair_name(key: bytes) -> str:
    return "\0" + checked_name(key)  # no tensor of an honest file is called so


class _Walk:
    """Goes through a header from its start; what it has read it keeps."""

    def __init__(self, source: HeaderReader) -> None:
        self.position = 0
        self.alignment = 32
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
        *shape, kind, offset = fields.unpack_from(self._bytes, self._pass(fields.size))
        if kind not in _BLOCKS:
            return _Tensor(offset, name, None, 0)
        elements, width = _BLOCKS[kind]
        blocks, rest = divmod(math.prod(shape), elements)
        if rest:
            raise UnrecognizedFormatError("a tensor of broken blocks")
        return _Tensor(offset, name, blocks * width, width)

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
        """Move behind the next bytes, which are read if need be; returns where they start."""
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
                0  # these bytes belong to tensors that are not at hand: no more than needed
            )
            self._need(end)
