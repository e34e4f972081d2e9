"""The kernels in numpy, for installations without the compiled extension.

Each step works on blocks of 512 KiB to 1 MiB and takes the interpreter lock once a block. On two
threads that is twice as fast as with blocks that fit into a core's cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from gitmodel.encoding.codecs.kernels import LANES, MAX_STEP, MAX_WIDTH

if TYPE_CHECKING:
    from typing import Any

    import numpy as np

    from gitmodel.encoding.codecs.zstd import ByteBuffer

    Numbers: TypeAlias = np.ndarray[tuple[int], np.dtype[Any]]

_BLOCK: Final = 1 << 18  # elements at a time


def split(raw: ByteBuffer, width: int, base: ByteBuffer | None, /) -> list[memoryview]:
    """Implement `kernels.split`."""
    import numpy as np

    _check(len(raw), width, base)
    octets = np.frombuffer(raw, np.uint8)
    if base is not None:
        octets = _difference(octets, np.frombuffer(base, np.uint8), width)
    return [_plane(octets, width, plane).data for plane in range(width)]


def join(
    planes: tuple[ByteBuffer, ...],
    raw: memoryview,
    base: ByteBuffer | tuple[ByteBuffer, ...] | None,
    /,
) -> None:
    """Implement `kernels.join`."""
    import numpy as np

    width = len(planes)
    if isinstance(base, tuple):
        if len(base) != width:
            raise ValueError(f"a base of {len(base)} planes, in lanes of {width}")
        parts, base = base, allocate(len(raw))
        join(parts, base, None)
    _check(len(raw), width, base)
    if any(len(plane) != len(raw) // width for plane in planes):
        raise ValueError(f"planes that are not of {len(raw) // width} bytes")
    sources = [np.frombuffer(plane, np.uint8) for plane in planes]
    octets = np.frombuffer(raw, np.uint8)
    if width in (2, 4):  # 18 and 9 GB/s; strided access: 4 for every width
        _join_numbers(sources, octets.view(f"<u{width}"))
    else:
        for plane, source in enumerate(sources):
            octets[plane::width] = source
    if base is not None:
        _add(octets, np.frombuffer(base, np.uint8), width)


def gather(plane: ByteBuffer, most: int, /) -> tuple[bytes, bytes, bytes] | None:
    """Implement `kernels.gather`."""
    import numpy as np

    if most < 0:
        raise ValueError(f"{most} entries at most")
    octets = np.frombuffer(plane, np.uint8)
    used = octets != 0
    ones = np.count_nonzero(used)
    if ones > most or np.count_nonzero(used[1:] & used[:-1]) > ones // 2:
        return None
    where = np.flatnonzero(used)
    steps = np.diff(where, prepend=0)
    extra = np.maximum(steps - 1, 0) // MAX_STEP  # entries without a value, for long distances
    last = np.cumsum(extra + 1) - 1
    count = len(where) + int(extra.sum())
    if count > most:
        return None
    entries = np.full(count, MAX_STEP, "<u2")
    entries[last] = steps - MAX_STEP * extra
    values = np.zeros(count, np.uint8)
    values[last] = octets[where]
    low, high = (entries & 0xFF).astype(np.uint8), (entries >> 8).astype(np.uint8)
    return low.tobytes(), high.tobytes(), values.tobytes()


def scatter(columns: tuple[ByteBuffer, ByteBuffer, ByteBuffer], plane: memoryview, /) -> None:
    """Implement `kernels.scatter`."""
    import numpy as np

    low, high, values = (np.frombuffer(column, np.uint8) for column in columns)
    if not len(low) == len(high) == len(values):
        raise ValueError("columns of different lengths")
    octets = np.frombuffer(plane, np.uint8)
    octets[:] = 0
    steps = low + high.astype(np.int64) * 256
    if np.any(steps[1:] == 0) or (len(steps) and steps.sum() >= len(octets)):
        raise ValueError("entries that do not fit into the plane")
    octets[np.cumsum(steps)] = values


def allocate(size: int, /) -> memoryview:
    """Implement `kernels.allocate`."""
    import numpy as np

    return np.empty(size, np.uint8).data


def _check(size: int, width: int, base: ByteBuffer | None) -> None:
    if not 1 <= width <= MAX_WIDTH or size % width:
        raise ValueError(f"{size} bytes are not elements of {width}")
    if base is not None and (len(base) != size or width not in LANES):
        raise ValueError(f"a base of {len(base)} bytes for {size}, in lanes of {width}")


def _plane(octets: Numbers, width: int, plane: int) -> Numbers:
    """The plane of the bytes at index `plane` of each element, as a contiguous array."""
    import numpy as np

    count = len(octets) // width
    if width not in LANES:
        return np.ascontiguousarray(octets[plane::width])
    # Shifting integers and keeping the lowest byte: 10 GB/s and more; strided access: 2 to 4.
    result = np.empty(count, np.uint8)
    numbers = octets.view(f"<u{width}")
    scratch = np.empty(min(count, _BLOCK) if plane else 0, numbers.dtype)
    for start in range(0, count, _BLOCK):
        block = numbers[start : start + _BLOCK]
        if plane:
            block = np.right_shift(block, 8 * plane, out=scratch[: len(block)])
        np.copyto(result[start : start + _BLOCK], block, casting="unsafe")
    return result


def _join_numbers(planes: list[Numbers], numbers: Numbers) -> None:
    """Fill `numbers` (u16 or u32) from the planes of their bytes, block by block.

    Four-byte numbers are joined from two-byte halves, with half as many passes over wide arrays.
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

    # Multiplication widens the bytes in the same pass; a shift needs another one.

    np.multiply(high, out.dtype.type(1 << 8 * low.itemsize), out=out, dtype=out.dtype)
    np.add(out, low, out=out)


def _difference(octets: Numbers, base: Numbers, lane: int) -> Numbers:
    """The zigzag difference of bytes to a base."""
    import numpy as np

    result = np.empty(len(octets), np.uint8)
    numbers, bases, differences = (part.view(f"<u{lane}") for part in (octets, base, result))
    signs = np.empty(min(len(differences), _BLOCK), f"<i{lane}")
    for start in range(0, len(differences), _BLOCK):
        block = differences[start : start + _BLOCK]
        np.subtract(numbers[start : start + _BLOCK], bases[start : start + _BLOCK], out=block)
        sign = signs[: len(block)]
        np.right_shift(block.view(signs.dtype), 8 * lane - 1, out=sign)  # 0, or -1 below zero
        np.left_shift(block, 1, out=block)
        np.bitwise_xor(block, sign.view(block.dtype), out=block)
    return result


def _add(octets: Numbers, base: Numbers, lane: int) -> None:
    """Add a base to its zigzag difference in place: the inverse of `_difference`."""
    import numpy as np

    numbers, bases = (part.view(f"<u{lane}") for part in (octets, base))
    signs = np.empty(min(len(numbers), _BLOCK), numbers.dtype)
    for start in range(0, len(numbers), _BLOCK):
        block = numbers[start : start + _BLOCK]
        sign = signs[: len(block)]
        np.bitwise_and(block, 1, out=sign)
        np.negative(sign, out=sign)  # all bits set below zero
        np.right_shift(block, 1, out=block)
        np.bitwise_xor(block, sign, out=block)
        np.add(block, bases[start : start + _BLOCK], out=block)
