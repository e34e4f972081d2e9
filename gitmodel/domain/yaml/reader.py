r"""Reads a safe subset of YAML from untrusted files: pointers, metrics and configurations.

PyYAML's loaders are not safe for them: 616 bytes of merge keys take three seconds, an alias bomb of 341
bytes fills the memory when it is written again, the C loader crashes on 100,000 brackets, and a duplicate
key silently wins. Only PyYAML's *events* are used, and everything outside the subset is refused before
any value is built:

    accepted   one document, a mapping at its root; block and flow style; comments; all quotes
    refused    anchors, aliases, tags, merge keys, directives, a second document, duplicate keys,
               mappings or lists as keys, control characters, a byte order mark, nesting beyond 8
    scalars    YAML 1.2 core for plain ones: `null ~ true false`, `7 -7 0x1f 0o17`, `0.5 2e-5 .inf`;
               `no`, `017`, `12:30`, dates, numbers out of range and quoted scalars are strings

Guarantee: `parse(block(x)) == x` for every mapping that can be written. Equal values give equal text on
every version of Python, because no Unicode table is used.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

from gitmodel.domain.text import MAX_TEXT_BYTES
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.domain.yaml import fast_reader
from gitmodel.domain.yaml.fast_reader import Value
from gitmodel.domain.yaml.writer import (
    INTEGER_LIMIT,
    MAX_DEPTH,
    Writable,
    block,
    entry,
    fits_as_key,
    flow,
    key,
    quoted,
    scalar,
)
from gitmodel.errors import TextError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "INTEGER_LIMIT",
    "MAX_DEPTH",
    "Value",
    "Writable",
    "block",
    "decode",
    "entry",
    "flow",
    "key",
    "parse",
    "parse_decoded",
    "quoted",
    "resolve_scalar",
    "scalar",
]

_HINT = "correct that line; gitmodel reads a safe subset of YAML"
_REFUSED = lazy_compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\r(?!\n)"
)
_SURROGATE = lazy_compile("[\ud800-\udfff]")

_CONSTANTS: Mapping[str, float | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
    ".nan": math.nan, ".NaN": math.nan, ".NAN": math.nan,
    **{f"{sign}{word}": math.inf for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **{f"-{word}": -math.inf for word in (".inf", ".Inf", ".INF")},
}  # fmt: skip
# A leading zero makes a string: YAML 1.1 reads 017 as 15, YAML 1.2 as 17.
_INTEGER = lazy_compile(r"[-+]?(?:0|[1-9][0-9]{0,99})|0o[0-7]{1,99}|0x[0-9a-fA-F]{1,99}")
_FLOAT = lazy_compile(
    r"[-+]?(?:(?:\.[0-9]+|(?:0|[1-9][0-9]*)\.[0-9]*)(?:[eE][-+]?[0-9]+)?"
    r"|(?:0|[1-9][0-9]*)[eE][-+]?[0-9]+)"
)


def parse(raw: bytes, *, what: str, max_depth: int = MAX_DEPTH) -> dict[str, Value]:
    """Parse one document of the subset; an empty document is an empty mapping.

    The text is UTF-8 of at most 64 KiB with lines ended by LF or CRLF; the mapping at the root has depth 1.
    Raises TextError if it is outside the subset; the message begins with `what`, the file's path, and gives
    the line. Source: YAML 1.2.2, 10.3 (core schema).
    """
    return parse_decoded(decode(raw, what=what), what=what, max_depth=max_depth)


def parse_decoded(text: str, *, what: str, max_depth: int = MAX_DEPTH) -> dict[str, Value]:
    """Parse the result of `decode`, as `parse` does."""
    value = fast_reader.read(text, max_depth=max_depth)
    return value if value is not None else _read(text, what, max_depth, _parser_class())


def decode(raw: bytes, *, what: str, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """Decode a text file and check its length and characters; lines of the result end with LF.

    The file is UTF-8 with lines ended by LF or CRLF; `what`, its path, begins every message. Raises
    TextError if it is too long, not UTF-8, or contains control characters.
    """
    if len(raw) > max_bytes:
        raise TextError(
            f"{what}: the file has {len(raw)} bytes; the maximum is {max_bytes}",
            hint="keep large data in a separate file",
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise TextError(f"{what}: line {line}: not UTF-8", hint="save the file as UTF-8") from error
    # The fast test passes nearly every file; the expression then finds a refused character.
    if not text.replace("\n", "").isprintable() and (found := _REFUSED.search(text)):
        line = text.count("\n", 0, found.start()) + 1
        character = f"U+{ord(found[0]):04X}"
        raise TextError(
            f"{what}: line {line}: the character {character} is not accepted",
            hint="save the file as plain UTF-8 without a byte order mark or control characters",
        )
    return text.replace("\r\n", "\n")


def _parser_class() -> Callable[[str], Any]:
    import yaml  # takes 14 ms, and texts in canonical form do not need it

    if not yaml.__with_libyaml__:
        return yaml.SafeLoader
    from yaml.cyaml import CParser  # type: ignore[attr-defined]  # missing in the stubs

    parser_class: Callable[[str], Any] = CParser
    return parser_class


def _read(
    text: str, what: str, max_depth: int, parser_class: Callable[[str], Any]
) -> dict[str, Value]:
    import yaml

    try:
        return _EventReader(what, max_depth, parser_class(text).get_event).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        reason = getattr(error, "problem", None) or "not YAML"
        raise TextError(f"{what}: {where}{reason}", hint=_HINT) from error
    except (ValueError, OverflowError) as error:
        # Without libyaml an escape such as "\UFFFFFFFF" fails in chr().
        raise TextError(f"{what}: invalid escape", hint=_HINT) from error


class _EventReader:
    """Builds the values of one document from PyYAML's events."""

    __slots__ = ("_max_depth", "_next", "_what")

    def __init__(self, what: str, max_depth: int, next_event: Callable[[], Any]) -> None:
        self._what = what
        self._max_depth = max_depth
        self._next = next_event

    def document(self) -> dict[str, Value]:
        self._next()  # the start of the stream
        start = self._next()
        if type(start).__name__ == "StreamEndEvent":
            return {}
        if start.version or start.tags:
            self._refuse(start, "directives are not accepted")
        root = self._next()
        value = self._value(root, 1)
        if value is None and root.style in {None, ""} and root.value == "":
            value = {}  # `---` and nothing else
        if not isinstance(value, dict):
            self._refuse(root, "the file must be a mapping, lines of `key: value`")
        self._next()  # the end of the document
        following = self._next()
        if type(following).__name__ != "StreamEndEvent":
            self._refuse(following, "a second document is not accepted")
        return value

    def _value(self, event: Any, depth: int) -> Value:
        kind = type(event).__name__
        if kind == "AliasEvent":
            self._refuse(event, "aliases (*name) are not accepted")
        if event.anchor is not None:
            self._refuse(event, "anchors (&name) are not accepted")
        if event.tag is not None:
            self._refuse(event, "tags (!name) are not accepted")
        if kind == "ScalarEvent":
            return self._scalar(event)
        if depth > self._max_depth:
            self._refuse(event, f"more than {self._max_depth} levels of nesting")
        return self._mapping(depth) if kind == "MappingStartEvent" else self._list(depth)

    def _scalar(self, event: Any) -> str | int | float | bool | None:
        text: str = event.value
        if _SURROGATE.search(text):
            self._refuse(event, "surrogates are not accepted")
        return text if event.style else resolve_scalar(text)

    def _mapping(self, depth: int) -> dict[str, Value]:
        result: dict[str, Value] = {}
        while type(event := self._next()).__name__ != "MappingEndEvent":
            if type(event).__name__ in {"MappingStartEvent", "SequenceStartEvent"}:
                self._refuse(event, "a mapping or list is not accepted as a key")
            self._value(event, depth)
            name: str = event.value
            if name == "<<" and not event.style:
                self._refuse(event, "merge keys (<<) are not accepted")
            if not fits_as_key(name):
                self._refuse(event, f"the key {quote_text(name)} is too long")
            if name in result:
                self._refuse(event, f"the key {quote_text(name)} occurs twice")
            result[name] = self._value(self._next(), depth + 1)
        return result

    def _list(self, depth: int) -> list[Value]:
        result: list[Value] = []
        while type(event := self._next()).__name__ != "SequenceEndEvent":
            result.append(self._value(event, depth + 1))
        return result

    def _refuse(self, event: Any, reason: str) -> NoReturn:
        line = event.start_mark.line + 1
        raise TextError(f"{self._what}: line {line}: {reason}", hint=_HINT)


def resolve_scalar(text: str) -> str | int | float | bool | None:
    """Convert a plain scalar by a subset of the YAML 1.2 core schema.

    Numbers with a leading zero, out of the range of a float (such as the run id `12e4567`), or of more than
    100 digits stay strings.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        # Base 0 reads 0o17, 0x1f and decimal numbers without a leading zero.
        number = int(text, 0)
        return number if -INTEGER_LIMIT < number < INTEGER_LIMIT else text
    if _FLOAT.fullmatch(text) and math.isfinite(value := float(text)):
        return value
    return text
