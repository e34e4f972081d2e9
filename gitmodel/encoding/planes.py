"""The payload of a chunk stored by byte planes, each as suits it.

The weights of a layer share their exponents and little else. Cut into elements of `width` bytes, the
plane of the exponents compresses well, those of the mantissa hardly. A payload is

    stored size of each plane, u32 x width | the planes' stored bytes | tail

Numbers are little endian. With raw size R a plane has R // width bytes; a stored size equal to that
means the plane as it is, a smaller one a zstd frame of it. The tail is the last R % width bytes.
Against a base, the planes are those of the difference (`kernels`), and the bytes of the tail are
subtracted one by one, without zigzag.

One thing is guaranteed: a payload that does not add up is refused before it is decompressed, and
reading one never holds more than the chunk and its planes.
"""

from __future__ import annotations

import struct
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from gitmodel.encoding import kernels
from gitmodel.encoding.frames import Effort, Octets, compress, decompress
from gitmodel.errors import DamagedObjectError

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORTHWHILE: Final = 0.97  # a plane that wins less than 3 % is stored as it is


def to_payload(
    raw: Octets, width: int, efforts: Sequence[Effort | None], base: Octets | None = None
) -> tuple[Octets, ...]:
    """Return the payload of these bytes, in parts; `from_payload` reads them back, put together.

    Args:
        raw: Bytes.
        width: Bytes of an element, 1 to 16; against a base one of `kernels.LANES`.
        efforts: How to compress each plane; None stores it as it is, without trying.
        base: Bytes of the same length.
    """
    whole = len(raw) // width * width
    parts: list[Octets] = []
    planes = kernels.split(raw[:whole], width, None if base is None else base[:whole])
    for plane, effort in zip(planes, efforts, strict=True):
        part: Octets = plane
        if effort is not None:
            frame = compress(plane, effort)
            part = frame if len(frame) < _WORTHWHILE * len(plane) else plane
        parts.append(part)
    head = struct.pack(f"<{width}I", *map(len, parts))
    tail = bytes(raw[whole:])
    if base is not None:
        tail = bytes((mine - other) % 256 for mine, other in zip(tail, base[whole:], strict=True))
    return (head, *parts, tail)


class Planes(NamedTuple):
    """What a payload holds, decompressed and not yet put together."""

    planes: tuple[Octets, ...]
    tail: Octets

    @property
    def size(self) -> int:
        """Bytes of the whole."""
        return sum(map(len, self.planes)) + len(self.tail)

    def join(self, raw: memoryview, base: Octets | Planes | None = None) -> None:
        """Fill `raw`, of this size, with the bytes themselves, or with what they are the difference of."""
        whole = len(raw) - len(self.tail)
        if isinstance(base, Planes) and len(base.planes) != len(self.planes):
            base = base.joined()
        under: Octets
        body: Octets | tuple[Octets, ...] | None
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
        raw = kernels.room(self.size)
        self.join(raw)
        return raw


def open_payload(payload: Octets, *, width: int, raw_size: int) -> Planes:
    """Return the planes in a payload.

    Args:
        payload: Trusted in no way.
        width: As for `to_payload`.
        raw_size: Bytes it must decode to.

    Raises:
        DamagedObjectError: The payload does not hold planes of these sizes.
    """
    count, rest = divmod(raw_size, width)
    head = 4 * width
    if len(payload) < head:
        raise DamagedObjectError("a chunk ends inside the sizes of its planes")
    sizes = struct.unpack_from(f"<{width}I", payload)
    if max(sizes) > count or head + sum(sizes) + rest != len(payload):
        raise DamagedObjectError("a chunk's planes do not add up to its size")
    view = memoryview(payload)
    ends = accumulate(sizes, initial=head)
    stored = [view[start:end] for start, end in pairwise(ends)]
    planes = [part if len(part) == count else decompress(part, count) for part in stored]
    return Planes(tuple(planes), view[len(view) - rest :])


def from_payload(
    payload: Octets, *, width: int, raw: memoryview, base: Octets | Planes | None = None
) -> None:
    """Fill `raw` with the bytes of a payload.

    Args:
        payload: Trusted in no way.
        width: As for `to_payload`.
        raw: Takes the bytes; its length is theirs.
        base: As for `to_payload`, or its planes.

    Raises:
        DamagedObjectError: The payload does not hold planes of these sizes.
    """
    open_payload(payload, width=width, raw_size=len(raw)).join(raw, base)
