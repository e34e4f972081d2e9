"""Merges a pointer that both sides changed: the result is one whole side, or a conflict.

*Ours*, *theirs* and *base* are Git's terms, in a rebase too. *Annotations* are description, license and
tags. The other keys describe the weights and belong together.

Guarantee: `decide` never mixes two sides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.domain.conflict_text import (
    MARKER_SIZE,
    SIDES,
    between_markers,
    describe_version,
    label,
    take_command,
)
from gitmodel.domain.pointer import Pointer
from gitmodel.errors import GitmodelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.conflict_text import Side

_ANNOTATIONS = ("description", "license", "tags")


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of a merge."""

    ours: Pointer | None  # None if it is invalid
    theirs: Pointer | None  # None if it is invalid
    taken: Side | None  # None for a conflict
    left_out: tuple[str, ...] = ()  # annotations that only the other side changed

    def pointer(self, side: Side) -> Pointer | None:
        """Return the pointer of a side."""
        return self.ours if side == "ours" else self.theirs

    @property
    def name(self) -> str:
        """The model's name, "" if both sides are invalid."""
        known = self.ours or self.theirs
        return known.name if known is not None else ""


def decide(base: bytes, ours: bytes, theirs: bytes) -> Decision:
    """Choose the side to take by the first matching row.

    | ours                           | theirs                         | taken          |
    | ------------------------------ | ------------------------------ | -------------- |
    | = theirs                       | = ours                         | ours           |
    | any                            | = base                         | ours           |
    | = base                         | any                            | theirs         |
    | invalid                        | any                            | conflict       |
    | any                            | invalid                        | conflict       |
    | differs by annotations         | annotations = base             | ours           |
    | annotations = base             | differs by annotations         | theirs         |
    | changed                        | only annotations changed       | ours           |
    | only annotations changed       | changed                        | theirs         |
    | changed                        | changed                        | conflict       |

    The base is empty if both sides added the pointer.
    """
    our_pointer, their_pointer = _parse_or_none(ours), _parse_or_none(theirs)
    if theirs in (ours, base):
        return Decision(our_pointer, their_pointer, "ours")
    if ours == base:
        return Decision(our_pointer, their_pointer, "theirs")
    if our_pointer is None or their_pointer is None:
        return Decision(our_pointer, their_pointer, None)
    return _decide_readable(our_pointer, their_pointer, _parse_or_none(base))


def _decide_readable(ours: Pointer, theirs: Pointer, base: Pointer | None) -> Decision:
    if _without_annotations(ours) == _without_annotations(theirs):
        return Decision(ours, theirs, _side_with_annotations(ours, theirs, base))
    if base is not None and _without_annotations(theirs) == _without_annotations(base):
        return Decision(ours, theirs, "ours", _changed_annotations(theirs, base))
    if base is not None and _without_annotations(ours) == _without_annotations(base):
        return Decision(ours, theirs, "theirs", _changed_annotations(ours, base))
    return Decision(ours, theirs, None)


def conflict_text(
    decision: Decision,
    ours: bytes,
    theirs: bytes,
    *,
    words: Mapping[Side, str],
    marker_size: int = MARKER_SIZE,
) -> bytes:
    """Return both sides between Git's conflict markers, labelled with the commands to resolve it.

    The words describe each side, such as "what is checked out"; a marker has at least seven characters.
    """
    labels = {
        side: label(
            side,
            words=words[side],
            about=describe(decision.pointer(side)),
            command=resolve_command(decision, side),
        )
        for side in SIDES
    }
    return between_markers(ours, theirs, labels, marker_size=marker_size)


def same_except_annotations(one: Pointer, other: Pointer) -> bool:
    """Whether two pointers differ at most in annotations."""
    return _without_annotations(one) == _without_annotations(other)


def describe(pointer: Pointer | None) -> str:
    """Describe a side in one line: version, digest and metrics."""
    return "an invalid pointer" if pointer is None else describe_version(pointer)


def resolve_command(decision: Decision, side: Side) -> str:
    """Return the command that takes one side."""
    pointer = decision.pointer(side)
    return take_command(side, decision.name if pointer is None else pointer.name)


def _side_with_annotations(ours: Pointer, theirs: Pointer, base: Pointer | None) -> Side | None:
    """The side that changed annotations; None if both did."""
    start = base or replace(ours, description=None, license=None, tags=())
    our_changes, their_changes = (
        _changed_annotations(ours, start),
        _changed_annotations(theirs, start),
    )
    if our_changes and their_changes:
        return None
    return "theirs" if their_changes else "ours"


def _changed_annotations(pointer: Pointer, base: Pointer) -> tuple[str, ...]:
    return tuple(n for n in _ANNOTATIONS if getattr(pointer, n) != getattr(base, n))


def _without_annotations(pointer: Pointer) -> str:
    # Compared as text, because NaN does not equal itself.
    return replace(pointer, description=None, license=None, tags=()).body()


def _parse_or_none(raw: bytes) -> Pointer | None:
    try:
        return Pointer.from_text(raw, what="")
    except GitmodelError:
        return None
