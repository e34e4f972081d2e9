"""Which rows `gitmodel list` shows, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.query.evaluate import fields_of, predicate
from gitmodel.domain.query.parser import parse
from gitmodel.domain.query.sorting import parse_sort_key, sort_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.domain.query.expression import Expression
    from gitmodel.domain.query.sorting import SortKey
    from gitmodel.project.search.version_row import VersionRow


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows are listed, and in which order; None for all, and for the usual order."""

    where: Expression | None = None
    sort: SortKey | None = None

    @classmethod
    def parse(cls, where: str | None, sort: str | None) -> Query:
        """Parse the texts of the command line. Raises QueryError with the column."""
        return cls(
            None if where is None else parse(where),
            None if sort is None else parse_sort_key(sort),
        )

    def names(self, *fields: str) -> bool:
        """Whether the expression or the order reads one of these fields."""
        read = set() if self.where is None else fields_of(self.where)
        read |= set() if self.sort is None else {self.sort.field}
        return any(one.name in fields for one in read)

    def facts(self) -> set[str]:
        """The fields of pointers that are read or shown."""
        return (
            {"size", "path", "run_id", "license", "metrics", "format"}
            | {name for name in ("base", "params", "data", "run") if self.names(name)}
            | ({"tags"} if self.names("tag") else set())
        )

    def select(self, rows: Iterable[VersionRow]) -> list[VersionRow]:
        """The rows that match, sorted by name, newer versions first, then by the key."""
        chosen = list(rows if self.where is None else filter(predicate(self.where), rows))
        chosen.sort(key=lambda row: (row.facts.name, -row.facts.version))
        return chosen if self.sort is None else sort_rows(chosen, self.sort)
