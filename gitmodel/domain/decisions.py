"""Who decided a change of a branch and when, and what an alias meant from when to when.

Times are those of the branch's clock: the committer time of the commit, or of a commit before it on the
first-parent line if that is greater. A value that was imported has the author time of the commit that brought it,
because its registry told that time; it is never before the value before it, and never after the commit.

Guarantee: the spans of an alias are in order, do not overlap, and neighbours differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.domain.aliases import Alias


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One commit of the first-parent line of a branch, and who brought what it changed. Unix seconds."""

    commit: str
    number: int  # of the commit on the line, from the oldest that is known
    time: int  # by the clock of the branch
    committed: int  # committer time of the commit
    by: str  # author of the commit that brought the file, "Ana <ana@example.org>"
    by_time: int  # author time of that commit
    merged_by: str  # author of a merge; else the committer of the commit
    subject: str  # first line of the message of the commit that brought the file

    @property
    def clamped(self) -> bool:
        """Whether the commit names an earlier time than a commit before it."""
        return self.time > self.committed


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasMove:
    """What an alias means from a commit on."""

    decision: Decision
    alias: Alias | None  # None if it was removed, or its file does not parse
    is_unknown: bool = False  # whether its file does not parse
    renamed_to: str | None = None  # the model has another name from this commit on


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasSpan:
    """What an alias meant from one time to another; Unix seconds."""

    move: AliasMove  # the first of its value
    start: int | None  # None: before the oldest commit that is known
    until: int | None = None  # None: it is so at the tip of the branch

    @property
    def is_imported(self) -> bool:
        """Whether the time was told by another registry."""
        return self.move.alias is not None and self.move.alias.imported is not None


def spans_of(moves: Iterable[AliasMove], *, cut_off_at: str | None = None) -> list[AliasSpan]:
    """Return the spans of an alias, oldest first, from its moves, oldest first.

    `cut_off_at` is the oldest commit of a clone that lacks older ones: a value of that commit may be older.
    """
    spans: list[AliasSpan] = []
    last: int | None = None
    for move in moves:
        if spans and _same(spans[-1].move, move):
            continue
        start = _time(move, last)
        last = start
        if spans:
            spans[-1] = replace(spans[-1], until=start)
        is_older = move.decision.commit == cut_off_at
        spans.append(AliasSpan(move=move, start=None if is_older else start))
    return spans


def times_of_moves(moves: Iterable[AliasMove]) -> dict[str, int]:
    """Return the time of each move, oldest first, by its commit, as `spans_of` has it."""
    times: dict[str, int] = {}
    last: int | None = None
    for move in moves:
        last = times[move.decision.commit] = _time(move, last)
    return times


def span_at(spans: Sequence[AliasSpan], instant: int) -> AliasSpan | None:
    """Return the span in which an instant is; None before the first."""
    before = (one for one in reversed(spans) if one.start is None or one.start <= instant)
    return next(before, None)


def spans_during(spans: Sequence[AliasSpan], start: int, end: int) -> list[AliasSpan]:
    """Return the spans that have a part in `start <= t < end`, also values that lasted less than a second."""
    return [one for one in spans if _is_during(one, start, end)]


def _is_during(span: AliasSpan, start: int, end: int) -> bool:
    if span.start is not None and span.start >= end:
        return False
    if span.until is None or span.until > start:
        return True
    return span.start == span.until >= start


def _same(one: AliasMove, other: AliasMove) -> bool:
    if one.alias is None or other.alias is None:
        return (one.alias, one.is_unknown) == (other.alias, other.is_unknown)
    return one.alias.means(other.alias)


def _time(move: AliasMove, last: int | None) -> int:
    decision = move.decision
    time = decision.time
    if move.alias is not None and move.alias.imported is not None:
        time = min(decision.by_time, time)
    return time if last is None else max(time, last)
