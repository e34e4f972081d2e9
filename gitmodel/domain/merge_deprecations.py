"""Merges the deprecations of a model by version number: each entry is one whole side.

An entry that both sides changed in different ways is a conflict. The other entries are merged all the same, so
either end of the conflict has them. Unknown keys of the file are merged like entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

from gitmodel.domain.conflict_text import MARKER_SIZE, SIDES, between_markers, take_command
from gitmodel.domain.deprecations import Deprecation, Deprecations
from gitmodel.domain.reference import DEPRECATED
from gitmodel.errors import GitmodelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gitmodel.domain.conflict_text import Side
    from gitmodel.domain.yaml.reader import Value

_K = TypeVar("_K", bound=int | str)
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class MergedDeprecations:
    """The result of a merge."""

    ours: Deprecations  # the merged file, with our entry where both sides changed one
    theirs: Deprecations  # the merged file, with their entry there
    versions: tuple[int, ...] = ()  # whose entries are in conflict, sorted
    keys: tuple[str, ...] = ()  # unknown keys of the file that are in conflict, sorted

    def taking(self, side: Side) -> Deprecations:
        """Return the merged file with the entries of a side where both changed one."""
        return self.ours if side == "ours" else self.theirs

    @property
    def in_conflict(self) -> bool:
        """Whether both sides changed an entry in different ways."""
        return bool(self.versions or self.keys)

    @property
    def what(self) -> str:
        """The entries in conflict, in words: "version 3"."""
        parts = [f"version {number}" for number in self.versions]
        return ", ".join([*parts, *self.keys])


def merge_deprecations(
    base: Deprecations, ours: Deprecations, theirs: Deprecations
) -> MergedDeprecations:
    """Merge three files by version number; an absent file is an empty one."""
    versions = _merged(base.versions, ours.versions, theirs.versions, _entry_text)
    unknown = _merged(base.unknown, ours.unknown, theirs.unknown, _key_text)
    return MergedDeprecations(
        ours=Deprecations(versions[0], unknown[0]),
        theirs=Deprecations(versions[1], unknown[1]),
        versions=versions[2],
        keys=unknown[2],
    )


def merge_deprecation_texts(
    base: bytes,
    ours: bytes,
    theirs: bytes,
    *,
    name: str,
    words: Mapping[Side, str],
    marker_size: int = MARKER_SIZE,
) -> tuple[bytes, str]:
    """Return the merged text, and what is in conflict ("" if nothing is).

    The base is empty if both sides added the file; name and words are for the labels, as in
    `merge.conflict_text`. Markers enclose the lines that differ between the sides. If a side does not
    parse, or the merged file would be too large, they enclose the whole file.
    """
    labels = {
        side: f"{side}, {words[side]}; to take it: {take_command(side, name, DEPRECATED)}"
        for side in SIDES
    }
    try:
        merged = merge_deprecations(*(parse(text) for text in (base, ours, theirs)))
        one, other = (merged.taking(side).to_text() for side in SIDES)
    except GitmodelError:
        whole = between_markers(ours, theirs, labels, marker_size=marker_size)
        return whole, "the whole file"
    if not merged.in_conflict:
        return one.encode(), ""
    head, middle, tail = _split(one, other)
    between = between_markers(*middle, labels, marker_size=marker_size)
    return head + between + tail, merged.what


def parse(text: bytes) -> Deprecations:
    """Return the deprecations of a file; those of an empty or absent file are empty.

    Raises AliasError or NewerFormatError if the file does not parse.
    """
    return Deprecations.from_text(text, what="") if text else Deprecations()


def _split(one: str, other: str) -> tuple[bytes, tuple[bytes, bytes], bytes]:
    """The first lines that two texts have in common, the lines between, and the last lines."""
    ours, theirs = one.splitlines(keepends=True), other.splitlines(keepends=True)
    head = _common(ours, theirs)
    ours, theirs = ours[len(head) :], theirs[len(head) :]
    tail = _common(ours[::-1], theirs[::-1])[::-1]
    ours, theirs = (lines[: len(lines) - len(tail)] for lines in (ours, theirs))
    return _encoded(head), (_encoded(ours), _encoded(theirs)), _encoded(tail)


def _common(ones: Sequence[str], others: Sequence[str]) -> list[str]:
    pairs = zip(ones, others, strict=False)
    return [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]


def _encoded(lines: Iterable[str]) -> bytes:
    return "".join(lines).encode()


def _merged(
    base: Mapping[_K, _V], ours: Mapping[_K, _V], theirs: Mapping[_K, _V], text: Callable[[_V], str]
) -> tuple[dict[_K, _V], dict[_K, _V], tuple[_K, ...]]:
    """Merge by key; returns the result with our values, with theirs, and the keys in conflict."""
    results: tuple[dict[_K, _V], dict[_K, _V]] = ({}, {})
    contested: list[_K] = []
    for key in sorted({*base, *ours, *theirs}, key=lambda key: (len(str(key)), str(key))):
        before, one, other = (
            text(side[key]) if key in side else None for side in (base, ours, theirs)
        )
        if one != other and before not in (one, other):
            contested.append(key)
            sides = (ours, theirs)
        else:
            sides = (theirs, theirs) if one == before else (ours, ours)
        for result, side in zip(results, sides, strict=True):
            if key in side:
                result[key] = side[key]
    return *results, tuple(contested)


def _entry_text(entry: Deprecation) -> str:
    # Compared as text, because NaN in an unknown key does not equal itself.
    return Deprecations({1: entry}).to_text()


def _key_text(value: Value) -> str:
    return Deprecations({}, {"key": value}).to_text()
