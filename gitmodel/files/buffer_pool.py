"""Pools of buffers for large blocks of data.

A fresh page costs more than decoding into it: 0.1 s a GiB on a machine with free memory, and 2 s a GiB on a
virtual machine that must ask its host for it (measured).
"""

from __future__ import annotations

import mmap
from contextlib import suppress

_LARGEST_BLOCK = 31 << 20  # bytes; glibc takes a threshold of 32 MiB at most
_TRIM_THRESHOLD = -1  # M_TRIM_THRESHOLD in malloc.h
_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD


class BufferPool:
    """A pool of buffers of `size` bytes, for several threads.

    A request for more gets a larger buffer, which is kept as well.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free: list[memoryview] = []
        keep_freed_blocks()

    def acquire(self, size: int) -> memoryview:
        """Return a buffer of `size` bytes or more; its content is undefined."""
        with suppress(IndexError):  # the pool is empty
            while True:
                buffer = self._free.pop()
                if len(buffer) >= size:
                    return buffer
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        return memoryview(mmap.mmap(-1, max(size, self._size), flags=private))

    def release(self, buffer: memoryview) -> None:
        """Return a buffer to the pool; nobody may read it afterwards."""
        self._free.append(buffer)


def keep_freed_blocks() -> None:
    """Have glibc reuse freed blocks of some MiB instead of returning them to the system.

    Source: mallopt(3). Other C libraries have no such call, and nothing changes there.
    """
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_BLOCK)
        mallopt(_TRIM_THRESHOLD, 2 * _LARGEST_BLOCK)
