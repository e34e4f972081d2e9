"""Errors that show where in an expression something is wrong."""

from __future__ import annotations

import unicodedata

from gitmodel.domain.text.escape import printable
from gitmodel.errors import QueryError

_BEFORE = 48  # characters shown before the column
_AFTER = 24


def error_at(
    source: str, index: int, message: str, *, what: str, hint: str | None = None
) -> QueryError:
    """The error for the character at an index; `what`, the name of the option, begins the message."""
    return QueryError(
        f"{what}, column {index + 1}: {message}", hint=hint, excerpt=_excerpt(source, index)
    )


def _excerpt(source: str, index: int) -> tuple[str, str]:
    """The part of the source around an index, and a line with a caret below that character."""
    start = max(0, index - _BEFORE)
    line = printable(source[start : index + _AFTER])
    before = ("… " if start else "") + line[: index - start]
    shown = before + line[index - start :] + (" …" if index + _AFTER < len(source) else "")
    return shown, " " * sum(_columns(one) for one in before) + "^"


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
