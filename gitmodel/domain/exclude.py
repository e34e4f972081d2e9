"""Patterns of files that are not part of a model folder, such as optimizer states and editor files.

The pointer stores them as `exclude`, so every clone excludes the same files. The grammar:

    *             any number of characters except `/`
    ?             any one character except `/`
    other         the character itself, case-sensitive
    without a `/` the pattern matches files and folders of that name at any depth
    with a `/`    the pattern matches a path relative to the model folder
    a matching folder is excluded with all its files

Pointers may come from strangers: patterns are few and short, and matching time is bounded by the product
of the lengths of pattern and name.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_PATTERNS = 32
MAX_CHARACTERS = 200

_HINT = "write it like *.swp or checkpoints/optimizer*, relative to the folder"


def check_patterns(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns without duplicates. Raises UsageError if one is invalid, or for too many."""
    unique = tuple(dict.fromkeys(patterns))
    for pattern in unique:
        problem = _problem(pattern)
        if problem is not None:
            raise UsageError(f"{quote_text(pattern)} is not a pattern: {problem}", hint=_HINT)
    if len(unique) > MAX_PATTERNS:
        raise UsageError(
            f"there are {len(unique)} patterns; the maximum is {MAX_PATTERNS}",
            hint="name a folder instead of the files in it",
        )
    return unique


def is_excluded(path: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether a file or folder matches a pattern; folders above it are not considered.

    The path is its parts, relative to the model folder; the patterns are as `check_patterns` returns them.
    """
    for pattern in patterns:
        wanted = pattern.split("/")
        if len(wanted) == 1:
            if _matches(pattern, path[-1]):
                return True
        elif len(wanted) == len(path) and all(map(_matches, wanted, path)):
            return True
    return False


def is_below_excluded(path: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether a file is excluded, by itself or with a folder above it."""
    return any(is_excluded(path[:count], patterns) for count in range(1, len(path) + 1))


def _problem(pattern: str) -> str | None:
    parts = pattern.split("/")
    checks: tuple[tuple[object, str], ...] = (
        (not pattern, "it is empty"),
        (len(pattern) > MAX_CHARACTERS, f"it is longer than {MAX_CHARACTERS} characters"),
        (not pattern.isprintable(), "it has control or invisible characters"),
        (pattern.startswith("/"), "it is absolute"),
        (pattern.endswith("/"), "it ends with a /; name a folder without it"),
        ("\\" in pattern, "it has a backslash"),
        (pattern.startswith("!"), "patterns cannot be negated with !"),
        ("**" in pattern, "** is not supported"),
        (set(parts) & {"", ".", ".."}, "it leaves its folder"),
    )
    return next((reason for wrong, reason in checks if wrong), None)


def _matches(pattern: str, name: str) -> bool:
    return _compile(pattern).fullmatch(name) is not None


@lru_cache(maxsize=2 * MAX_PATTERNS)
def _compile(pattern: str) -> re.Pattern[str]:
    """Compile a pattern with atomic groups: it never backtracks to an earlier star."""
    first, *rest = re.sub(r"\*+", "*", pattern).split("*")
    text = _literal(first)
    if rest:
        *between, last = rest
        text += "".join(f"(?>.*?{_literal(part)})" for part in between) + f".*{_literal(last)}"
    return re.compile(text, re.DOTALL)


def _literal(part: str) -> str:
    return "".join("." if letter == "?" else re.escape(letter) for letter in part)
