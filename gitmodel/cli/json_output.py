"""Reports as JSON: what scripts read, so names and units are those of the report dataclasses."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from gitmodel.domain.digest import Digest
from gitmodel.errors import GitmodelError


def document(value: object) -> str:
    """A value as one JSON document in ASCII, which no terminal misreads, with a final newline."""
    return json.dumps(plain(value), indent=2, allow_nan=False) + "\n"


def plain(value: object) -> object:
    """What JSON can hold of a report: dataclasses and named tuples become objects, errors their parts.

    Numbers that JSON has not (`NaN`, `Infinity`) become strings, as in protobuf's mapping to JSON.
    """
    if value is None or isinstance(value, str | int | float):
        return _plain_scalar(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: plain(getattr(value, name)) for name in value._fields}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _plain_object(value)


def _plain_object(value: object) -> object:
    if isinstance(value, GitmodelError):
        return {
            "error": type(value).__name__,
            "model": value.model,
            "message": value.message,
            "hint": value.hint,
        }
    if isinstance(value, Digest):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return str(value)


def _plain_scalar(value: str | float | None) -> str | int | float | None:
    if isinstance(value, str):
        return str(value)  # a StrEnum is its value
    if value is None or isinstance(value, bool):
        return value
    if value != value:  # noqa: PLR0124  (NaN is what differs from itself)
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return value
