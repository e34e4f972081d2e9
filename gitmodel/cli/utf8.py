"""File names are UTF-8 in every locale, so the program starts again where its Python reads them otherwise.

Git writes the names of files as bytes, and pointers hold them as UTF-8. Under a Latin-1 locale Python reads
`ü` as two letters, and one file would have another name in each locale. Its UTF-8 mode (PEP 540) ends
that. It can only be chosen at the start: hooks ask for it, and everything else comes by here.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

_OPTION = ["-X", "utf8"]


def start_again() -> None:
    """Replace this process by one in UTF-8 mode with the same arguments, once; returns if that fails.

    About 10 ms, and only where the locale is not UTF-8: Python takes C and POSIX for UTF-8 by itself.
    """
    words = sys.orig_argv[1:]
    if words[:2] == _OPTION or not sys.executable or getattr(sys, "frozen", False):
        return
    with suppress(OSError):
        os.execv(sys.executable, [sys.executable, *_OPTION, *words])  # noqa: S606  (itself)
