"""The judgement of a request: every version and alias that it changes, by the rules of its base.

Guarantee: nothing that the request itself says about gates counts, and what cannot be judged is a problem, not a
pass.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gitmodel.domain.gates.config import PREVIOUS
from gitmodel.domain.pointer import alias_path_for, pointer_beside
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import ConfigError, GitmodelError, NotSetUpError
from gitmodel.git.history.containing import not_in_history
from gitmodel.project.gates.changed import ChangedAlias, ChangedPointer, changes_of
from gitmodel.project.gates.commit_files import CommitFiles
from gitmodel.project.gates.configured import edited_settings, gates_at
from gitmodel.project.gates.judged import GateCheck, JudgedChange
from gitmodel.project.gates.measured import JudgedMetrics, require_one_version
from gitmodel.project.gates.promoted import PromotionChecks
from gitmodel.project.gates.registration import (
    BaselineVersion,
    Candidate,
    baseline_from_pointer,
    report_of,
)
from gitmodel.project.history.missing_history import find_missing_history
from gitmodel.project.history.model_history import history_of
from gitmodel.project.models import unknown_model
from gitmodel.project.project import CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitmodel.domain.aliases import Alias
    from gitmodel.domain.gates.config import Gate, Gates
    from gitmodel.domain.gates.rules import GateReport, Rule
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.gates.ci_base import Base
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project

_SHOWN_REMOVED = 10  # names in a note


def judge_request(
    project: Project,
    base: Base,
    head: str,
    *,
    names: Sequence[str] = (),
    metrics: JudgedMetrics | None = None,
) -> GateCheck:
    """Judge what a request changes.

    Args:
        project: The project; its work tree is not looked at.
        base: What the request is compared with.
        head: The tip of the request.
        names: Only these models; all if empty.
        metrics: Which are judged; those that pointer and alias declare if None.

    Raises:
        ConfigError: The configuration of the base is not valid, or cannot be read.
        UnknownReferenceError: The tip has no model of a name.
        UsageError: Metrics were measured, and the request changes more than one model.
    """
    metrics = metrics or JudgedMetrics()
    judge = _Judge(project, base, gates_at(project, base.commit), head, metrics)
    changes = changes_of(project, base, head)
    pointers = [one for one in changes.pointers if judge.is_candidate(one)]
    aliases = [one for one in changes.aliases if one.is_candidate]
    if names:
        pointers = [one for one in pointers if one.after.name in names]
        aliases = [one for one in aliases if one.after.name in names]
        pointers += judge.unchanged(names, pointers, aliases)
    if metrics.is_measured:
        require_one_version(pointers, aliases)
    judged, problems = judge.all(pointers, aliases)
    notes, config_problems = _edits(project, base, head)
    if changes.removed:
        some = ", ".join(changes.removed[:_SHOWN_REMOVED])
        more = len(changes.removed) - _SHOWN_REMOVED
        notes.append(f"removed: {some}" + (f" and {more:,} more" if more > 0 else ""))
    return GateCheck(
        base=base,
        against=f"{quote_text(base.reference)[1:-1]} at {base.commit[:10]} ({base.origin})",
        config=CONFIG_NAME,
        config_commit=base.commit,
        changes=tuple(judged),
        problems=(*changes.broken, *problems, *config_problems),
        notes=tuple(notes),
        evidence=metrics.evidence,
    )


class _Judge:
    """Judges single changes of one request."""

    def __init__(
        self,
        project: Project,
        base: Base,
        gates: Gates,
        head: str,
        metrics: JudgedMetrics,
    ) -> None:
        self._project = project
        self._base = base
        self._gates = gates
        self._head = head
        self._metrics = metrics
        self._base_files = CommitFiles(project, base.commit)
        self._head_files = CommitFiles(project, head)

    def is_candidate(self, changed: ChangedPointer) -> bool:
        """Whether a pointer is judged: it names other weights or metrics, or came under another gate."""
        before, after = changed.before, changed.after
        if changed.is_candidate or before is None:
            return True
        return self._gates.gate_of(before.name) != self._gates.gate_of(after.name)

    def unchanged(
        self,
        names: Sequence[str],
        pointers: Sequence[ChangedPointer],
        aliases: Sequence[ChangedAlias],
    ) -> list[ChangedPointer]:
        """The models that were asked for and are not changed, if metrics were measured for one."""
        changed = {one.after.name for one in pointers} | {one.after.name for one in aliases}
        found = []
        for name in names:
            model = self._head_files.model(name)
            if model is None:
                raise unknown_model(name, self._head_files.names())
            if self._metrics.is_measured and name not in changed:
                found.append(ChangedPointer(model, model))
        return found

    def all(
        self, pointers: Sequence[ChangedPointer], aliases: Sequence[ChangedAlias]
    ) -> tuple[list[JudgedChange], list[GitmodelError]]:
        """The judged changes, sorted by name, and an error for each that cannot be judged."""
        judged: list[JudgedChange] = []
        problems: list[GitmodelError] = []

        def attempt(judge: Callable[[], JudgedChange]) -> None:
            try:
                judged.append(judge())
            except GitmodelError as error:
                problems.append(error)

        for pointer in sorted(pointers, key=lambda one: (one.after.name, one.after.path)):
            attempt(partial(self._pointer, pointer))
        names = [one.after.name for one in aliases]
        checks = PromotionChecks(
            self._project, self._base, self._base_files, self._head_files, names
        )
        for alias in sorted(aliases, key=lambda one: one.path):
            attempt(partial(self._alias, alias, checks))
        return judged, problems

    def _pointer(self, changed: ChangedPointer) -> JudgedChange:
        """Judge a version by the rules for new versions."""
        pointer = changed.after.pointer
        self._head_files.model(pointer.name)  # refuses a name that two pointers have
        earlier = pointer.name if changed.before is None else changed.before.name
        gate = self._gate(pointer.name, earlier)
        start = self._base_files.model(pointer.name) or self._base_files.model(earlier)
        baseline = None
        if start is not None:
            baseline = self._baseline(start, PREVIOUS if gate is None else gate.baseline)
        metrics, differences = self._metrics.of(pointer.metrics, "the pointer", pointer)
        candidate = Candidate(pointer.name, pointer.digest, metrics, pointer.data)
        rules = () if gate is None else gate.register
        notes = [] if earlier == pointer.name else [f"it was called {earlier}"]
        if rules and not self._metrics.is_measured and self._is_of_base(pointer):
            notes.append("it goes back to a version of the base, which no gate stops")
            rules = ()
        report = self._report(candidate, baseline, rules, gate, same_data=True)
        if report is not None:
            notes += [*report.data_changes, *self._gaps(candidate, baseline, report)]
        notes += differences
        return JudgedChange(
            model=pointer.name,
            kind="register",
            path=changed.after.path,
            version=pointer.version,
            digest=pointer.digest,
            commit=self._head,
            metrics=metrics,
            baseline=baseline,
            gate=report,
            forced=pointer.forced,
            allow_force=gate is not None and gate.allow_force,
            notes=tuple(notes),
        )

    def _is_of_base(self, pointer: Pointer) -> bool:
        """Whether the history of the base is known to have this version with these metrics."""
        try:
            seen = history_of(self._project, pointer.name).seen
        except (ConfigError, NotSetUpError):  # a request that removes the configuration
            return False
        same = {
            item.change.commit
            for item in seen
            if item.model.pointer.head == pointer.head
            and item.model.pointer.metrics == pointer.metrics
        }
        away = not_in_history(self._project.repository, same, self._base.commit)
        return bool(same - away)

    def _alias(self, changed: ChangedAlias, checks: PromotionChecks) -> JudgedChange:
        """Judge a promotion by the rules for its alias."""
        alias = changed.after
        notes = list(checks.check(changed))
        present = self._base_files.alias(changed.path_before)
        beside = pointer_beside(changed.path_before) or ""
        start = self._base_files.model_at(beside)
        gate = self._gate(alias.name, alias.name if start is None else start.name)
        rules = () if gate is None else gate.rules_for(alias.alias)
        compared = present
        if gate is not None and gate.baseline not in (PREVIOUS, alias.alias):
            compared = self._base_files.alias(alias_path_for(beside, gate.baseline))
        baseline = None if compared is None else self._meant_by(compared, start)
        if checks.goes_back(changed, present):
            notes.append("it goes back to what it meant before, which no gate stops")
            rules = ()
        metrics, differences = self._metrics.of(alias.metrics, "the alias")
        candidate = Candidate(alias.name, alias.digest, metrics)
        report = self._report(candidate, baseline, rules, gate)
        if report is not None:
            notes += self._gaps(candidate, baseline, report)
        return JudgedChange(
            model=alias.name,
            kind="promote",
            alias=alias.alias,
            path=changed.path,
            version=alias.version,
            digest=alias.digest,
            commit=self._head,
            metrics=metrics,
            baseline=baseline,
            gate=report,
            forced=alias.forced,
            allow_force=gate is not None and gate.allow_force,
            notes=(*notes, *differences),
        )

    def _report(
        self,
        candidate: Candidate,
        baseline: BaselineVersion | None,
        rules: Sequence[Rule],
        gate: Gate | None,
        *,
        same_data: bool = False,
    ) -> GateReport | None:
        """How a candidate stands to rules of a gate; None if there are none."""
        if gate is None or not rules:
            return None
        return report_of(
            self._project,
            candidate,
            baseline,
            rules,
            pattern=gate.pattern,
            same_data=gate.same_data if same_data else "ignore",
        )

    def _gaps(
        self, candidate: Candidate, baseline: BaselineVersion | None, report: GateReport
    ) -> list[str]:
        """What this clone cannot compare because it lacks history, and the command that brings it."""
        missing = None if baseline is None else find_missing_history(self._project)
        if missing is None or baseline is None:
            return []
        gaps = []
        if report.needs_same_data and candidate.data and baseline.data is None:
            gaps.append("data")
        if not baseline.metrics and report.verdict == "unjudged":
            gaps.append("metrics")
        return [
            f"{missing.reason}, so the {gap} of {baseline.reference} are not known ({missing.command})"
            for gap in gaps
        ]

    def _gate(self, name: str, earlier: str) -> Gate | None:
        """The gate of a model; of a renamed one also that of its earlier name."""
        gate, other = self._gates.gate_of(name), self._gates.gate_of(earlier)
        if gate is None or other is None or gate == other:
            return gate or other
        words = {*gate.promote, *other.promote}
        return gate._replace(
            pattern=f"{gate.pattern} and {other.pattern}",
            register=_all_rules(gate.register, other.register),
            promote={w: _all_rules(gate.rules_for(w), other.rules_for(w)) for w in words},
            same_data="refuse" if "refuse" in (gate.same_data, other.same_data) else gate.same_data,
            allow_force=gate.allow_force and other.allow_force,
        )

    def _baseline(self, start: Model, word: str) -> BaselineVersion | None:
        if word == PREVIOUS:
            return baseline_from_pointer(start.pointer)
        alias = self._base_files.alias(alias_path_for(start.path, word))
        return None if alias is None else self._meant_by(alias, start)

    def _meant_by(self, alias: Alias, start: Model | None) -> BaselineVersion:
        """The version that an alias means, with the metrics of its pointer if the alias has none."""
        pointer = None if start is None else start.pointer
        if pointer is not None and pointer.digest != alias.digest:
            pointer = None
        if pointer is None and not alias.metrics:
            pointer = history_of(self._project, alias.name).version_of(alias.digest)
        metrics = alias.metrics or ({} if pointer is None else pointer.metrics)
        data = None if pointer is None else pointer.data
        return BaselineVersion(str(alias), alias.version, alias.digest, metrics, data)


def _all_rules(one: Sequence[Rule], other: Sequence[Rule]) -> tuple[Rule, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _edits(project: Project, base: Base, head: str) -> tuple[list[str], list[GitmodelError]]:
    """What to say about a request that edits gates, and what is wrong with the edit."""
    try:
        edited = edited_settings(project, base.merge_bases[0], head)
    except GitmodelError as error:
        return [], [error]
    if not edited:
        return [], []
    return [f"this request edits {' and '.join(edited)}: they count from the next request on"], []
