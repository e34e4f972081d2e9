"""One version as a row that an expression of `list --where` is evaluated on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.query.fields import find_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gitmodel.domain.deprecations import Deprecation
    from gitmodel.domain.query.expression import Field
    from gitmodel.domain.query.fields import Values
    from gitmodel.git.history.walk import Change
    from gitmodel.project.search.facts import PointerFacts


class VersionRow(NamedTuple):
    """A version, where it was found, and what belongs to it."""

    facts: PointerFacts
    pointer_path: str  # relative to the top of the tree
    aliases: Sequence[str] = ()  # that mean this version
    deprecation: Deprecation | None = None
    registered: Change | None = None  # None for a version that is not committed, or not asked for

    def values(self, field: Field) -> Values:
        """Return the values of a field of the language."""
        return _READERS[field.name](self, field)


def _text(value: str | None) -> Values:
    return () if value is None else (value,)


def _author(row: VersionRow, _field: Field) -> Values:
    """The whole author, the name and the address: each can be compared with."""
    if row.registered is None:
        return ()
    author = row.registered.author
    name, bracket, address = author.rpartition(" <")
    return (author, name, address.removesuffix(">")) if bracket else (author,)


def _data(row: VersionRow, field: Field) -> Values:
    return tuple(value for one in row.facts.data for value in find_key(one, field.key))


_READERS: Mapping[str, Callable[[VersionRow, Field], Values]] = {
    "name": lambda row, _: (row.facts.name,),
    "version": lambda row, _: (row.facts.version,),
    "size": lambda row, _: (row.facts.size,),
    "run_id": lambda row, _: _text(row.facts.run_id),
    "license": lambda row, _: _text(row.facts.license),
    "tag": lambda row, _: tuple(row.facts.tags),
    "alias": lambda row, _: tuple(row.aliases),
    "by": _author,
    "at": lambda row, _: () if row.registered is None else (row.registered.when,),
    "deprecated": lambda row, _: (row.deprecation is not None,),
    "base": lambda row, _: _text(row.facts.base),
    "code": lambda row, _: find_key(row.facts.format, ("code",)),
    "metrics": lambda row, field: find_key(row.facts.metrics, field.key),
    "params": lambda row, field: find_key(row.facts.params, field.key),
    "format": lambda row, field: find_key(row.facts.format, field.key),
    "data": _data,
    "run": lambda row, field: find_key(row.facts.run, field.key),
}
