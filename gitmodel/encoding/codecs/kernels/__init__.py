"""The work on every byte of weights: numbers to byte planes and back, alone or against a base.

Bytes are cut into *elements* of `width` bytes. All first bytes together are one *plane*, all second
bytes the next. Against a *base* of the same length both are read as little-endian whole numbers of
1, 2, 4 or 8 bytes (*lanes*) and subtracted without carry from lane to lane; planes are those of the
difference. It is written *zigzag* (0, -1, 1, -2, ... as 0, 1, 2, 3, ...), so that a small step in
either direction leaves the high bytes zero. Floating-point numbers are ordered like the whole numbers
they look like, so a fine-tune's small steps are small here too: 11 to 14 % less than XOR on bf16 and
fp16, 3 % on fp32, 7 % on quantised blocks.

There are two of everything: `compiled`, written in C, and `arrays`, in numpy, which serves where the
package was installed without a C compiler. They give the same bytes; the compiled one takes from a tenth
to, mostly, a half of the time, and no numpy has to be imported.

    split(raw, width, base) -> planes   `width` of them; the length of `raw` is a multiple of `width`
    join(planes, raw, base)             undoes it: fills `raw`, which shares no memory with the others;
                                        the base may also be given as a tuple of its planes
    gather(plane, most) -> columns      what is not zero in a plane: for each such byte how far behind the
                                        one before it lies, low byte and high byte, and its value; a longer
                                        way is several entries, the first with the value 0. None where
                                        that would be more than `most` entries, or where more than half
                                        of these bytes have another one right before
    scatter(columns, plane)             undoes it: fills `plane`
    allocate(size) -> memoryview        memory with anything in it, writable

One thing is guaranteed: lengths that do not fit each other are a ValueError before a byte is touched. So are
entries that lie nowhere in the plane, which then holds anything; no byte beside it is touched.
All may be called from several threads at once, and work without the interpreter lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitmodel.encoding.codecs.zstd import ByteBuffer

    Split = Callable[[ByteBuffer, int, ByteBuffer | None], Sequence[ByteBuffer]]
    Join = Callable[
        [tuple[ByteBuffer, ...], memoryview, ByteBuffer | tuple[ByteBuffer, ...] | None], None
    ]
    Columns = tuple[ByteBuffer, ByteBuffer, ByteBuffer]
    Gather = Callable[[ByteBuffer, int], Columns | None]
    Scatter = Callable[[Columns, memoryview], None]
    Room = Callable[[int], memoryview]

__all__ = [
    "COMPILED",
    "LANES",
    "MAX_STEP",
    "MAX_WIDTH",
    "allocate",
    "gather",
    "join",
    "scatter",
    "split",
]

MAX_WIDTH: Final = 16  # bytes of an element: a complex number of two doubles
LANES: Final = (1, 2, 4, 8)  # bytes of a number that has a difference
MAX_STEP: Final = 0xFFFF  # bytes from one that is not zero to the next, in one entry

_INTERFACE: Final = 2  # of `compiled`: one left over from another version is not used


def _chosen() -> tuple[bool, Split, Join, Gather, Scatter, Room]:
    try:
        from gitmodel.encoding.codecs.kernels import compiled
    except ImportError:  # not built
        pass
    else:
        if compiled.INTERFACE == _INTERFACE:
            return (
                True,
                compiled.split,
                compiled.join,
                compiled.gather,
                compiled.scatter,
                compiled.allocate,
            )
    from gitmodel.encoding.codecs.kernels import arrays

    return False, arrays.split, arrays.join, arrays.gather, arrays.scatter, arrays.allocate


COMPILED, split, join, gather, scatter, allocate = _chosen()
