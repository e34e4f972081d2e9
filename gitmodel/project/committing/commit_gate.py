"""The gate of `git commit`: new weights that it refuses stay on disk, and are no version.

A configuration that is not valid stops no commit: it is noted once, and weights are registered without a gate.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.errors import ConfigError, GateError
from gitmodel.project.gates.new_weights import RegistrationGate
from gitmodel.project.gates.rejected import (
    last_refusal,
    note_again,
    note_rejected,
    refusals,
    refused_words,
)

if TYPE_CHECKING:
    from gitmodel.domain.gates.rules import GateReport
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
    """Judges the new weights of one commit by HEAD's gates.

    What `add --if-better` refused stays refused until `gitmodel add` registers it. `notes` says why there is no
    gate. `git -c gitmodel.force=WHY commit` overrides a refusal.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._gate: RegistrationGate | None = RegistrationGate(project)
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
        is_refused = report is not None and report.is_refused
        if not is_refused and (earlier is None or not earlier.asked):
            return Judged(metadata, data=() if report is None else report.data_changes)
        forced = (self._project.settings.force or "").strip()
        if forced:
            rules = () if earlier is None else earlier.rules
            if report is not None and is_refused:
                rules = refusals(report)
            told = f"{refused_words(rules)}; they are registered all the same: {forced}"
            return Judged(metadata, forced, data=(told,))
        if report is not None and is_refused:
            run = note_rejected(self._project, name, weights, metadata, report)
        else:
            assert earlier is not None  # noqa: S101  (nothing else refuses)
            run = note_again(self._project, earlier)
        return Judged(metadata, refused=run)

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
