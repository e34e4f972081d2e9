"""Whether two versions were measured with the same data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.text.escape import quote_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gitmodel.domain.yaml.reader import Value

_SHOWN = 20  # characters of a digest


def data_changes(
    before: Iterable[Mapping[str, Value]], after: Iterable[Mapping[str, Value]]
) -> tuple[str, ...]:
    """Say which data of the same name have other digests, a text each.

    Data without a digest are not compared.
    """
    known = _digests(before)
    return tuple(
        f"data {quote_text(name)} was {_short(known[name])}, and is {_short(digest)}"
        for name, digest in _digests(after).items()
        if name in known and known[name] != digest
    )


def _digests(data: Iterable[Mapping[str, Value]]) -> dict[str, str]:
    return {
        name: digest
        for item in data
        if isinstance(name := item.get("name"), str)
        and isinstance(digest := item.get("digest"), str)
    }


def _short(digest: str) -> str:
    return quote_text(digest[:_SHOWN])[1:-1]
