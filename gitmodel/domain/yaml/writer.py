r"""Canonical YAML: one way to write each value, read alike by YAML 1.1, YAML 1.2 and, nearly, JSON.

Strings are always quoted, nothing is folded, nothing invisible is written as such. The order of keys is the
caller's. Names of this module are used through `gitmodel.domain.yaml.reader`.

Guarantee: `text.parse` reads back what is written here, and equal values in equal order give equal text
on every version of Python, since no table of Unicode is consulted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import TextError

if TYPE_CHECKING:
    import re

Writable: TypeAlias = (
    "str | int | float | bool | Sequence[Writable] | Mapping[str, Writable] | None"
)
"""What can be written: any sequence and mapping, read back as list and dict."""

MAX_DEPTH = 8
# Python needs quadratic time for long integers and refuses more than 4300 digits; nobody counts so far.
INTEGER_LIMIT = 10**100
# YAML looks no further than 1024 characters for the colon after a key on one line; an escape takes ten.
_MAX_KEY = 1000
SHORT_KEY = 99

# Written as escapes: controls, every space but the common one, and all that is invisible or turns the
# direction of text. A fixed table, because what `str.isprintable` says changes with Python's Unicode
# version, and the same state must give the same bytes everywhere.
_ESCAPED = lazy_compile(
    '[\x00-\x1f"\\\\\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f'
    "\u2028-\u202f\u205f-\u206f\u3000\u3164\ud800-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_BARE_KEY = lazy_compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
# Bare, these would be keys of another type to other readers of YAML 1.1 and 1.2.
_KEYWORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def quoted(text: str) -> str:
    r"""Write a string as one double-quoted line in which nothing is invisible.

    Controls, unusual spaces, zero-width and bidirectional characters become escapes; `parse` reads back the same string.

    Raises:
        TextError: The string has half a surrogate pair (a file name that is not UTF-8).
    """
    return f'"{_ESCAPED.sub(_escape, text)}"'


def scalar(value: str | float | bool | None) -> str:
    """Write one scalar: strings quoted, numbers so that YAML 1.1 and 1.2 both read them as numbers.

    Raises:
        TextError: Half a surrogate pair, an integer of more than 100 digits, or a value of another type.
    """
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if not -INTEGER_LIMIT < value < INTEGER_LIMIT:
            raise TextError("an integer of more than 100 digits cannot be written")
        return int.__repr__(value)
    if not isinstance(value, float):
        raise unwritable(value)
    return _float_text(value)


def unwritable(value: object) -> TextError:
    """Make the error for a value of a type that YAML has no form for."""
    return TextError(f"a value of the type {type(value).__name__} cannot be written")


def flow(value: Writable) -> str:
    """Write a value on one line: `{a: 1, b: ["x", null]}`; the order of keys is kept.

    Raises:
        TextError: It cannot be written (see `scalar`), or is nested more deeply than is read.
    """
    return _flow(value, 1)


def block(mapping: Mapping[str, Writable], indent: int = 0) -> list[str]:
    """Write a mapping as lines `key: value` without line ends; the order of keys is kept.

    Mappings inside become indented lines, lists and empty mappings one line each.

    Args:
        mapping: What to write.
        indent: Spaces before each line; two a level.

    Raises:
        TextError: It cannot be written (see `scalar`), or is nested more deeply than is read.
    """
    lines: list[str] = []
    for name, value in mapping.items():
        if isinstance(value, Mapping) and value:
            _bounded(indent // 2 + 2)
            lines.append(f"{' ' * indent}{key(name)}:")
            lines += block(value, indent + 2)
        else:
            lines.append(entry(name, value, indent))
    return lines


def entry(name: str, value: Writable, indent: int = 0) -> str:
    """Write one line `key: value` without line end, mappings in flow style.

    Raises:
        TextError: It cannot be written (see `scalar`), or is nested more deeply than is read.
    """
    return f"{' ' * indent}{key(name)}: {_flow(value, indent // 2 + 2)}"


def key(name: str) -> str:
    """Write a key: bare where every reader takes it for the same string, else quoted.

    Raises:
        TextError: It is longer than YAML allows on one line, or no string.
    """
    if not isinstance(cast("object", name), str):
        raise TextError(f"a key of the type {type(name).__name__} cannot be written")
    bare = _BARE_KEY.fullmatch(name) and name.lower() not in _KEYWORDS
    written = name if bare else quoted(name)
    if not fits_as_key(name):
        raise TextError(f"a key of {len(name)} characters cannot be written")
    return written


def fits_as_key(name: str) -> bool:
    """Say whether `key` can write it, so that what is read can be written again."""
    return len(name) <= SHORT_KEY or len(quoted(name)) <= _MAX_KEY


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if short := _SHORT_ESCAPES.get(character):
        return short
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        raise TextError("half a surrogate pair cannot be written: the text is not UTF-8")
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _float_text(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    # Not repr(): NumPy's float64 is a float whose repr is "np.float64(0.5)".
    text = float.__repr__(value)
    mantissa, exponent, power = text.partition("e")
    # 2e-05 is a string to readers of YAML 1.1, 2.0e-05 a number to all.
    return text if not exponent or "." in mantissa else f"{mantissa}.0e{power}"


def _bounded(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise TextError(f"more than {MAX_DEPTH} levels of nesting cannot be written")


def _flow(value: Writable, depth: int) -> str:
    if isinstance(value, Mapping):
        _bounded(depth)
        inner = [f"{key(name)}: {_flow(item, depth + 1)}" for name, item in value.items()]
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        if isinstance(value, bytes | bytearray | memoryview):
            raise unwritable(value)
        _bounded(depth)
        return f"[{', '.join([_flow(item, depth + 1) for item in value])}]"
    return scalar(value)
