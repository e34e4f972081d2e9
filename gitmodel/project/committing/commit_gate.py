"""The gate of `git commit`: new weights that it refuses stay on disk, and are no version.

A configuration that is not valid stops no commit: it is noted once, and weights are registered without a gate.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.errors import ConfigError, GateError
from gitmodel.project.gates.new_weights import RegistrationGate
from gitmodel.project.gates.rejected import (
    asked_metrics,
    last_refusal,
    note_again,
    note_rejected,
    refusals,
    refused_words,
)

if TYPE_CHECKING:
    from gitmodel.domain.gates.rules import GateReport
    from gitmodel.project.adding.policy import PolicyCheck
    from gitmodel.project.committing.version_decisions import Change
    from gitmodel.project.gates.rejected import RejectedRun
    from gitmodel.project.metadata import Metadata
    from gitmodel.project.project import Project
    from gitmodel.worktree.worktree import Weights


class Judged(NamedTuple):
    """What becomes of new weights.

    Attributes:
        metadata: Theirs; that of the rejected run if these weights were refused before with metrics.
        forced: Why they are registered although the gate refuses.
        refused: The line about them if they are not registered.
        data: What else to say: data that are other than the baseline's, rules that were overridden.
    """

    metadata: Metadata
    forced: str | None = None
    refused: RejectedRun | None = None
    data: tuple[str, ...] = ()


class CommitGate:
    """Judges the new weights of one commit by HEAD's gates, and by its policy if there is one.

    What `add --if-better` refused stays refused until `gitmodel add` registers it. `notes` says why there is no
    gate or no policy. `git -c gitmodel.force=WHY commit` overrides a refusal.
    """

    def __init__(self, project: Project, policy: PolicyCheck | None) -> None:
        self._project = project
        self._gate: RegistrationGate | None = RegistrationGate(project)
        self._policy = policy
        self.notes: list[str] = []

    def judge(self, change: Change, weights: Weights, metadata: Metadata) -> Judged:
        """Judge new content; a refusal is written down."""
        if not change.is_new:
            return Judged(metadata)
        name = change.model.name
        earlier = last_refusal(self._project, name, change.digest)
        if earlier is not None and not metadata.metrics:
            metadata = earlier.recalled(metadata)
        report = self._report(change, metadata)
        by_policy, warned = self._policy_problems(change, metadata)
        rules = by_policy
        if report is not None and report.is_refused:
            rules = (*refusals(report), *rules)
        still = earlier if earlier is not None and earlier.asked and not rules else None
        if not rules and still is None:
            told = () if report is None else report.data_changes
            return Judged(metadata, data=(*told, *warned))
        forced = (self._project.settings.force or "").strip()
        if forced:
            words = refused_words(rules if still is None else still.rules)
            return Judged(
                metadata, forced, data=(f"{words}; they are registered all the same: {forced}",)
            )
        if still is not None:
            return Judged(metadata, refused=note_again(self._project, still))
        asked = () if report is None or by_policy else asked_metrics(report)
        run = note_rejected(self._project, name, weights, metadata, rules, asked=asked)
        return Judged(metadata, refused=run)

    def _policy_problems(
        self, change: Change, metadata: Metadata
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the policy refuses about new weights, and what it warns of."""
        if self._policy is None:
            return (), ()
        try:
            return self._policy.findings(metadata.format, change.model.pointer)
        except ConfigError as error:
            self._policy = None
            self.notes.append(f"{change.model.name}: {error.message}; so no policy is applied")
        return (), ()

    def _report(self, change: Change, metadata: Metadata) -> GateReport | None:
        if self._gate is None:
            return None
        name, path = change.model.name, change.model.path
        try:
            current = change.model.pointer
            if self._gate.holds_for(name, current, path):
                return self._gate.judge(
                    name, change.digest, None, metadata, path=path, current=current
                )
        except ConfigError as error:
            self._gate = None
            self.notes.append(f"{name}: {error.message}; so no gate judges new weights")
        return None

    def error(self, change: Change, run: RejectedRun) -> GateError | None:
        """The error that refuses the commit; None if it goes on without the weights."""
        if self._gate is None or self._gate.keeps(change.model.name):
            return None
        typed = self._project.typed(change.model.weights)
        return GateError(
            refused_words(run.rules),
            hint=f"gitmodel add {typed} --force WHY, which registers them all the same, then git commit",
            model=run.name,
        )

    def kept(self, change: Change, run: RejectedRun) -> tuple[str, ...]:
        """What a commit that goes on says."""
        typed, pointer = self._project.typed(change.model.weights), change.model.pointer
        lines = (
            f"{run.name}: {refused_words(run.rules)}",
            f"they stay on disk; to register them all the same, run: gitmodel add {typed} --force WHY",
        )
        if run.metrics or pointer.metrics_from is None:
            return lines
        if not os.path.exists(os.path.join(self._project.root, pointer.metrics_from.path)):
            return lines
        file = self._project.typed(pointer.metrics_from.path)
        return (
            *lines,
            (
                f"{file} is as it was for version {pointer.version}; if its values describe the new weights, "
                f"run: gitmodel add {typed} --metrics {file}"
            ),
        )
