"""The payload of codecs that split a chunk into byte planes and compress each one separately.

The weights of a layer have similar exponents and dissimilar mantissas, so planes of exponents compress
well and planes of mantissas hardly. A payload is

    stored size of each plane, u32 x width | the planes' stored bytes | tail

Numbers are little endian. With raw size R a plane has R // width bytes. A plane is stored raw if its
stored size equals that, otherwise as a zstd frame. The tail is the last R % width bytes. Against a base,
the planes are those of the difference (`kernels`); the bytes of the tail are subtracted one by one,
without zigzag.

A plane of a difference with few non-zero bytes may be *sparse*:

    entries, u32, at most an eighth of the plane's bytes | stored size of each column, u32 x 3 | columns

The columns are those of `kernels.gather`, stored like planes. The magic number of a zstd frame exceeds
any number of entries, so the two forms are distinct. An entry takes 13 bits; zstd takes 22, and six
times as long.

Guarantee: sizes are checked before decompression, and decoding allocates no more than the chunk and its
planes.
"""

from __future__ import annotations

import struct
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.encoding.codecs import kernels
from gitmodel.encoding.codecs.zstd import (
    ZSTD_MAGIC,
    ByteBuffer,
    CompressionLevel,
    compress,
    decompress,
)
from gitmodel.errors import DamagedObjectError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_RATIO: Final = 0.97  # a plane that shrinks by less than 3 % is stored raw
_SPARSE_DIVISOR: Final = 8  # a sparse plane has at most one entry in 8 bytes


class Payload(NamedTuple):
    """The stored bytes of a chunk, to be concatenated."""

    parts: tuple[ByteBuffer, ...]
    has_sparse: bool  # at least one plane is sparse


def encode_planes(
    raw: ByteBuffer,
    width: int,
    levels: Sequence[CompressionLevel | None],
    base: ByteBuffer | None = None,
) -> Payload:
    """Return the payload of these bytes, which `decode_planes` decodes.

    An element has 1 to 16 bytes; with a base, which has the length of `raw`, one of `kernels.LANES`. Each
    plane is compressed with its level; None stores it raw. Planes of the difference may be sparse.
    """
    whole = len(raw) // width * width
    planes = kernels.split(raw[:whole], width, None if base is None else base[:whole])
    stored: list[ByteBuffer] = []
    has_sparse = False
    for plane, level in zip(planes, levels, strict=True):
        sparse = None if base is None or level is None else _encode_sparse(plane)
        has_sparse |= sparse is not None
        stored.append(_compress_plane(plane, level) if sparse is None else sparse)
    tail = bytes(raw[whole:])
    if base is not None:
        tail = bytes((mine - other) % 256 for mine, other in zip(tail, base[whole:], strict=True))
    return Payload((_sizes(stored), *stored, tail), has_sparse)


def _compress_plane(plane: ByteBuffer, level: CompressionLevel | None) -> ByteBuffer:
    if level is None:
        return plane
    frame = compress(plane, level)
    return frame if len(frame) < _MAX_RATIO * len(plane) else plane


def _encode_sparse(plane: ByteBuffer) -> bytes | None:
    """Return the sparse form of a plane; None unless its non-zero bytes are few and scattered.

    zstd encodes adjacent non-zero bytes, such as changed rows of a tensor, in less space.
    """
    columns = kernels.gather(plane, len(plane) // _SPARSE_DIVISOR)
    if columns is None or not columns[0]:
        return None
    stored = [_compress_plane(column, CompressionLevel.ENTROPY) for column in columns]
    sparse = b"".join((struct.pack("<I", len(columns[0])), _sizes(stored), *stored))
    return sparse if len(sparse) < _MAX_RATIO * len(plane) else None


def _sizes(stored: Sequence[ByteBuffer]) -> bytes:
    return struct.pack(f"<{len(stored)}I", *map(len, stored))


class Planes(NamedTuple):
    """The decompressed planes of a payload."""

    planes: tuple[ByteBuffer, ...]
    tail: ByteBuffer

    @property
    def size(self) -> int:
        """Bytes of the chunk."""
        return sum(map(len, self.planes)) + len(self.tail)

    def join(self, raw: memoryview, base: ByteBuffer | Planes | None = None) -> None:
        """Fill `raw` with the chunk's bytes; with a base, the planes are a difference to it."""
        whole = len(raw) - len(self.tail)
        if isinstance(base, Planes) and len(base.planes) != len(self.planes):
            base = base.joined()
        under: ByteBuffer
        body: ByteBuffer | tuple[ByteBuffer, ...] | None
        if base is None:
            body, under = None, bytes(len(self.tail))
        elif isinstance(base, Planes):
            body, under = base
        else:
            body, under = base[:whole], base[whole:]
        kernels.join(self.planes, raw[:whole], body)
        tail = zip(self.tail, under, strict=True)
        raw[whole:] = bytes((step + other) % 256 for step, other in tail)

    def joined(self) -> memoryview:
        """Return the chunk's bytes."""
        raw = kernels.allocate(self.size)
        self.join(raw)
        return raw


def read_planes(
    payload: ByteBuffer, *, width: int, raw_size: int, may_be_sparse: bool = False
) -> Planes:
    """Decompress the planes of an untrusted payload of a chunk of `raw_size` bytes.

    `may_be_sparse` says whether the codec allows sparse planes. Raises DamagedObjectError if the payload is
    invalid, or not of a chunk of this size.
    """
    count, rest = divmod(raw_size, width)
    view = memoryview(payload)
    body = len(view) - rest
    stored = _split_columns(view[: max(body, 0)], width, count)
    planes = [
        _decode_sparse(part, count)
        if may_be_sparse and _is_sparse(part, count)
        else _decode_plane(part, count)
        for part in stored
    ]
    return Planes(tuple(planes), view[body:])


def _split_columns(view: memoryview, width: int, count: int) -> list[memoryview]:
    """Split a view into the stored forms of columns of `count` bytes; their sizes come first."""
    head = 4 * width
    if len(view) < head:
        raise DamagedObjectError("a chunk ends inside the sizes of its planes")
    sizes = struct.unpack_from(f"<{width}I", view)
    if max(sizes) > count or head + sum(sizes) != len(view):
        raise DamagedObjectError("a chunk's planes do not add up to its size")
    return [view[start:end] for start, end in pairwise(accumulate(sizes, initial=head))]


def _decode_plane(stored: memoryview, count: int) -> ByteBuffer:
    return stored if len(stored) == count else decompress(stored, count)


def _is_sparse(stored: memoryview, count: int) -> bool:
    return len(stored) != count and bytes(stored[:4]) != ZSTD_MAGIC


def _decode_sparse(stored: memoryview, count: int) -> memoryview:
    found = int.from_bytes(stored[:4], "little")
    if found > count // _SPARSE_DIVISOR:
        raise DamagedObjectError("a chunk has a sparse plane of too many entries")
    low, high, values = (
        _decode_plane(column, found) for column in _split_columns(stored[4:], 3, found)
    )
    plane = kernels.allocate(count)
    try:
        kernels.scatter((low, high, values), plane)
    except ValueError as error:
        raise DamagedObjectError("a chunk has a sparse plane with entries outside") from error
    return plane


def decode_planes(
    payload: ByteBuffer,
    *,
    width: int,
    raw: memoryview,
    base: ByteBuffer | Planes | None = None,
    may_be_sparse: bool = False,
) -> None:
    """Fill `raw`, which is as long as the chunk, with what an untrusted payload decodes to.

    The base is its bytes or its planes. Raises DamagedObjectError if the payload is invalid, or not of a
    chunk of this size.
    """
    planes = read_planes(payload, width=width, raw_size=len(raw), may_be_sparse=may_be_sparse)
    planes.join(raw, base)
