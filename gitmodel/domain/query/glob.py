"""Patterns of `~`: `*` for any characters, `?` for one, `[a-z]` and `[!a-z]` for one of some.

The whole text must match; upper and lower case differ, and `*` also matches `/`. A `[` without `]` is itself.

Guarantee: the time is at most proportional to the product of the lengths of pattern and text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def matcher(pattern: str) -> Callable[[str], bool]:
    """A function that says whether a text matches."""
    first, *others = _between_stars(pattern)
    if not others:
        expression = first
    else:
        # An atomic group is not entered again, so what follows cannot make the search start over.
        middle = "".join(f"(?>.*?{part})" for part in others[:-1] if part)
        expression = f"{first}{middle}.*{others[-1]}"
    compiled = re.compile(expression, re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None


def _between_stars(pattern: str) -> list[str]:
    """Regular expressions of fixed length for what lies between stars."""
    parts = [""]
    at = 0
    while at < len(pattern):
        one = pattern[at]
        at += 1
        if one == "*":
            parts.append("")
        elif one == "?":
            parts[-1] += "."
        elif one == "[" and (end := _end_of_class(pattern, at)) >= 0:
            parts[-1] += _class(pattern[at:end])
            at = end + 1
        else:
            parts[-1] += re.escape(one)
    return parts


def _end_of_class(pattern: str, start: int) -> int:
    """The index of the closing bracket, -1 if there is none; one that comes first is a character."""
    begin = start + 1 if pattern[start : start + 1] == "!" else start
    return pattern.find("]", begin + 1)


def _class(body: str) -> str:
    """The regular expression of a class; a range that is reversed has no characters."""
    is_negated = body.startswith("!")
    body = body[1:] if is_negated else body
    items = ""
    at = 0
    while at < len(body):
        if at + 2 < len(body) and body[at + 1] == "-":
            low, high = body[at], body[at + 2]
            items += f"{re.escape(low)}-{re.escape(high)}" if low <= high else ""
            at += 3
        else:
            items += re.escape(body[at])
            at += 1
    if not items:
        return "." if is_negated else "(?!)"
    return f"[{'^' if is_negated else ''}{items}]"
