"""Gates as a commit configures them, and the judgement of a promotion.

The configuration comes from the branch that is changed, not from the work tree: a commit cannot lower its own bar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias, alias_path_for
from gitmodel.domain.config.repository import Config
from gitmodel.domain.gates.config import PREVIOUS, Gates
from gitmodel.domain.gates.rules import Baseline, GateReport, judge
from gitmodel.domain.pointer import pointer_beside
from gitmodel.project.aliases import alias_at
from gitmodel.project.models import text_at
from gitmodel.project.project import CONFIG_NAME

if TYPE_CHECKING:
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.alias_changes import AliasTarget
    from gitmodel.project.project import Project


def gates_at(project: Project, commit: str | None) -> Gates:
    """The gates of a commit; of the work tree if None.

    Raises:
        ConfigError: The configuration is not valid.
        GateConfigError: Its gates are not.
    """
    if commit is None:
        return Gates.from_values(project.config.unknown, what=CONFIG_NAME)
    raw = text_at(project, commit, CONFIG_NAME)
    if raw is None:
        return Gates()
    what = f"{CONFIG_NAME} in commit {commit[:10]}"
    return Gates.from_values(Config.from_text(raw, what=what).unknown, what=what)


def judge_promotion(project: Project, target: AliasTarget, pointer: Pointer) -> GateReport | None:
    """Judge a version that an alias is to mean; None if no rule holds for that alias."""
    gate = gates_at(project, target.tip).gate_of(target.name)
    rules = () if gate is None else gate.rules_for(target.alias)
    if gate is None or not rules:
        return None
    start = _baseline(project, target, gate.baseline)
    baseline = None
    if start is not None:
        baseline = Baseline(start.metrics, is_same=start.digest == pointer.digest)
    return GateReport(
        pattern=gate.pattern,
        baseline=None if start is None else str(start),
        baseline_version=None if start is None else start.version,
        judgements=judge(rules, pointer.metrics, baseline),
    )


def _baseline(project: Project, target: AliasTarget, name: str) -> Alias | None:
    """The alias to compare with: the one that is moved, or the one that the gate names."""
    if name in (PREVIOUS, target.alias):
        return target.committed
    return alias_at(project, target.tip, alias_path_for(pointer_beside(target.path) or "", name))
