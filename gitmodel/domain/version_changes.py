"""What the pointers of two versions say differently: metrics, params, format and data.

Guarantee: values are compared as a pointer writes them, so NaN equals NaN, and 1 does not equal true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from gitmodel.domain.gates.known_metrics import known_direction
from gitmodel.domain.metric_changes import MetricChange, metric_changes
from gitmodel.domain.yaml.reader import flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from decimal import Decimal

    from gitmodel.domain.gates.rules import Direction
    from gitmodel.domain.metrics import Metric
    from gitmodel.domain.yaml.reader import Value

Side: TypeAlias = Literal["a", "b"]
Verdict: TypeAlias = Literal["better", "worse", "same", "changed"]
_NO_NAME = "(no name)"


@dataclass(frozen=True, slots=True)
class ComparedMetric:
    """One metric of two versions.

    Attributes:
        better: Which direction is better; None if nothing says so.
        better_from: `.gitmodel.yaml` or `known name`; None without a direction.
        verdict: How the second version is to the first. `changed` if nothing says which is better, None if
            one of them lacks the metric.
    """

    name: str
    a: Metric | None
    b: Metric | None
    delta: Decimal | None
    better: Direction | None
    better_from: str | None
    verdict: Verdict | None

    @property
    def only_in(self) -> Side | None:
        """The only version that has it."""
        if self.a is None:
            return "b"
        return "a" if self.b is None else None


@dataclass(frozen=True, slots=True)
class ChangedValue:
    """A value that differs: of a param, or of a field of the format. None if one version lacks it."""

    name: str
    a: Value
    b: Value
    only_in: Side | None = None


@dataclass(frozen=True, slots=True)
class ComparedData:
    """Data of one name; `a` and `b` are their digests, None where one is not known.

    `same` is None if the digests do not tell.
    """

    name: str
    a: str | None
    b: str | None
    same: bool | None
    only_in: Side | None = None


def compared_metrics(
    before: Mapping[str, Metric],
    after: Mapping[str, Metric],
    configured: Callable[[str], Direction | None],
    source: str,
) -> tuple[ComparedMetric, ...]:
    """Compare the metrics of two versions, sorted by name.

    `configured` returns the direction that `source` gives a metric, None if it gives none.
    """
    found = []
    for change in metric_changes(before, after):
        better, better_from = configured(change.name), source
        if better is None:
            better, better_from = known_direction(change.name), "known name"
        found.append(
            ComparedMetric(
                name=change.name,
                a=change.before,
                b=change.after,
                delta=change.delta,
                better=better,
                better_from=None if better is None else better_from,
                verdict=_verdict(change, better),
            )
        )
    return tuple(found)


def _verdict(change: MetricChange, better: Direction | None) -> Verdict | None:
    if change.before is None or change.after is None:
        return None
    delta = change.delta
    if flow(change.before) == flow(change.after) or delta == 0:
        return "same"
    if better is None or delta is None:
        return "changed"
    return "better" if (delta > 0) == (better == "higher") else "worse"


def changed_values(
    before: Mapping[str, Value], after: Mapping[str, Value]
) -> tuple[ChangedValue, ...]:
    """Return the values that differ or that one side lacks, sorted by name."""
    found = []
    for name in sorted({*before, *after}):
        if name not in before:
            found.append(ChangedValue(name, None, after[name], "b"))
        elif name not in after:
            found.append(ChangedValue(name, before[name], None, "a"))
        elif flow(before[name]) != flow(after[name]):
            found.append(ChangedValue(name, before[name], after[name]))
    return tuple(found)


def compared_data(
    before: Iterable[Mapping[str, Value]], after: Iterable[Mapping[str, Value]]
) -> tuple[ComparedData, ...]:
    """Compare data by name and digest, sorted by name. Of two data with one name the last counts."""
    old, new = _digests(before), _digests(after)
    found = []
    for name in sorted({*old, *new}):
        a, b = old.get(name), new.get(name)
        only_in: Side | None = None if name in old and name in new else "a" if name in old else "b"
        same = None if a is None or b is None else a == b
        found.append(ComparedData(name, a, b, same, only_in))
    return tuple(found)


def _digests(data: Iterable[Mapping[str, Value]]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for item in data:
        name, digest = item.get("name"), item.get("digest")
        if not isinstance(name, str):
            uri = item.get("uri")
            name = uri if isinstance(uri, str) else _NO_NAME
        found[name] = digest if isinstance(digest, str) else None
    return found
