"""What becomes of a pointer that both sides of a merge changed: one side whole, or a conflict.

Words: *ours* is what is checked out, *theirs* what comes in, the *base* what both started from; so
Git names them, in a rebase too. *Annotations* are what people write about a model: description,
license and tags. Everything else says which weights these are and how good, and belongs together.

Guarantee: what `decide` takes is one side, byte for byte; nothing of the other one is in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from gitmodel.domain.conflict_markers import resolve_hint
from gitmodel.domain.pointer import Pointer
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import GitmodelError

if TYPE_CHECKING:
    from collections.abc import Mapping

Side = Literal["ours", "theirs"]

MARKER_SIZE = 7  # what Git takes, and the least by which a conflict is recognised here
_ANNOTATIONS = ("description", "license", "tags")
_MAX_METRICS = 5  # of a side, in one line
_PLAIN = lazy_compile(r"[A-Za-z0-9_.@/+-]{1,40}")


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with three texts of one pointer.

    Attributes:
        ours: The pointer that ours is; None if it cannot be read.
        theirs: The same of theirs.
        taken: The side to take whole; None for a conflict.
        left_out: Annotations that the other side changed, and that are not in the one taken.
    """

    ours: Pointer | None
    theirs: Pointer | None
    taken: Side | None
    left_out: tuple[str, ...] = ()

    def pointer(self, side: Side) -> Pointer | None:
        """The pointer of a side."""
        return self.ours if side == "ours" else self.theirs

    @property
    def name(self) -> str:
        """The model's name, "" where neither side can be read."""
        known = self.ours or self.theirs
        return known.name if known is not None else ""


def decide(base: bytes, ours: bytes, theirs: bytes) -> Decision:
    """Say which side is taken whole; the first row that matches counts.

    | ours                           | theirs                         | taken          |
    | ------------------------------ | ------------------------------ | -------------- |
    | as theirs                      | as ours                        | ours           |
    | anything                       | as the base                    | ours           |
    | as the base                    | anything                       | theirs         |
    | cannot be read                 | or this one cannot             | conflict       |
    | other annotations than theirs  | annotations as the base        | ours           |
    | annotations as the base        | other annotations than ours    | theirs         |
    | changed                        | only annotations changed       | ours           |
    | only annotations changed       | changed                        | theirs         |
    | changed                        | changed                        | conflict       |

    Args:
        base: Text of the base; empty if both sides added the pointer.
        ours: Text of ours.
        theirs: Text of theirs.
    """
    one, other = _parse_or_none(ours), _parse_or_none(theirs)
    if theirs in (ours, base):
        return Decision(one, other, "ours")
    if ours == base:
        return Decision(one, other, "theirs")
    if one is None or other is None:
        return Decision(one, other, None)
    return _decide_readable(one, other, _parse_or_none(base))


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
    """Write both sides whole between the markers that Git uses; the markers say how to go on.

    Args:
        decision: What `decide` said.
        ours: Text of ours.
        theirs: Text of theirs.
        words: What each side is, such as "what is checked out".
        marker_size: Length of a marker; never less than seven.
    """
    size = max(MARKER_SIZE, marker_size)
    first, last = (_label(decision, side, words[side]) for side in ("ours", "theirs"))
    return b"".join(
        [
            f"{'<' * size} {first}\n".encode(),
            _with_line_end(ours),
            b"=" * size + b"\n",
            _with_line_end(theirs),
            f"{'>' * size} {last}\n".encode(),
        ]
    )


def same_except_annotations(one: Pointer, other: Pointer) -> bool:
    """Whether two pointers say the same but for annotations."""
    return _without_annotations(one) == _without_annotations(other)


def describe(pointer: Pointer | None) -> str:
    """Name a side in one line: version, digest and metrics."""
    if pointer is None:
        return "a pointer that cannot be read"
    parts = [f"version {pointer.version} ({pointer.digest.short})"]
    named = sorted(pointer.metrics.items())
    parts += [
        f"{_escape_unusual(name)} {_escape_unusual(str(value))}"
        for name, value in named[:_MAX_METRICS]
    ]
    if len(named) > _MAX_METRICS:
        parts.append("…")
    return ", ".join(parts)


def resolve_command(decision: Decision, side: Side) -> str:
    """Give the command that takes one side."""
    pointer = decision.pointer(side)
    both = resolve_hint(decision.name if pointer is None else pointer.name)
    return both.replace("--ours|--theirs", f"--{side}")


def _label(decision: Decision, side: Side, words: str) -> str:
    about = describe(decision.pointer(side))
    return f"{side}, {words}: {about}; to take it: {resolve_command(decision, side)}"


def _side_with_annotations(ours: Pointer, theirs: Pointer, base: Pointer | None) -> Side | None:
    """The side of two that differ in annotations only; None if both changed them."""
    start = base or replace(ours, description=None, license=None, tags=())
    mine, other = _changed_annotations(ours, start), _changed_annotations(theirs, start)
    if mine and other:
        return None
    return "theirs" if other else "ours"


def _changed_annotations(pointer: Pointer, base: Pointer) -> tuple[str, ...]:
    return tuple(n for n in _ANNOTATIONS if getattr(pointer, n) != getattr(base, n))


def _without_annotations(pointer: Pointer) -> str:
    # As text: a metric that is NaN does not equal itself.
    return replace(pointer, description=None, license=None, tags=()).body()


def _parse_or_none(raw: bytes) -> Pointer | None:
    try:
        return Pointer.from_text(raw, what="")
    except GitmodelError:
        return None


def _escape_unusual(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote_text(text, limit=40)


def _with_line_end(text: bytes) -> bytes:
    return text if text.endswith(b"\n") or not text else text + b"\n"
