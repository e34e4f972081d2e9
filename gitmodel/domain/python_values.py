"""Converts values of numpy, torch, decimals, dates and enums to builtin types that a pointer can store.

Values are recognised by their methods, so none of these libraries is imported.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Any

_MAX_DEPTH = 8


def to_builtin(value: object, depth: int = 0) -> object:
    """Return a value as builtin types if possible, else the value itself."""
    if depth > _MAX_DEPTH:
        return value
    if isinstance(value, Enum):
        return to_builtin(value.value, depth + 1)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {_name(name): to_builtin(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple | range | AbstractSet):
        items = sorted(value, key=str) if isinstance(value, AbstractSet) else value
        return [to_builtin(item, depth + 1) for item in items]
    return _scalar(value, depth)


def _name(name: object) -> str:
    return str.__str__(name) if isinstance(name, str) else str(to_builtin(name, _MAX_DEPTH))


def _scalar(value: Any, depth: int) -> object:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    for method in ("item", "tolist"):  # numpy and torch: a scalar or an array
        if callable(getattr(value, method, None)):
            try:
                return to_builtin(getattr(value, method)(), depth + 1)
            except (TypeError, ValueError, RuntimeError):  # item() of an array
                continue
    for method in ("isoformat", "__fspath__", "__float__"):  # dates, paths, decimals
        if callable(getattr(value, method, None)):
            try:
                return to_builtin(getattr(value, method)(), depth + 1)
            except (TypeError, ValueError, ArithmeticError):
                continue
    return value
