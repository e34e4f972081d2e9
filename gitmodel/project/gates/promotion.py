"""The judgement of a promotion by the gate of its alias."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.gates.config import PREVIOUS
from gitmodel.domain.pointer import alias_path_for, pointer_beside
from gitmodel.project.aliases import alias_at
from gitmodel.project.gates.configured import gates_at
from gitmodel.project.gates.registration import Candidate, baseline_from_alias, report_of

if TYPE_CHECKING:
    from gitmodel.domain.aliases import Alias
    from gitmodel.domain.gates.rules import GateReport
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.project import Project


class Promotion(NamedTuple):
    """The move of an alias of a model, on a branch whose tip is a commit.

    Attributes:
        path: Of the alias file.
        tip: None before the first commit.
        committed: What the alias means at the tip.
    """

    name: str
    alias: str
    path: str
    tip: str | None
    committed: Alias | None


def judge_promotion(project: Project, target: Promotion, pointer: Pointer) -> GateReport | None:
    """Judge a version that an alias is to mean; None if no rule holds for that alias."""
    gate = gates_at(project, target.tip).gate_of(target.name)
    rules = () if gate is None else gate.rules_for(target.alias)
    if gate is None or not rules:
        return None
    start = _baseline(project, target, gate.baseline)
    return report_of(
        project,
        Candidate(pointer.name, pointer.digest, pointer.metrics, pointer.data),
        None if start is None else baseline_from_alias(start, pointer),
        rules,
        pattern=gate.pattern,
        same_data=gate.same_data,
    )


def _baseline(project: Project, target: Promotion, name: str) -> Alias | None:
    """The alias to compare with: the one that is moved, or the one that the gate names."""
    if name in (PREVIOUS, target.alias):
        return target.committed
    return alias_at(project, target.tip, alias_path_for(pointer_beside(target.path) or "", name))
