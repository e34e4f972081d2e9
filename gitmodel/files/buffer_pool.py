"""Memory for large pieces of work, used again instead of given back.

A fresh page costs the system more than decoding what comes to lie in it: 0.1 s a GiB where the system
has it at hand, and 2 s a GiB on a virtual machine that must ask its host for it (measured).
"""

from __future__ import annotations

import mmap
from contextlib import suppress

# As large as a freed block may be to count in glibc. 31 MiB
_LARGEST_BLOCK = 31 << 20


class BufferPool:
    """A pool of buffers. Safe to use from several threads: each gets the one it gave last, or another.

    Args:
        size: Bytes of a buffer; a larger one is made for who needs it, and kept as well.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free: list[memoryview] = []
        keep_freed_blocks()

    def acquire(self, size: int) -> memoryview:
        """A buffer of `size` bytes or more, with anything in it."""
        with suppress(IndexError):  # there is none
            while True:
                buffer = self._free.pop()
                if len(buffer) >= size:
                    return buffer
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        return memoryview(mmap.mmap(-1, max(size, self._size), flags=private))

    def release(self, buffer: memoryview) -> None:
        """Give a buffer back: nobody looks into it any more."""
        self._free.append(buffer)


def keep_freed_blocks() -> None:
    """Have the C library keep freed blocks of some MiB for the next one that asks.

    glibc gives blocks back to the system from a threshold on, which is as large as the largest such
    block that was ever freed, 32 MiB at most; and it keeps up to twice that at hand. So one block is
    freed here. It is never touched (CPython takes zeroes from calloc), so it takes no memory. Other
    libraries do not mind. Source: mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
    """
    bytes(_LARGEST_BLOCK)
