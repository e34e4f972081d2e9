"""The one order in which the values of a pointer are written, and whether two say the same.

Used by pointers and aliases. Guarantee: equal values give equal lines, whatever the order of their keys and
whichever kind of mapping or sequence they are; what YAML has no form for is a TextError.
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

# Written first, in this order, wherever they occur in a mapping; other keys follow sorted.
_FIRST = {
    "previous": ("version", "digest"),
    "metrics_from": ("path", "digest"),
    "run": ("url", "system", "experiment"),
    "format": ("type", "tensors", "parameters", "dtypes"),
    "data": ("name", "uri", "digest"),
}


def key_lines(name: str, value: Writable, *, blocks: bool = False) -> list[str]:
    """Write one key with its value; metrics and params have one line each.

    Raises:
        PointerError: It cannot be written; the message names the key.
    """
    try:
        if name in {"metrics", "params"} or blocks:
            return block({name: _sort_value(value)})
        return [entry(name, _sort_value(value, _FIRST.get(name, ())))]
    except TextError as error:
        message = f"the new pointer: {name} cannot be recorded: {error.message}"
        raise PointerError(message, hint=UNWRITABLE_HINT) from error


def sort_keys(mapping: Mapping[str, Value], first: tuple[str, ...] = ()) -> dict[str, Value]:
    """Put the keys of a mapping, and of those in it, in the one order that is written: `first`, then sorted.

    Raises:
        TextError: A key is no string, or a value is nested too deeply.
    """
    return cast("dict[str, Value]", _sort_value(mapping, first))


def _sort_value(value: Writable, first: tuple[str, ...] = (), depth: int = 0) -> Writable:
    """Arrange what is inside a value too; `first` is for the mappings at its top."""
    if depth > MAX_DEPTH:  # without this a list that holds itself would never end
        raise TextError(f"more than {MAX_DEPTH} levels of nesting cannot be written")
    if type(value) in {str, float, int, bool}:  # nearly always, and an answer in no time
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TextError("a key that is no text cannot be written")
        ranks = {name: rank for rank, name in enumerate(first)}
        names = sorted(value, key=lambda name: (ranks.get(name, len(first)), name))
        return {name: _sort_value(value[name], (), depth + 1) for name in names}
    if isinstance(value, list | tuple):
        return [_sort_value(item, first, depth + 1) for item in value]
    return value


def first_difference(one: object, other: object) -> str | None:
    """Name the first key that says different things; NaN is NaN, and a tuple is a list."""
    names = _keys(one)
    pairs = ((name, getattr(one, name), getattr(other, name)) for name in names)
    return next((name for name, a, b in pairs if a != b and _comparable(a) != _comparable(b)), None)


def _keys(value: object) -> tuple[str, ...]:
    return tuple(value.__dataclass_fields__) if is_dataclass(value) else ()


def _comparable(value: object) -> object:
    """Give a value in a form in which equal ones compare equal."""
    if is_dataclass(value):
        return [_comparable(getattr(value, name)) for name in _keys(value)]
    if isinstance(value, Mapping):
        return {name: _comparable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_comparable(item) for item in value]
    return "nan" if value != value else value  # noqa: PLR0124  (only NaN differs from itself)
