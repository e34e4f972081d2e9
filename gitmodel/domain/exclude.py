"""Patterns of files that are left out of a model that is a folder: optimizer states, files of editors.

They stand in the pointer (`exclude`), so that every clone leaves out the same files. The grammar:

    *            any characters, also none, but `/`
    ?            any one character but `/`
    anything else stands for itself, upper and lower case apart
    no `/` in it matches files and folders of that name anywhere below the folder
    a `/` in it  matches that path below the folder, from its start
    a folder that matches is left out with all that is in it

Patterns of strangers are read too: they are few and short, and to match one takes time that grows with the
length of the pattern times that of the name, whatever is in them.
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
    """Return the patterns, each once, if all of them are.

    Raises:
        UsageError: One is none, or there are too many.
    """
    found = tuple(dict.fromkeys(patterns))
    for pattern in found:
        problem = _problem(pattern)
        if problem is not None:
            raise UsageError(f"{quote_text(pattern)} is no pattern: {problem}", hint=_HINT)
    if len(found) > MAX_PATTERNS:
        raise UsageError(
            f"{len(found)} patterns are too many, at most {MAX_PATTERNS} are kept",
            hint="name a folder instead of the files in it",
        )
    return found


def is_excluded(path: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether a file or folder is left out by itself; whether a folder above it is, is asked before.

    Args:
        path: The parts of its path below the folder of the model.
        patterns: As `check_patterns` returns them.
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
    """Whether a file is left out, by itself or with a folder above it."""
    return any(is_excluded(path[:count], patterns) for count in range(1, len(path) + 1))


def _problem(pattern: str) -> str | None:
    parts = pattern.split("/")
    checks: tuple[tuple[object, str], ...] = (
        (not pattern, "it is empty"),
        (len(pattern) > MAX_CHARACTERS, f"it is longer than {MAX_CHARACTERS} characters"),
        (not pattern.isprintable(), "it has control or invisible characters"),
        (pattern.startswith("/"), "it is absolute"),
        (pattern.endswith("/"), "it ends with a /, which a folder needs not"),
        ("\\" in pattern, "it has a backslash"),
        (pattern.startswith("!"), "a ! does not take files back"),
        ("**" in pattern, "** means no more than *"),
        (set(parts) & {"", ".", ".."}, "it leaves its folder"),
    )
    return next((reason for wrong, reason in checks if wrong), None)


def _matches(pattern: str, name: str) -> bool:
    return _compile(pattern).fullmatch(name) is not None


@lru_cache(maxsize=2 * MAX_PATTERNS)
def _compile(pattern: str) -> re.Pattern[str]:
    """An expression that never goes back behind a star that has been passed, so that it ends in time."""
    first, *rest = re.sub(r"\*+", "*", pattern).split("*")
    text = _literal(first)
    if rest:
        *between, last = rest
        text += "".join(f"(?>.*?{_literal(piece)})" for piece in between) + f".*{_literal(last)}"
    return re.compile(text, re.DOTALL)


def _literal(piece: str) -> str:
    return "".join("." if letter == "?" else re.escape(letter) for letter in piece)
