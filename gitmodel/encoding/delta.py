"""Deltas: the difference of a chunk to a base of the same length.

Both are read as little-endian whole numbers of 1, 2, 4 or 8 bytes (*lanes*) and subtracted without
carry from lane to lane. The difference is written *zigzag* (0, -1, 1, -2, ... as 0, 1, 2, 3, ...), so
that a small step in either direction leaves the high bytes zero. Floating-point numbers are ordered
like the whole numbers they look like, so a fine-tune's small steps are small here too: 11 to 14 %
less than XOR on bf16 and fp16, 3 % on fp32, 7 % on quantised blocks. The last bytes that fill no
lane are subtracted one by one, without zigzag.

One thing is guaranteed: `apply(difference(raw, base), base)` is `raw`, for any bytes of one length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gitmodel.encoding.planes import Numbers

LANES: Final = (1, 2, 4, 8)  # bytes a lane

# 1 MiB at a time. On two threads twice as fast as blocks that fit into a core's own cache: each block
# of each step takes the interpreter lock once.
_BLOCK: Final = 1 << 20


def difference(raw: Numbers, base: Numbers, lane: int) -> Numbers:
    """Return the difference of `raw` to `base`, both bytes (uint8) of one length.

    Args:
        raw: What is to be stored.
        base: What it is to be stored against.
        lane: 1, 2, 4 or 8 bytes.
    """
    import numpy as np

    whole = len(raw) // lane * lane
    result = np.empty(len(raw), np.uint8)
    numbers, bases, found = (part[:whole].view(f"<u{lane}") for part in (raw, base, result))
    step = _BLOCK // lane
    signs = np.empty(min(len(found), step), f"<i{lane}")
    for start in range(0, len(found), step):
        block = found[start : start + step]
        np.subtract(numbers[start : start + step], bases[start : start + step], out=block)
        sign = signs[: len(block)]
        np.right_shift(block.view(signs.dtype), 8 * lane - 1, out=sign)  # 0, or -1 below zero
        np.left_shift(block, 1, out=block)
        np.bitwise_xor(block, sign.view(block.dtype), out=block)
    np.subtract(raw[whole:], base[whole:], out=result[whole:])
    return result


def apply(found: Numbers, base: Numbers, lane: int) -> None:
    """Turn a difference (uint8) back into the bytes it was taken from, in place.

    Args:
        found: What `difference` returned, or any bytes.
        base: Bytes of the same length.
        lane: As for `difference`.
    """
    import numpy as np

    whole = len(found) // lane * lane
    numbers, bases = (part[:whole].view(f"<u{lane}") for part in (found, base))
    step = _BLOCK // lane
    signs = np.empty(min(len(numbers), step), numbers.dtype)
    for start in range(0, len(numbers), step):
        block = numbers[start : start + step]
        sign = signs[: len(block)]
        np.bitwise_and(block, 1, out=sign)
        np.negative(sign, out=sign)  # all bits set below zero
        np.right_shift(block, 1, out=block)
        np.bitwise_xor(block, sign, out=block)
        np.add(block, bases[start : start + step], out=block)
    np.add(found[whole:], base[whole:], out=found[whole:])
