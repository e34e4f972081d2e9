"""The payload of a chunk stored by byte planes, each as suits it.

The weights of a layer share their exponents and little else. Cut into elements of `width` bytes, the
plane of the exponents compresses well, those of the mantissa hardly. A payload is

    stored size of each plane, u32 x width | the planes' stored bytes | tail

Numbers are little endian. With raw size R a plane has R // width bytes; a stored size equal to that
means the plane as it is, a smaller one a zstd frame of it. The tail is the last R % width bytes.
Against a base, the planes are those of the difference (`kernels`), and the bytes of the tail are
subtracted one by one, without zigzag.

Of a difference that changes few numbers, a plane may also be *sparse*:

    entries, u32, at most an eighth of the plane's bytes | stored size of each column, u32 x 3 | columns

Columns are those of `kernels.gather`, stored as planes are. A zstd frame begins with a magic number,
which is no number of entries. So an entry takes 13 bits where zstd takes 22, and a sixth of its time.

One thing is guaranteed: a payload that does not add up is refused before it is decompressed, and
reading one never holds more than the chunk and its planes.
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

_WORTHWHILE: Final = 0.97  # a plane that wins less than 3 % is stored as it is
_SPARSE: Final = 8  # of so many bytes one at most is not zero


class Payload(NamedTuple):
    """What is stored of a chunk, in parts."""

    parts: tuple[ByteBuffer, ...]
    has_sparse: bool  # one of its planes is sparse


def to_payload(
    raw: ByteBuffer,
    width: int,
    efforts: Sequence[CompressionLevel | None],
    base: ByteBuffer | None = None,
) -> Payload:
    """Return the payload of these bytes; `from_payload` reads its parts back, put together.

    Args:
        raw: Bytes.
        width: Bytes of an element, 1 to 16; against a base one of `kernels.LANES`.
        efforts: How to compress each plane; None stores it as it is, without trying.
        base: Bytes of the same length; against one, planes may be sparse.
    """
    whole = len(raw) // width * width
    planes = kernels.split(raw[:whole], width, None if base is None else base[:whole])
    stored: list[ByteBuffer] = []
    has_sparse = False
    for plane, effort in zip(planes, efforts, strict=True):
        sparse = None if base is None or effort is None else _sparse(plane)
        has_sparse |= sparse is not None
        stored.append(_stored(plane, effort) if sparse is None else sparse)
    tail = bytes(raw[whole:])
    if base is not None:
        tail = bytes((mine - other) % 256 for mine, other in zip(tail, base[whole:], strict=True))
    return Payload((_sizes(stored), *stored, tail), has_sparse)


def _stored(plane: ByteBuffer, effort: CompressionLevel | None) -> ByteBuffer:
    """A plane as it is stored: compressed if that is worth it."""
    if effort is None:
        return plane
    frame = compress(plane, effort)
    return frame if len(frame) < _WORTHWHILE * len(plane) else plane


def _sparse(plane: ByteBuffer) -> bytes | None:
    """A plane as a sparse one, if most of it is zero, and what is not lies apart.

    Where whole rows of a tensor have changed, zstd takes less for where they are.
    """
    columns = kernels.gather(plane, len(plane) // _SPARSE)
    if columns is None or not columns[0]:
        return None
    stored = [_stored(column, CompressionLevel.ENTROPY) for column in columns]
    found = b"".join((struct.pack("<I", len(columns[0])), _sizes(stored), *stored))
    return found if len(found) < _WORTHWHILE * len(plane) else None


def _sizes(stored: Sequence[ByteBuffer]) -> bytes:
    return struct.pack(f"<{len(stored)}I", *map(len, stored))


class Planes(NamedTuple):
    """What a payload holds, decompressed and not yet put together."""

    planes: tuple[ByteBuffer, ...]
    tail: ByteBuffer

    @property
    def size(self) -> int:
        """Bytes of the whole."""
        return sum(map(len, self.planes)) + len(self.tail)

    def join(self, raw: memoryview, base: ByteBuffer | Planes | None = None) -> None:
        """Fill `raw`, of this size, with the bytes themselves, or with what they are the difference of."""
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
        """The bytes themselves."""
        raw = kernels.allocate(self.size)
        self.join(raw)
        return raw


def open_payload(
    payload: ByteBuffer, *, width: int, raw_size: int, may_be_sparse: bool = False
) -> Planes:
    """Return the planes in a payload.

    Args:
        payload: Trusted in no way.
        width: As for `to_payload`.
        raw_size: Bytes it must decode to.
        may_be_sparse: Whether planes of it may be.

    Raises:
        DamagedObjectError: The payload does not hold planes of these sizes.
    """
    count, rest = divmod(raw_size, width)
    view = memoryview(payload)
    body = len(view) - rest
    stored = _cut(view[: max(body, 0)], width, count)
    planes = [
        _unsparse(part, count) if may_be_sparse and _is_sparse(part, count) else _plane(part, count)
        for part in stored
    ]
    return Planes(tuple(planes), view[body:])


def _cut(view: memoryview, width: int, count: int) -> list[memoryview]:
    """The planes of `count` bytes as they are stored, behind their sizes, and nothing else."""
    head = 4 * width
    if len(view) < head:
        raise DamagedObjectError("a chunk ends inside the sizes of its planes")
    sizes = struct.unpack_from(f"<{width}I", view)
    if max(sizes) > count or head + sum(sizes) != len(view):
        raise DamagedObjectError("a chunk's planes do not add up to its size")
    return [view[start:end] for start, end in pairwise(accumulate(sizes, initial=head))]


def _plane(stored: memoryview, count: int) -> ByteBuffer:
    return stored if len(stored) == count else decompress(stored, count)


def _is_sparse(stored: memoryview, count: int) -> bool:
    return len(stored) != count and bytes(stored[:4]) != ZSTD_MAGIC


def _unsparse(stored: memoryview, count: int) -> memoryview:
    """The plane of `count` bytes that is stored as a sparse one."""
    found = int.from_bytes(stored[:4], "little")
    if found > count // _SPARSE:
        raise DamagedObjectError("a chunk has a sparse plane of too many entries")
    low, high, values = (_plane(column, found) for column in _cut(stored[4:], 3, found))
    plane = kernels.allocate(count)
    try:
        kernels.scatter((low, high, values), plane)
    except ValueError as error:
        raise DamagedObjectError("a chunk has a sparse plane with entries outside") from error
    return plane


def from_payload(
    payload: ByteBuffer,
    *,
    width: int,
    raw: memoryview,
    base: ByteBuffer | Planes | None = None,
    may_be_sparse: bool = False,
) -> None:
    """Fill `raw` with the bytes of a payload.

    Args:
        payload: Trusted in no way.
        width: As for `to_payload`.
        raw: Takes the bytes; its length is theirs.
        base: As for `to_payload`, or its planes.
        may_be_sparse: As for `open_payload`.

    Raises:
        DamagedObjectError: The payload does not hold planes of these sizes.
    """
    planes = open_payload(payload, width=width, raw_size=len(raw), may_be_sparse=may_be_sparse)
    planes.join(raw, base)
