"""Merges an alias that both sides changed: the result is one whole side, or a conflict.

A side that does not parse, or that belongs to another path because Git followed a rename, is never taken:
Git would let `production` mean what the other branch moved `staging` to. *Words* of an alias are `why`,
`forced`, `imported` and unknown keys.

Guarantee: `decide_alias` never mixes two sides, and decides the same if the sides are swapped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias, split_alias_path
from gitmodel.domain.conflict_text import (
    MARKER_SIZE,
    SIDES,
    between_markers,
    describe_version,
    label,
    take_command,
)
from gitmodel.domain.pointer import ALIAS_SUFFIX, POINTER_SUFFIX
from gitmodel.errors import AliasError, GitmodelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.conflict_text import Side


@dataclass(frozen=True, slots=True)
class AliasDecision:
    """The result of a merge of the file at a path; the aliases may be of another path."""

    path: str
    ours: Alias | None  # None if it is invalid
    theirs: Alias | None  # None if it is invalid
    taken: Side | None  # None for a conflict

    def alias(self, side: Side) -> Alias | None:
        """Return the alias of a side."""
        return self.ours if side == "ours" else self.theirs

    @property
    def reference(self) -> tuple[str, str]:
        """The model and the alias that the path stands for."""
        return named_by(self.path, (self.ours, self.theirs))


def decide_alias(base: bytes, ours: bytes, theirs: bytes, path: str) -> AliasDecision:
    """Choose the side to take by the first matching row.

    | ours                         | theirs              | taken                          |
    | ---------------------------- | ------------------- | ------------------------------ |
    | invalid, or of another path  | any                 | conflict                       |
    | any                          | invalid, or ...     | conflict                       |
    | any                          | = base              | ours                           |
    | = base                       | any                 | theirs                         |
    | version and digest as theirs | as ours             | the side with more words       |
    | other                        | other               | conflict                       |

    The side with more words has more of the keys; of equally many, the longer text; of equally long ones, the
    greater text. If only one side moved the alias and the other changed its words, that is a conflict too:
    the words may say why it did not move. The base is empty if both sides added the alias.
    """
    our_alias, their_alias = parsed_anywhere(ours, path), parsed_anywhere(theirs, path)
    taken: Side | None = None
    if our_alias is not None and their_alias is not None:
        start = parsed_anywhere(base, path)
        if fits(our_alias, path) and fits(their_alias, path):
            taken = _decide_fitting(our_alias, their_alias, start)
    return AliasDecision(path, our_alias, their_alias, taken)


def _decide_fitting(ours: Alias, theirs: Alias, base: Alias | None) -> Side | None:
    start = None if base is None else base.body()
    if theirs.body() in (ours.body(), start):  # compared as text, because NaN does not equal itself
        return "ours"
    if ours.body() == start:
        return "theirs"
    if not ours.means(theirs):
        return None
    return "ours" if _words(ours) > _words(theirs) else "theirs"


def _words(alias: Alias) -> tuple[int, int, str]:
    """Greater for the side with more words; equal only for equal texts."""
    words = (alias.why, alias.forced, alias.imported, *alias.unknown.values())
    body = alias.body()
    return sum(word is not None for word in words), len(body), body


def parsed_anywhere(raw: bytes, path: str) -> Alias | None:
    """Return the alias of a text, also one that belongs to another path; None if it is invalid."""
    try:
        return Alias.from_text(raw, path, anywhere=True)
    except GitmodelError:
        return None


def fits(alias: Alias, path: str) -> bool:
    """Whether name and alias fit the path of a file."""
    stem, word = _stem_and_word(path)
    return (alias.name.rpartition("/")[2], alias.alias) == (stem, word)


def named_by(path: str, sides: tuple[Alias | None, ...]) -> tuple[str, str]:
    """Return the model and the alias that a path stands for: as a side that fits it, else as the path says."""
    stem, word = _stem_and_word(path)
    names = [side.name for side in sides if side is not None and fits(side, path)]
    return (names[0] if names else stem), word


def alias_conflict_text(
    decision: AliasDecision,
    ours: bytes,
    theirs: bytes,
    *,
    words: Mapping[Side, str],
    marker_size: int = MARKER_SIZE,
) -> bytes:
    """Return both sides between Git's conflict markers, as `merge.conflict_text` does."""
    name, word = decision.reference
    labels = {
        side: label(
            side,
            words=words[side],
            about=describe_alias(decision.alias(side), decision.path),
            command=take_command(side, name, word),
        )
        for side in SIDES
    }
    return between_markers(ours, theirs, labels, marker_size=marker_size)


def describe_alias(alias: Alias | None, path: str) -> str:
    """Describe a side in one line: version, digest and metrics, and the alias if the path is another's."""
    if alias is None:
        return "an invalid alias"
    what = describe_version(alias)
    return what if fits(alias, path) else f"{alias}, {what}"


def _stem_and_word(path: str) -> tuple[str, str]:
    """The last part of the model's name and the alias, as the path says; "" for what it does not say."""
    try:
        pointer, word = split_alias_path(path)
    except AliasError:
        return path.rpartition("/")[2].removesuffix(ALIAS_SUFFIX), ""
    return pointer.rpartition("/")[2].removesuffix(POINTER_SUFFIX), word
