"""Names of files at the doors of the Python interface: UTF-8 inside, the locale's outside.

Inside gitmodel the name of a file is what its bytes say in UTF-8, as in Git and in pointers. A caller's
Python may have begun under another locale: there the same bytes are other text. What comes in and what
goes out is turned here; where the locale is UTF-8, as nearly everywhere, nothing is done.
"""

from __future__ import annotations

import os
import sys

IS_UTF8 = sys.getfilesystemencoding() == "utf-8"


def given(path: str | os.PathLike[str]) -> str:
    """A path that the caller has, as gitmodel knows it.

    Text that is no file in the caller's locale stays as it is: it was typed, and meant in Unicode.
    """
    text = os.fspath(path)
    if IS_UTF8:
        return text
    try:
        raw = os.fsencode(text)
    except UnicodeEncodeError:
        return text
    name = raw.decode("utf-8", "surrogateescape")
    typed = text.encode("utf-8", "surrogateescape")
    return text if not os.path.lexists(raw) and os.path.lexists(typed) else name


def given_inside(path: str) -> str:
    """A path inside a version, which need not be on disk: text of the caller's locale, or typed in Unicode."""
    if IS_UTF8:
        return path
    try:
        return os.fsencode(path).decode()
    except UnicodeError:
        return path


def native(path: str) -> str:
    """A path that gitmodel knows, as the caller's Python opens it."""
    return path if IS_UTF8 else os.fsdecode(path.encode("utf-8", "surrogateescape"))
