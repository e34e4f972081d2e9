"""Regular expressions that are compiled when they are first asked.

A program that runs in every commit must start fast: compiling the expressions of the modules that a
hook loads took a twentieth of its time, and it asks a handful of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast, overload

if TYPE_CHECKING:
    from re import Pattern


@overload
def lazy_compile(text: str, flags: int = 0) -> Pattern[str]: ...
@overload
def lazy_compile(text: bytes, flags: int = 0) -> Pattern[bytes]: ...
def lazy_compile(text: str | bytes, flags: int = 0) -> Pattern[Any]:
    """Return what `re.compile` would, to be compiled on first use."""
    return cast("Pattern[Any]", _LazyPattern(text, flags))


class _LazyPattern:
    """Has the attributes of the compiled expression; each is kept, so that asking again is as fast."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._given: tuple[Any, int] = (text, flags)

    def __getattr__(self, name: str) -> object:
        found = getattr(re.compile(*self._given), name)
        setattr(self, name, found)
        return found
