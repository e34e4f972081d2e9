"""What `gitmodel add --if-better` asks for: strictly better than a version in each metric."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.gates.config import PREVIOUS
from gitmodel.domain.gates.rules import Limit, Rule
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import UsageError
from gitmodel.project.gates.registration import BaselineVersion, baseline_of, report_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.gates.config import Gates
    from gitmodel.domain.gates.rules import Direction, GateReport
    from gitmodel.project.gates.registration import Candidate
    from gitmodel.project.project import Project


class IfBetter(NamedTuple):
    """The metrics, and what to compare with.

    Attributes:
        metrics: Their names.
        than: Reference to compare with; None for the baseline of the gate, else HEAD's pointer.
        better: The direction of all of them; None for those of the configuration.
        directions: Directions by metric, before `better`.
    """

    metrics: tuple[str, ...]
    than: str | None = None
    better: Direction | None = None
    directions: Mapping[str, Direction] = MappingProxyType({})


def judge_if_better(
    project: Project, gates: Gates, commit: str | None, asked: IfBetter, candidate: Candidate
) -> GateReport:
    """Judge weights; the baseline is that of `commit`, unless a reference was given.

    Raises UsageError if no direction is known.
    """
    rules = [
        Rule(metric, "improve", Limit(Decimal(0)), _direction(gates, asked, metric))
        for metric in asked.metrics
    ]
    baseline = _baseline(project, gates, commit, asked, candidate.name)
    return report_of(project, candidate, baseline, rules, pattern=candidate.name)


def _direction(gates: Gates, asked: IfBetter, metric: str) -> Direction:
    better = asked.directions.get(metric, asked.better) or gates.direction(metric)
    if better not in ("higher", "lower", None):
        raise UsageError(f"{quote_text(metric)}: a direction is higher or lower")
    if better is None:
        raise UsageError(
            f"nothing says whether a higher or a lower {quote_text(metric)} is better",
            hint=f"add --higher or --lower, or write better: {{{quote_text(metric)}: higher}} "
            "(or lower) into .gitmodel.yaml and commit it",
        )
    return better


def _baseline(
    project: Project, gates: Gates, commit: str | None, asked: IfBetter, name: str
) -> BaselineVersion | None:
    if asked.than is not None:
        from gitmodel.domain.reference import Reference
        from gitmodel.project.references import resolve

        pointer = resolve(project, Reference.parse(asked.than)).pointer
        reference = f"{pointer.name}@{pointer.version}"
        return BaselineVersion(
            reference, pointer.version, pointer.digest, pointer.metrics, pointer.data
        )
    gate = gates.gate_of(name)
    return baseline_of(project, commit, name, PREVIOUS if gate is None else gate.baseline)
