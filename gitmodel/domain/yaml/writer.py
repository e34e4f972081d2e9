r"""Writes canonical YAML, which readers of YAML 1.1 and 1.2 understand in the same way.

Strings are always quoted, lines are never folded, and invisible characters are escaped. Keys keep their
order. Other modules import these names from `gitmodel.domain.yaml.reader`.

A value that cannot be written raises TextError: surrogates (file names that are not UTF-8), integers of more
than 100 digits, unsupported types, keys that are not strings or too long, and nesting beyond `MAX_DEPTH`.

Guarantee: `reader.parse` returns the written values. Equal values in equal order give equal text on every
version of Python, because no Unicode table is used.
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
"""Types that can be written. Sequences and mappings are read back as list and dict."""

MAX_DEPTH = 8
# Python takes quadratic time for long integers and refuses more than 4300 digits.
INTEGER_LIMIT = 10**100
# YAML limits a key on one line to 1024 characters; an escape takes ten.
_MAX_KEY = 1000
SHORT_KEY = 99

# Escaped characters: controls, all spaces except U+0020, and characters that are invisible or change the
# direction of text. The table is fixed, because `str.isprintable` depends on the version of Python.
_ESCAPED = lazy_compile(
    '[\x00-\x1f"\\\\\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f'
    "\u2028-\u202f\u205f-\u206f\u3000\u3164\ud800-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_BARE_KEY = lazy_compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
# Without quotes, some readers of YAML do not read these keys as strings.
_KEYWORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def quoted(text: str) -> str:
    r"""Return a string in double quotes on one line, with invisible characters escaped."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def scalar(value: str | float | bool | None) -> str:
    """Return one scalar: a quoted string, or a number that YAML 1.1 and 1.2 both read as a number."""
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
    """Return the error for a value of an unsupported type."""
    return TextError(f"a value of the type {type(value).__name__} cannot be written")


def flow(value: Writable) -> str:
    """Return a value in flow style on one line: `{a: 1, b: ["x", null]}`."""
    return _flow(value, 1)


def block(mapping: Mapping[str, Writable], indent: int = 0) -> list[str]:
    """Return a mapping in block style as lines without line ends, after `indent` spaces.

    Nested mappings are indented by two; lists and empty mappings have one line each.
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
    """Return one line `key: value` without line end, with mappings in flow style."""
    return f"{' ' * indent}{key(name)}: {_flow(value, indent // 2 + 2)}"


def key(name: str) -> str:
    """Return a key: bare if every reader reads it as the same string, else quoted."""
    if not isinstance(cast("object", name), str):
        raise TextError(f"a key of the type {type(name).__name__} cannot be written")
    bare = _BARE_KEY.fullmatch(name) and name.lower() not in _KEYWORDS
    written = name if bare else quoted(name)
    if not fits_as_key(name):
        raise TextError(f"a key of {len(name)} characters cannot be written")
    return written


def fits_as_key(name: str) -> bool:
    """Whether `key` can write this name."""
    return len(name) <= SHORT_KEY or len(quoted(name)) <= _MAX_KEY


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if short := _SHORT_ESCAPES.get(character):
        return short
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        raise TextError("a surrogate cannot be written: the text is not UTF-8")
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _float_text(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    # Not repr(): NumPy's float64 is a float with the repr "np.float64(0.5)".
    text = float.__repr__(value)
    mantissa, exponent, power = text.partition("e")
    # YAML 1.1 reads 2e-05 as a string, but 2.0e-05 as a number.
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
