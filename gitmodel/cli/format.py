"""Texts for people: sizes, counts and values."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def size_text(size: int) -> str:
    """A number of bytes for people, in decimal units with one digit: `90.9 MB`."""
    if size < 1000:
        return f"{size} B"
    power = 1
    # What would round to 1000.0 is 1.0 of the next unit.
    while size >= 999.95 * 1000**power and power < len(_UNITS):
        power += 1
    return f"{size / 1000**power:.1f} {_UNITS[power - 1]}"


def count_text(count: int, what: str) -> str:
    """A number of things: `1 pack`, `2 packs`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def values_text(values: Mapping[str, object], *, most: int | None = None) -> str:
    """Metrics or params on a line: `auc=0.931 logloss=0.174`; if more than `most`, how many besides."""
    names = list(values)[:most]
    parts = [f"{name}={values[name]}" for name in names]
    left = len(values) - len(names)
    return " ".join([*parts, f"+{left}"] if left else parts)


def columns(text: str) -> int:
    """How many columns of a terminal a printable text takes: 2 for wide characters, 0 for accents."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )
