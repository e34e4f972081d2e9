"""Converts file names between the caller's locale and UTF-8, for the Python interface.

Inside gitmodel a file name is the UTF-8 text of its bytes, as in Git and in pointers. The caller's Python may
run under another locale, where the same bytes are other text. In a UTF-8 locale nothing is converted.
"""

from __future__ import annotations

import os
import sys

IS_UTF8 = sys.getfilesystemencoding() == "utf-8"


def given(path: str | os.PathLike[str]) -> str:
    """Convert a caller's path to gitmodel's.

    Text that names no file in the caller's locale is kept: it was typed in Unicode.
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
    """Convert a caller's path of a file in a version, which need not be on disk."""
    if IS_UTF8:
        return path
    try:
        return os.fsencode(path).decode()
    except UnicodeError:
        return path


def native(path: str) -> str:
    """Convert gitmodel's path to one that the caller's Python can open."""
    return path if IS_UTF8 else os.fsdecode(path.encode("utf-8", "surrogateescape"))
