"""Whether the weights of `gitmodel add` become a version: the gate of their model, and the policy of the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.errors import PolicyError
from gitmodel.project.adding.items import Refused
from gitmodel.project.gates.rejected import (
    asked_metrics,
    last_refusal,
    note_rejected,
    refusals,
    refused_words,
    rejected_runs,
)
from gitmodel.project.git_files.weights_out_of_git import ignore_in_clone

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest
    from gitmodel.domain.gates.rules import GateReport
    from gitmodel.domain.pointer import Pointer
    from gitmodel.errors import GitmodelError
    from gitmodel.project.adding.items import Item
    from gitmodel.project.adding.policy import PolicyCheck
    from gitmodel.project.adding.targets import Target
    from gitmodel.project.gates.new_weights import RegistrationGate
    from gitmodel.project.history.histories import Histories
    from gitmodel.project.project import Project
    from gitmodel.worktree.worktree import Weights


class Judging:
    """The judgements of one `gitmodel add`.

    What the gate refuses is in `refused`, what the policy refuses in `failed`, with the paths. `force` is the
    reason for registering such weights all the same. With `follow`, weights are what symbolic links point to.
    `base` is the new base of the versions.
    """

    def __init__(
        self,
        project: Project,
        gate: RegistrationGate,
        policy: PolicyCheck,
        *,
        force: str | None,
        follow: bool,
        base: str | None,
    ) -> None:
        self._project = project
        self._gate = gate
        self._policy = policy
        self._force = force
        self._follow = follow
        self._base = base
        self._judged: dict[str, tuple[Digest, GateReport | None]] = {}  # by path
        self._policy_notes: dict[str, tuple[str, ...]] = {}  # by path
        self._overridden: set[str] = set()  # paths of weights that the policy refuses
        self.refused: list[Refused] = []
        self.failed: list[tuple[str, GitmodelError]] = []

    def forced(self, path: str) -> str | None:
        """Why the weights at a path are registered although they are refused."""
        _, report = self._judged.get(path, (None, None))
        if report is not None and report.forced is not None:
            return report.forced
        return self._force if path in self._overridden else None

    def notes(self, path: str) -> tuple[str, ...]:
        """What else to say about the weights at a path."""
        _, report = self._judged.get(path, (None, None))
        data = () if report is None else report.data_changes
        return (*data, *self._policy_notes.get(path, ()))

    def judge(self, item: Item, stored: Weights | None, histories: Histories) -> Item | None:
        """The item if the gate lets its weights become a version, else None.

        Weights are judged before they are stored, and again if other bytes were stored. If weights were refused
        before with metrics, and none are given now, these count.
        """
        target = item.target
        holds = self._gate.holds_for(target.name, target.old, target.pointer_path)
        if not holds and not self._is_remembered(target) and self._policy.allows_all:
            return item
        weights = stored
        if weights is None:
            weights = self._project.worktree.hash_weights(
                target.name, target.weights, follow=self._follow
            )
        digest = weights.digest
        judged = self._judged.get(target.weights)
        if digest is None or (judged is not None and judged[0] == digest):
            return item  # missing weights are refused when they are stored
        item = self._recalled(item, digest)
        known = self._known(target, digest, histories)
        report = self._gate.judge(
            target.name, digest, known, item.metadata, path=target.pointer_path, current=target.old
        )
        self._judged[target.weights] = digest, report
        if known is None and self._is_against_policy(item, weights):
            return None
        if report is None or not report.is_refused:
            return item
        line = note_rejected(
            self._project,
            target.name,
            weights,
            item.metadata,
            refusals(report),
            asked=asked_metrics(report),
        )
        is_new = target.old is None
        self.refused.append(Refused(target.weights, line, item.warnings, is_new))
        # Weights without a pointer stay out of Git.
        ignore_in_clone(self._project, [target.weights])
        return None

    def _is_against_policy(self, item: Item, weights: Weights) -> bool:
        """Whether the policy refuses new weights; notes what it warns of, and writes a refusal down."""
        target = item.target
        found = self._policy.findings(item.metadata.format, target.old, self._base)
        self._policy_notes[target.weights] = found.warned
        if not found.refused:
            return False
        told = refused_words(found.refused)
        if self._force is not None:
            self._overridden.add(target.weights)
            self._policy_notes[target.weights] = (
                *found.warned,
                f"{told}; they are registered all the same: {self._force}",
            )
            return False
        typed = self._project.typed(target.weights)
        hint = f"gitmodel add {typed} --force WHY, which registers them all the same"
        error = PolicyError(told, hint=hint, model=target.name)
        self.failed.append((target.weights, error))
        note_rejected(self._project, target.name, weights, item.metadata, found.refused)
        ignore_in_clone(self._project, [target.weights])  # no pointer does
        return True

    def _is_remembered(self, target: Target) -> bool:
        return bool(rejected_runs(self._project, target.name))

    def _recalled(self, item: Item, digest: Digest) -> Item:
        """The item, with the metadata that these weights had when a gate refused them, if none is given now."""
        if item.metadata.metrics:
            return item
        run = last_refusal(self._project, item.target.name, digest)
        return item if run is None else item._replace(metadata=run.recalled(item.metadata))

    def _known(self, target: Target, digest: Digest, histories: Histories) -> Pointer | None:
        """The version that has these weights already."""
        if target.old is not None and target.old.digest == digest:
            return target.old
        history = histories.joined(histories.of(target.name), target.old)
        return history.version_of(digest)
