"""The metrics of two versions beside each other.

Differences are exact decimal differences of the numbers as written: 0.3 - 0.1 is 0.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.metrics import as_decimal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from gitmodel.domain.metrics import Metric


class MetricChange(NamedTuple):
    """One metric of two versions; None for a version that has none."""

    name: str
    before: Metric | None
    after: Metric | None

    @property
    def delta(self) -> Decimal | None:
        """The exact difference of two finite numbers; None for everything else."""
        before, after = as_decimal(self.before), as_decimal(self.after)
        return None if before is None or after is None else after - before

    @property
    def words(self) -> str:
        """The difference with its sign, such as `+0.013`; `-` if there is none."""
        delta = self.delta
        if delta is None:
            return "-"
        return "0" if delta == 0 else f"{delta:+f}"


def metric_changes(
    before: Mapping[str, Metric], after: Mapping[str, Metric]
) -> tuple[MetricChange, ...]:
    """Return every metric of either version, sorted by name."""
    names = sorted({*before, *after})
    return tuple(MetricChange(name, before.get(name), after.get(name)) for name in names)
