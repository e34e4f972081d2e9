"""The canonical order of keys in pointers and alias files, and comparison of their values.

Guarantee: equal values give equal lines, for any order of keys and any type of mapping or sequence. A value
that YAML cannot express raises TextError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, cast

from gitmodel.domain.yaml.reader import MAX_DEPTH, block, entry
from gitmodel.errors import PointerError, TextError

if TYPE_CHECKING:
    from gitmodel.domain.yaml.reader import Value, Writable

UNWRITABLE_HINT = "record it as text or as a number, or leave it out"

# The first keys of some mappings; other keys follow in sorted order.
_FIRST = {
    "previous": ("version", "digest"),
    "metrics_from": ("path", "digest"),
    "run": ("url", "system", "experiment"),
    "format": ("type", "tensors", "parameters", "dtypes"),
    "data": ("name", "uri", "digest"),
}


def file_body(known: Mapping[str, Writable], unknown: Mapping[str, Value]) -> str:
    """Return the lines of the known keys that have a value, in order, then those of the unknown, sorted.

    Raises PointerError, which names the key, if a value cannot be written.
    """
    lines: list[str] = []
    for name, value in known.items():
        if value is not None:
            lines += _key_lines(name, value)
    for name in sorted(unknown):
        lines += _key_lines(name, unknown[name], blocks=True)
    return "\n".join(lines) + "\n"


def _key_lines(name: str, value: Writable, *, blocks: bool = False) -> list[str]:
    """The lines of one key; metrics and params have one line each."""
    try:
        if name in {"metrics", "params"} or blocks:
            return block({name: _sort_value(value)})
        return [entry(name, _sort_value(value, _FIRST.get(name, ())))]
    except TextError as error:
        message = f"the new pointer: {name} cannot be recorded: {error.message}"
        raise PointerError(message, hint=UNWRITABLE_HINT) from error


def sort_keys(mapping: Mapping[str, Value]) -> dict[str, Value]:
    """Sort the keys of nested mappings.

    Raises TextError if a key is not a string, or a value is nested too deeply.
    """
    return cast("dict[str, Value]", _sort_value(mapping))


def _sort_value(value: Writable, first: tuple[str, ...] = (), depth: int = 0) -> Writable:
    if depth > MAX_DEPTH:  # a list may contain itself
        raise TextError(f"more than {MAX_DEPTH} levels of nesting cannot be written")
    if type(value) in {str, float, int, bool}:  # fast for the most frequent types
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TextError("a key that is not a string cannot be written")
        ranks = {name: rank for rank, name in enumerate(first)}
        names = sorted(value, key=lambda name: (ranks.get(name, len(first)), name))
        return {name: _sort_value(value[name], (), depth + 1) for name in names}
    if isinstance(value, list | tuple):
        return [_sort_value(item, first, depth + 1) for item in value]
    return value


def first_difference(one: object, other: object) -> str | None:
    """Return the first key with different values; NaN equals NaN, and a tuple equals a list."""
    names = _keys(one)
    pairs = ((name, getattr(one, name), getattr(other, name)) for name in names)
    return next((name for name, a, b in pairs if a != b and comparable(a) != comparable(b)), None)


def _keys(value: object) -> tuple[str, ...]:
    return tuple(value.__dataclass_fields__) if is_dataclass(value) else ()


def comparable(value: object) -> object:
    """Return a form of a value in which NaN equals NaN and a tuple equals a list."""
    if is_dataclass(value):
        return [comparable(getattr(value, name)) for name in _keys(value)]
    if isinstance(value, Mapping):
        return {name: comparable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(item) for item in value]
    return "nan" if value != value else value  # noqa: PLR0124  (only NaN differs from itself)
