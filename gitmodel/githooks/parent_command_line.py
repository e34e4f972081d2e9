"""The exact words with which another process was started.

Linux has them in /proc; macOS gives them by sysctl(3), KERN_PROCARGS2. `ps` joins words by blanks, so
that `commit -m "drop -a flag"` reads like `commit -a`: it is not asked. The way of macOS was written
from its documentation and never run there.
"""

from __future__ import annotations

import os
import struct
import sys

_LONGEST = 1 << 21  # bytes; as much as Linux takes
_CTL_KERN, _KERN_PROCARGS2 = 1, 49  # Source: sys/sysctl.h of macOS


def words_of(process: int) -> tuple[str, ...]:
    """The words of a process of ours; none where the system does not tell."""
    if sys.platform == "darwin":
        return read_procargs(_procargs(process))
    try:
        with open(f"/proc/{process}/cmdline", "rb") as stream:
            raw = stream.read(_LONGEST)
    except OSError:
        return ()
    return tuple(os.fsdecode(word) for word in raw.split(b"\0")[:-1])


def read_procargs(raw: bytes) -> tuple[str, ...]:
    """Take the answer of KERN_PROCARGS2 apart: the count, the path of the program, NULs, the words."""
    if len(raw) < 4:
        return ()
    (count,) = struct.unpack_from("=i", raw)
    _, _, rest = raw[4:].partition(b"\0")
    words = rest.lstrip(b"\0").split(b"\0")
    if not 0 < count < len(words):
        return ()
    return tuple(os.fsdecode(word) for word in words[:count])


def _procargs(process: int) -> bytes:
    import ctypes

    try:
        sysctl = ctypes.CDLL(None, use_errno=True).sysctl
    except (OSError, AttributeError):
        return b""
    name = (ctypes.c_int * 3)(_CTL_KERN, _KERN_PROCARGS2, process)
    buffer = ctypes.create_string_buffer(_LONGEST)
    size = ctypes.c_size_t(_LONGEST)
    if sysctl(name, 3, buffer, ctypes.byref(size), None, ctypes.c_size_t(0)):
        return b""
    return buffer.raw[: size.value]
