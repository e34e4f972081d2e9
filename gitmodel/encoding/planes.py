"""Byte planes: the bytes of many numbers, sorted by their place in the number.

The weights of a layer share their exponents and little else. Cut into *elements* of `width` bytes,
all first bytes together are one *plane*, all second bytes the next; the plane of the exponents
compresses well, those of the mantissa hardly, and each is stored as suits it. A payload is

    stored size of each plane, u32 x width | the planes' stored bytes | tail

Numbers are little endian. With raw size R a plane has R // width bytes; a stored size equal to that
means the plane as it is, a smaller one a zstd frame of it. The tail is the last R % width bytes.

One thing is guaranteed: a payload that does not add up is refused before it is decompressed, and
reading one never holds more than the chunk and its planes.
"""

from __future__ import annotations

import struct
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, TypeAlias

from gitmodel.encoding.frames import Effort, Octets, compress, decompress
from gitmodel.errors import DamagedObjectError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np

    Numbers: TypeAlias = np.ndarray[tuple[int], np.dtype[Any]]

MAX_WIDTH: Final = 16  # bytes: a complex number of two doubles

_LANES: Final = (2, 4, 8)  # widths that are a type of number: split by shifts, not by strides
# Elements at a time. Twice as fast on two threads as blocks that fit into a core's own cache: each
# block of each step takes the interpreter lock once.
_BLOCK: Final = 1 << 18
_WORTHWHILE: Final = 0.97  # a plane that wins less than 3 % is stored as it is


def split_plane(raw: Numbers, width: int, plane: int, out: Numbers | None = None) -> Numbers:
    """Return one plane, counted from an element's first byte, as a contiguous array.

    Args:
        raw: Bytes (uint8).
        width: Bytes of an element.
        plane: From 0 to `width` - 1.
        out: Takes the plane (uint8, as long as there are elements); a new array if not given.
    """
    import numpy as np

    count = len(raw) // width
    found = np.empty(count, np.uint8) if out is None else out
    if width not in _LANES:
        found[:] = raw[plane : count * width : width]
        return found
    # Shifting whole numbers and keeping their lowest byte: 10 GB/s and more, strides 2 to 4.
    numbers = raw[: count * width].view(f"<u{width}")
    scratch = np.empty(min(count, _BLOCK) if plane else 0, numbers.dtype)
    for start in range(0, count, _BLOCK):
        block = numbers[start : start + _BLOCK]
        if plane:
            block = np.right_shift(block, 8 * plane, out=scratch[: len(block)])
        np.copyto(found[start : start + _BLOCK], block, casting="unsafe")
    return found


def join_planes(planes: Sequence[Octets], width: int, tail: Octets, raw: Numbers) -> None:
    """Fill `raw` (uint8) with the bytes whose planes and tail these are; undoes `split_plane`."""
    import numpy as np

    sources = [np.frombuffer(plane, np.uint8) for plane in planes]
    count = len(sources[0])
    raw[count * width :] = np.frombuffer(tail, np.uint8)
    if width in (2, 4):  # 18 and 9 GB/s; strides 4 whatever the width
        _join_numbers(sources, raw[: count * width].view(f"<u{width}"))
    else:
        for plane, source in enumerate(sources):
            raw[plane : count * width : width] = source


def to_payload(raw: Numbers, width: int, efforts: Sequence[Effort | None]) -> memoryview:
    """Return the payload of these bytes; `from_payload` reads it back.

    Args:
        raw: Bytes (uint8).
        width: Bytes of an element, 1 to 16.
        efforts: How to compress each plane; None stores it as it is, without trying.
    """
    import numpy as np

    count = len(raw) // width
    stored: list[bytes | None] = []
    for plane, effort in enumerate(efforts):
        frame = None
        if effort is not None:
            frame = compress(split_plane(raw, width, plane).data, effort)
        stored.append(frame if frame is not None and len(frame) < _WORTHWHILE * count else None)
    sizes = [count if frame is None else len(frame) for frame in stored]
    head = struct.pack(f"<{width}I", *sizes)
    tail = raw[count * width :]
    payload = np.empty(len(head) + sum(sizes) + len(tail), np.uint8)
    payload[: len(head)] = np.frombuffer(head, np.uint8)
    start = len(head)
    for plane, frame in enumerate(stored):
        room = payload[start : start + sizes[plane]]
        if frame is None:
            split_plane(raw, width, plane, room)
        else:
            room[:] = np.frombuffer(frame, np.uint8)
        start += sizes[plane]
    payload[start:] = tail
    return payload.data


def from_payload(payload: Octets, *, width: int, raw: Numbers) -> None:
    """Fill `raw` with the bytes of a payload.

    Args:
        payload: Trusted in no way.
        width: Bytes of an element, 1 to 16.
        raw: Takes the bytes (uint8); its length is theirs.

    Raises:
        DamagedObjectError: The payload does not hold planes of these sizes.
    """
    count, rest = divmod(len(raw), width)
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
    join_planes(planes, width, view[len(view) - rest :], raw)


def _join_numbers(planes: Sequence[Numbers], numbers: Numbers) -> None:
    """Fill `numbers` (u16 or u32) from the planes of their bytes, block by block.

    Numbers of four bytes are put together from two of two bytes: half as many passes over the wide
    ones. To multiply is faster than to shift, because numpy widens the bytes on the way.
    """
    import numpy as np

    halves = np.empty((2, min(len(numbers), _BLOCK) if len(planes) > 2 else 0), "<u2")
    for start in range(0, len(numbers), _BLOCK):
        block = numbers[start : start + _BLOCK]
        parts = [plane[start : start + _BLOCK] for plane in planes]
        if len(parts) > 2:
            low, high = halves[0, : len(block)], halves[1, : len(block)]
            _join_two(parts[0], parts[1], low)
            _join_two(parts[2], parts[3], high)
            parts = [low, high]
        _join_two(parts[0], parts[1], block)


def _join_two(low: Numbers, high: Numbers, out: Numbers) -> None:
    """Fill `out` with numbers of twice the width of `low` and `high`."""
    import numpy as np

    np.multiply(high, out.dtype.type(1 << 8 * low.itemsize), out=out, dtype=out.dtype)
    np.add(out, low, out=out)
