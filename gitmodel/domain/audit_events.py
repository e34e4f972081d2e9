"""What happened to models on a branch, as events for an audit.

- `registered`: the branch has a version that it did not have before.
- `metrics-changed`: the same version with other metrics.
- `promoted`, `rolled-back`: an alias moved; back, if roll-back would have done the same (see `alias_stack`), or if
  the pointer of a model went back to a version that the branch had before.
- `removed`: an alias or a model is gone.
- `deprecated`: a version was deprecated, or its reason changed; without `after` the deprecation was taken back.
- `forced`: a registration or a promotion overrode a gate; follows it, with the reason that was given.

A rename is no event: the model goes on under its new name. A file that does not parse is no event either; the next
one that does is compared with the one before.

Guarantee: the events depend on the files of the branch and on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gitmodel.domain.alias_stack import AliasStack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gitmodel.domain.aliases import Alias
    from gitmodel.domain.decisions import AliasMove, Decision
    from gitmodel.domain.deprecations import Deprecation
    from gitmodel.domain.pointer import Pointer
    from gitmodel.domain.yaml.reader import Value

EventKind = Literal[
    "registered",
    "promoted",
    "rolled-back",
    "removed",
    "deprecated",
    "forced",
    "metrics-changed",
]
KINDS: tuple[EventKind, ...] = (
    "registered",
    "metrics-changed",
    "promoted",
    "rolled-back",
    "removed",
    "deprecated",
    "forced",
)


@dataclass(frozen=True, slots=True)
class VersionId:
    """A version by number and content."""

    version: int
    digest: str | None  # "blake3:…"; None if it is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One event on a branch."""

    kind: EventKind
    decision: Decision
    time: int  # Unix seconds: that of the decision, or what another registry told
    name: str  # of the model at that time
    alias: str | None = None
    before: VersionId | None = None
    after: VersionId | None = None
    why: str | None = None  # the reason that a file gives; None if it gives none
    imported: Mapping[str, Value] | None = None  # another registry told the time


@dataclass(frozen=True, slots=True)
class PointerState:
    """The pointer of a model after a commit; None if it was removed."""

    decision: Decision
    pointer: Pointer | None
    is_renamed: bool = False  # removed because the model has another name from this commit on


@dataclass(frozen=True, slots=True)
class DeprecationState:
    """The deprecated versions of a model after a commit."""

    decision: Decision
    name: str
    versions: Mapping[int, Deprecation]


def alias_events(
    alias: str, moves: Iterable[AliasMove], times: Mapping[str, int], *, is_cut_off: bool
) -> Iterator[AuditEvent]:
    """Yield the events of one alias, from its moves, oldest first.

    `times` has the time of a move by its commit, where it is not that of the decision.
    """
    stack = AliasStack(is_cut_off=is_cut_off)
    last: Alias | None = None
    for move in moves:
        if move.is_unknown:
            continue
        value, before = move.alias, last
        last = value
        kind = _move_kind(stack, value)
        stack = stack.moved(value)
        if (value is None and (before is None or move.renamed_to is not None)) or (
            value is not None and before is not None and value.means(before)
        ):
            continue
        named = value or before
        event = AuditEvent(
            kind=kind,
            decision=move.decision,
            time=times.get(move.decision.commit, move.decision.time),
            name="" if named is None else named.name,
            alias=alias,
            before=_of(before),
            after=_of(value),
            why=None if value is None else value.why,
            imported=None if value is None else value.imported,
        )
        yield event
        if value is not None and value.forced is not None:
            yield _forced(event, value.forced)


def _move_kind(stack: AliasStack, value: Alias | None) -> EventKind:
    if value is None:
        return "removed"
    return "rolled-back" if stack.returns_to(value) else "promoted"


def pointer_events(states: Iterable[PointerState]) -> Iterator[AuditEvent]:
    """Yield the events of a model's pointer, from its states, oldest first."""
    last: Pointer | None = None
    had: set[tuple[int, str]] = set()
    for state in states:
        pointer, before = state.pointer, last
        if state.is_renamed:
            continue
        last = pointer
        kind = _pointer_kind(before, pointer, had)
        if kind is None:
            continue
        named = pointer or before
        event = AuditEvent(
            kind=kind,
            decision=state.decision,
            time=state.decision.time,
            name="" if named is None else named.name,
            before=_of(before),
            after=_of(pointer),
        )
        yield event
        if pointer is not None:
            had.add((pointer.version, pointer.digest.hex))
            if kind == "registered" and pointer.forced is not None:
                yield _forced(event, pointer.forced)


def _pointer_kind(
    before: Pointer | None, after: Pointer | None, had: set[tuple[int, str]]
) -> EventKind | None:
    if after is None:
        return None if before is None else "removed"
    if before is None or (before.version, before.digest) != (after.version, after.digest):
        known = (after.version, after.digest.hex) in had
        return "rolled-back" if known else "registered"
    # NaN differs from itself.
    same = repr(dict(before.metrics)) == repr(dict(after.metrics))
    return None if same else "metrics-changed"


def deprecation_events(
    states: Iterable[DeprecationState], digests: Mapping[int, str]
) -> Iterator[AuditEvent]:
    """Yield the events of deprecations, from their states, oldest first; `digests` by version number."""
    last: Mapping[int, Deprecation] = {}
    for state in states:
        for number in sorted({*last, *state.versions}):
            before, after = last.get(number), state.versions.get(number)
            if before is not None and after is not None and before.why == after.why:
                continue
            version = VersionId(number, digests.get(number))
            yield AuditEvent(
                kind="deprecated",
                decision=state.decision,
                time=state.decision.time,
                name=state.name,
                before=None if before is None else version,
                after=None if after is None else version,
                why=None if after is None else after.why,
            )
        last = state.versions


def in_order(events: Sequence[AuditEvent]) -> list[AuditEvent]:
    """Return events in the order of the branch; those of a commit by model, then by kind."""
    kinds = {kind: position for position, kind in enumerate(KINDS)}
    return sorted(events, key=lambda e: (e.decision.number, e.name, e.alias or "", kinds[e.kind]))


def _forced(event: AuditEvent, reason: str) -> AuditEvent:
    return AuditEvent(
        kind="forced",
        decision=event.decision,
        time=event.time,
        name=event.name,
        alias=event.alias,
        before=event.before,
        after=event.after,
        why=reason,
        imported=event.imported,
    )


def _of(value: Alias | Pointer | None) -> VersionId | None:
    return None if value is None else VersionId(value.version, str(value.digest))
