"""`gitmodel best`: the version with the best value of a metric."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.gates.data import data_changes
from gitmodel.domain.gates.known_metrics import known_direction
from gitmodel.domain.gates.rules import finite
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import UnknownReferenceError, UsageError
from gitmodel.git.history.containing import not_in_history, refs_containing
from gitmodel.project.aliases import deprecations_of
from gitmodel.project.gates.configured import gates_at
from gitmodel.project.history.renames import whole_history
from gitmodel.project.history.version_owners import claims_seen
from gitmodel.project.models import require_model
from gitmodel.project.project import CONFIG_NAME

if TYPE_CHECKING:
    from decimal import Decimal

    from gitmodel.domain.gates.rules import Direction
    from gitmodel.domain.metrics import Metric
    from gitmodel.project.history.model_history import HistoryEntry, ModelHistory
    from gitmodel.project.project import Project

_COMPARED = 3  # versions whose data should be the same


@dataclass(frozen=True, slots=True)
class Ranked:
    """A version with a finite value of the metric.

    Attributes:
        commit: The oldest commit that has the version.
        on_head: Whether HEAD's history has the version.
        on: A branch or tag that has it, if HEAD's history does not.
        confirmed: Whether a claim that this clone has read confirms the number.
    """

    name: str
    version: int
    digest: str
    value: Metric
    commit: str
    on_head: bool
    on: str | None
    confirmed: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A version that is not compared."""

    version: int
    reason: str  # `nan`, `missing`, `text`, `deprecated`


@dataclass(frozen=True, slots=True)
class BestReport:
    """The versions of a model by a metric, best first. Of equal values the older version comes first."""

    metric: str
    better: Direction
    direction_from: str  # `.gitmodel.yaml`, `known name`, `command line`
    best: Ranked | None
    others: tuple[Ranked, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    ties: tuple[int, ...] = ()  # versions with the best value, other than the best
    notes: tuple[str, ...] = field(default=())


def best(
    project: Project,
    name: str,
    metric: str,
    *,
    better: Direction | None = None,
    everywhere: bool = False,
) -> BestReport:
    """Rank the versions in HEAD's history, or with `everywhere` on all refs, by a metric.

    Weights count once, by their newest number and metrics. Raises UsageError if nothing says which direction is
    better, UnknownReferenceError if there is no such model, AliasError if the deprecated versions do not parse.
    """
    head = project.reader.resolve("HEAD")
    direction, source = _direction(project, head, metric, better)
    history = whole_history(project, name)
    if not history.seen:
        if project.repository.work_tree is not None:
            require_model(project, name)
        raise UnknownReferenceError(
            f"no commit has a version of {name}", hint="git commit, then again", model=name
        )
    away = not_in_history(project.repository, {i.change.commit for i in history.seen}, head)
    deprecated = deprecations_of(project, name).versions
    found: list[tuple[Decimal, Ranked, HistoryEntry]] = []
    left_out: list[LeftOut] = []
    for entry in _versions(history, away, everywhere=everywhere):
        pointer = entry.model.pointer
        value = pointer.metrics.get(metric)
        number = finite(value)
        if pointer.version in deprecated:
            left_out.append(LeftOut(pointer.version, "deprecated"))
        elif number is None or value is None:
            left_out.append(LeftOut(pointer.version, _reason(value)))
        else:
            found.append((number, _ranked(project, history, entry, value, away), entry))
    sign = -1 if direction == "higher" else 1
    found.sort(key=lambda item: (sign * item[0], item[1].version))
    ranked = [item[1] for item in found]
    ties = [row.version for number, row, _ in found[1:] if number == found[0][0]]
    return BestReport(
        metric=metric,
        better=direction,
        direction_from=source,
        best=ranked[0] if ranked else None,
        others=tuple(ranked[1:]),
        left_out=tuple(sorted(left_out, key=lambda one: one.version)),
        ties=tuple(ties),
        notes=_data_notes([entry for _, _, entry in found[:_COMPARED]]),
    )


def _direction(
    project: Project, head: str | None, metric: str, asked: Direction | None
) -> tuple[Direction, str]:
    if asked is not None:
        return asked, "command line"
    configured = gates_at(project, head).direction(metric)
    if configured is not None:
        return configured, CONFIG_NAME
    known = known_direction(metric)
    if known is not None:
        return known, "known name"
    raise UsageError(
        f"nothing says whether a higher or a lower {quote_text(metric)} is better",
        hint=f"add --higher or --lower, or write better: {{{quote_text(metric)}: higher}} (or lower) "
        "into .gitmodel.yaml and commit it",
    )


def _versions(
    history: ModelHistory, away: frozenset[str], *, everywhere: bool
) -> list[HistoryEntry]:
    """The pointer of each content with its newest number; HEAD's pointer counts before that of other refs."""
    chosen: dict[str, HistoryEntry] = {}
    # Stable: newest first.
    for entry in sorted(history.seen, key=lambda entry: entry.change.commit in away):
        if entry.change.commit in away and not everywhere:
            continue
        pointer = entry.model.pointer
        if not history.naming.is_lost(pointer.version, pointer.digest.hex):
            chosen.setdefault(pointer.digest.hex, entry)
    return list(chosen.values())


def _ranked(
    project: Project,
    history: ModelHistory,
    entry: HistoryEntry,
    value: Metric,
    away: frozenset[str],
) -> Ranked:
    pointer = entry.model.pointer
    same = history.entries_of(pointer.digest)
    on_head = entry.change.commit not in away
    refs = [] if on_head else refs_containing(project.repository, entry.change.commit)
    owner = claims_seen(project).owners(pointer.name).get(pointer.version)
    return Ranked(
        name=pointer.name,
        version=pointer.version,
        digest=str(pointer.digest),
        value=value,
        commit=same[-1].change.commit,
        on_head=on_head,
        on=refs[0] if refs else None,
        confirmed=owner == pointer.digest.hex,
    )


def _reason(value: Metric | None) -> str:
    if value is None:
        return "missing"
    if isinstance(value, str | bool):
        return "text" if isinstance(value, str) else "true or false"
    return "nan" if value != value else "infinite"  # noqa: PLR0124


def _data_notes(first: list[HistoryEntry]) -> tuple[str, ...]:
    if not first:
        return ()
    top = first[0].model.pointer
    return tuple(
        f"v{other.version} and v{top.version} were measured on other data: {change}"
        for other in (entry.model.pointer for entry in first[1:])
        for change in data_changes(other.data, top.data)
    )
