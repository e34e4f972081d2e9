"""Names and values of a run of W&B, from the JSON that its records hold.

Nested mappings become names with dots. Keys that begin with `_` are the SDK's own (`_step`, `_runtime`),
and a mapping with `_type` is an image, a table or a histogram; both are left out.

Guarantee: JSON that does not parse is left out, and so are values nested too deeply, with a name of more than
1,000 characters, or with text that is not Unicode.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from gitmodel.errors import TrackerError
from gitmodel.trackers.wandb.records import REMOVED

if TYPE_CHECKING:
    from collections.abc import Mapping

from gitmodel.trackers.wandb.records import Path

_MAX_DEPTH: Final = 32
_MAX_NAME: Final = (
    1_000  # characters; without a limit, a long name would be repeated for each value below
)
_MAX_VALUES: Final = 10_000
_MAX_DIGITS: Final = 1_000  # of an integer


def nested_values(items: Mapping[Path, bytes]) -> dict[str, Any]:
    """Return the values as one mapping of mappings, later ones over earlier ones."""
    root: dict[str, Any] = {}
    for path, raw in items.items():
        try:
            value = None if raw == REMOVED else json.loads(raw, parse_int=_integer)
        except (ValueError, RecursionError):
            continue
        inner = root
        for part in path[:-1]:
            below = inner.get(part)
            if not isinstance(below, dict):
                below = inner[part] = {}
            inner = below
        if raw == REMOVED:
            inner.pop(path[-1], None)
        else:
            inner[path[-1]] = value
    return root


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("an integer of too many digits")
    return int(digits)


def flat_values(nested: Mapping[str, Any], *, lists: bool) -> dict[str, object]:
    """Return the values by names with dots.

    Args:
        nested: Mappings of values and mappings.
        lists: Take lists and nulls as values; without it they are left out, as for metrics.

    Raises:
        TrackerError: There are too many.
    """
    found: dict[str, object] = {}
    own = {name: value for name, value in nested.items() if not name.startswith("_")}
    _flatten(own, "", 1, found, lists=lists)
    return found


def _flatten(
    mapping: Mapping[str, Any], prefix: str, depth: int, found: dict[str, object], *, lists: bool
) -> None:
    if "_type" in mapping or depth > _MAX_DEPTH:
        return
    for part, value in mapping.items():
        name = f"{prefix}{part}"
        if len(name) > _MAX_NAME:
            continue
        if isinstance(value, dict):
            _flatten(value, f"{name}.", depth + 1, found, lists=lists)
        elif _is_value(name, value, lists=lists):
            found[name] = value
    if len(found) > _MAX_VALUES:
        raise TrackerError(f"a run has more than {_MAX_VALUES:,} values")


def _is_value(name: str, value: object, *, lists: bool) -> bool:
    """Return whether a value is kept; JSON can hold surrogates on their own, which are no text."""
    listed = value is None or isinstance(value, list)
    try:
        name.encode()
        if isinstance(value, str):
            value.encode()
        elif listed:
            json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return lists or not listed
