"""Parses a `--sort` key and orders rows by it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from gitmodel.domain.query.evaluate import decimal_of
from gitmodel.domain.query.fields import read_field
from gitmodel.domain.query.scanner import Scanner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.domain.query.evaluate import Row
    from gitmodel.domain.query.expression import Field

Rank: TypeAlias = "tuple[int, Decimal, str]"
RowType = TypeVar("RowType", bound="Row")


@dataclass(frozen=True, slots=True)
class SortKey:
    """A field to sort by, in ascending order or `-FIELD`, descending."""

    field: Field
    descending: bool

    def __str__(self) -> str:
        return f"{'-' if self.descending else ''}{self.field}"


def parse_sort_key(source: str, *, what: str = "--sort") -> SortKey:
    """Parse FIELD or -FIELD. Raises QueryError with the column."""
    scanner = Scanner(source, what=what)
    scanner.skip_space()
    descending = scanner.next == "-"
    scanner.index += descending
    field = read_field(scanner)
    scanner.skip_space()
    if scanner.next:
        raise scanner.error("a key to sort by is one field", hint="write FIELD or -FIELD")
    return SortKey(field, descending)


def sort_rows(rows: Iterable[RowType], key: SortKey) -> list[RowType]:
    """Sort rows; those of equal values keep their order, and absent and NaN come last in both directions.

    False comes before true, booleans before numbers, numbers before texts. Of several values the least counts.
    """
    ranked: list[tuple[Rank, RowType]] = []
    last: list[RowType] = []
    for row in rows:
        ranks = [rank for value in row.values(key.field) if (rank := _rank(value)) is not None]
        if ranks:
            ranked.append((min(ranks), row))
        else:
            last.append(row)
    ranked.sort(key=lambda pair: pair[0], reverse=key.descending)
    return [*(row for _, row in ranked), *last]


_ZERO = Decimal(0)


def _rank(value: float | str | bool) -> Rank | None:
    """What orders values of all types; None for NaN."""
    if isinstance(value, bool):
        return 0, Decimal(value), ""
    if isinstance(value, str):
        return 2, _ZERO, value
    number = decimal_of(value)
    return None if number is None else (1, number, "")
