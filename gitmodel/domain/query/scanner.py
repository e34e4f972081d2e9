r"""Reads words, texts and operators of an expression from left to right.

A *bare text* is what may follow an operator without quotes: everything up to a space, a parenthesis, a quote,
a comma or one of `=<>~`. In quotes, a backslash comes before a quote or a backslash that is part of the text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gitmodel.domain.query.errors import error_at
from gitmodel.domain.text.lazy_regex import lazy_compile

if TYPE_CHECKING:
    from gitmodel.errors import QueryError

MAX_CHARACTERS = 10_000

_SPACE = lazy_compile(r"\s*")
_NAME = lazy_compile(r"[\w-]+")
_OPERATOR = lazy_compile(r"[=<>!~&|]+")
_BARE = lazy_compile(r"""[^\s()"',=<>~!][^\s()"',=<>~]*""")
_QUOTED = lazy_compile(r'"((?:[^"\\]|\\.)*)"|' + r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE = lazy_compile(r"""\\(["'\\])""")


class Scanner:
    """A position in the source; `what`, the name of the option, begins every message."""

    __slots__ = ("index", "source", "what")

    def __init__(self, source: str, *, what: str) -> None:
        self.source = source
        self.what = what
        self.index = 0
        if len(source) > MAX_CHARACTERS:
            raise self.error(f"longer than {MAX_CHARACTERS:,} characters", at=MAX_CHARACTERS)

    def skip_space(self) -> None:
        """Move to the next character that is no space."""
        found = _SPACE.match(self.source, self.index)
        self.index = self.index if found is None else found.end()

    @property
    def next(self) -> str:
        """The character here, "" at the end."""
        return self.source[self.index : self.index + 1]

    def name(self) -> str:
        """Take a word or the part of a key; "" if there is none."""
        return self._take(_NAME)

    def peek_word(self) -> str:
        """The word after spaces in lower case, without taking it; "" if there is none."""
        self.skip_space()
        found = _NAME.match(self.source, self.index)
        return "" if found is None else found[0].lower()

    def operator(self) -> str:
        """Take a run of the characters of operators; "" if there is none."""
        return self._take(_OPERATOR)

    def bare(self) -> str:
        """Take a bare text; "" if there is none."""
        return self._take(_BARE)

    def quoted(self) -> str:
        """Take a text in quotes, of which the first is here. Raises QueryError if the last is missing."""
        found = _QUOTED.match(self.source, self.index)
        if found is None:
            raise self.error(f"the closing {self.next} is missing")
        self.index = found.end()
        return _ESCAPE.sub(r"\1", found[1] if found[2] is None else found[2])

    def error(self, message: str, *, at: int | None = None, hint: str | None = None) -> QueryError:
        """The error for this place, or for another one."""
        index = self.index if at is None else at
        return error_at(self.source, index, message, what=self.what, hint=hint)

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.source, self.index)
        if found is None:
            return ""
        self.index = found.end()
        return found[0]
