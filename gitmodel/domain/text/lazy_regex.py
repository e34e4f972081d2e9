"""Regular expressions that are compiled on first use.

Hooks run in every commit. Compiling all expressions of their modules took a twentieth of their time, and
they use only a few.
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
    """Return a pattern as `re.compile` does, compiled on first use."""
    return cast("Pattern[Any]", _LazyPattern(text, flags))


class _LazyPattern:
    """Forwards attributes of the compiled expression and caches them on itself."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._given: tuple[Any, int] = (text, flags)

    def __getattr__(self, name: str) -> object:
        found = getattr(re.compile(*self._given), name)
        setattr(self, name, found)
        return found
