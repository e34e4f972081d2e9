"""A fast reader for YAML as gitmodel writes it, without a library.

`list` may read ten thousand pointers, and importing PyYAML takes 14 ms. This reader supports only lines
`key: value` in canonical form, unquoted words, and lines of comments. For any other text (a comment after a value,
an escape, an unusual space, an error) it returns None, and `gitmodel.domain.yaml.reader` uses PyYAML.

Guarantee: the result is the same as with PyYAML; a property test compares them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from gitmodel.domain.text.lazy_regex import lazy_compile

if TYPE_CHECKING:
    import re

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"

# Longer keys may exceed YAML's limit for keys on one line.
_KEY = r'(?:([A-Za-z0-9_][A-Za-z0-9_.-]{0,98})|"([^"\\]{0,98})")'
_SCALAR = (
    r'"(?P<text>[^"\\]*)"'
    r"|(?P<float>-?(?:0|[1-9][0-9]{0,30})\.[0-9]{1,30}(?:e[-+][0-9]{1,3})?)"
    r"|(?P<int>-?(?:0|[1-9][0-9]{0,30}))"
    r"|(?P<word>true|false|null|\.nan)"
    r"|(?P<plain>[A-Za-z][A-Za-z0-9_-]*)"
)
_LINE = lazy_compile(rf"( *){_KEY}:(?: (?:{_SCALAR}|(?P<flow>[\[{{].*)))?")
_FLOW_KEY = lazy_compile(rf"{_KEY}: ")
_FLOW_SCALAR = lazy_compile(rf"(?:{_SCALAR})(?=[,\]}}])")
_WORDS: dict[str, bool | float | None] = {
    "true": True, "false": False, "null": None, ".nan": math.nan,
}  # fmt: skip


_CONSTANTS = frozenset({"true", "false", "null"})  # in any case; PyYAML decides which are constants


class _NotSimpleError(Exception):
    """The text needs PyYAML."""


def read(text: str, *, max_depth: int) -> dict[str, Value] | None:
    """Read a text in canonical form, decoded by `reader.decode`; None if it needs PyYAML.

    `max_depth` is the greatest nesting; the mapping at the root is 1.
    """
    try:
        return _Lines(max_depth).read(text)
    except _NotSimpleError:
        return None


class _Lines:
    """Reads the indented lines of one text."""

    __slots__ = ("_current", "_indent", "_max_depth", "_open", "_outer")

    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self._current: dict[str, Value] = {}
        self._indent = 0
        self._outer: list[tuple[int, dict[str, Value]]] = []
        # The key whose value is null or the mapping on the following lines.
        self._open: str | None = None

    def read(self, text: str) -> dict[str, Value]:
        root = self._current
        for line in text.split("\n"):
            if not line or line[0] == "#":
                continue
            found = _LINE.fullmatch(line)
            if found is None:
                if line.lstrip(" ").startswith("#"):
                    continue
                raise _NotSimpleError
            spaces, bare, in_quotes = found.group(1, 2, 3)
            if len(spaces) != self._indent or self._open is not None:
                self._move_to(len(spaces))
            name = in_quotes if bare is None else bare
            if name in self._current:
                raise _NotSimpleError
            if found.lastgroup is None:
                self._open = name
                self._current[name] = None
            elif found.lastgroup == "flow":
                self._current[name] = self._flow(found["flow"])
            else:
                self._current[name] = _scalar(found)
        return root

    def _move_to(self, indent: int) -> None:
        """Open or close mappings until the current one has this indentation."""
        if indent > self._indent:
            if self._open is None or len(self._outer) + 2 > self._max_depth:
                raise _NotSimpleError
            inner: dict[str, Value] = {}
            self._current[self._open] = inner
            self._outer.append((self._indent, self._current))
            self._indent, self._current = indent, inner
        while indent < self._indent:
            self._indent, self._current = self._outer.pop()
        if indent != self._indent:
            raise _NotSimpleError
        self._open = None

    def _flow(self, text: str) -> Value:
        value, end = _flow(text, 0, self._max_depth - len(self._outer) - 1)
        if end != len(text):
            raise _NotSimpleError
        return value


def _flow(text: str, start: int, levels: int) -> tuple[Value, int]:
    """Read a flow mapping, a flow list or a scalar; returns the value and its end."""
    if found := _FLOW_SCALAR.match(text, start):
        return _scalar(found), found.end()
    opening = text[start : start + 1]
    if levels < 1 or opening not in {"{", "["}:
        raise _NotSimpleError
    if opening == "{":
        return _flow_mapping(text, start + 1, levels)
    return _flow_list(text, start + 1, levels)


def _flow_mapping(text: str, at: int, levels: int) -> tuple[Value, int]:
    result: dict[str, Value] = {}
    if text.startswith("}", at):
        return result, at + 1
    while found := _FLOW_KEY.match(text, at):
        name = found[2] if found[1] is None else found[1]
        if name in result:
            break
        result[name], at = _flow(text, found.end(), levels - 1)
        if text.startswith("}", at):
            return result, at + 1
        if not text.startswith(", ", at):
            break
        at += 2
    raise _NotSimpleError


def _flow_list(text: str, at: int, levels: int) -> tuple[Value, int]:
    result: list[Value] = []
    if text.startswith("]", at):
        return result, at + 1
    while True:
        value, at = _flow(text, at, levels - 1)
        result.append(value)
        if text.startswith("]", at):
            return result, at + 1
        if not text.startswith(", ", at):
            raise _NotSimpleError
        at += 2


def _scalar(found: re.Match[str]) -> Value:
    kind = found.lastgroup
    if kind == "text":
        return found["text"]
    if kind == "int":
        return int(found["int"])
    if kind == "word":
        return _WORDS[found["word"]]
    if kind == "plain":
        if found["plain"].lower() in _CONSTANTS:
            raise _NotSimpleError
        return found["plain"]
    value = float(found["float"])
    if math.isinf(value):
        raise _NotSimpleError
    return value
