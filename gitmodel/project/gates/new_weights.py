"""The gate of `git commit` and `gitmodel add`: whether weights become a version.

Only new content is judged, and new metrics of known content. The gates are HEAD's, so a commit cannot lower its own
bar; before the first commit they are those of the work tree.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from gitmodel.project.committed_models import find_in_tree, models_in_tree
from gitmodel.project.gates.configured import gates_at
from gitmodel.project.gates.registration import (
    Candidate,
    has_name_at,
    judge_registration,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.gates.config import Gates
    from gitmodel.domain.gates.rules import GateReport
    from gitmodel.domain.metrics import Metric
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.gates.if_better import IfBetter
    from gitmodel.project.metadata import Metadata
    from gitmodel.project.project import Project


class RegistrationGate:
    """Judges weights before they are stored.

    `forced` is the reason for overriding a refusal. Methods raise ConfigError if HEAD's configuration is not
    valid, AliasError or PointerError if the baseline does not parse, UsageError if no direction is known.
    """

    def __init__(
        self, project: Project, asked: IfBetter | None = None, forced: str | None = None
    ) -> None:
        self._project = project
        self._asked = asked
        self._forced = forced
        self._earlier: dict[str, str] = {}  # names at HEAD

    @cached_property
    def gates(self) -> Gates:
        """The gates of HEAD."""
        return gates_at(self._project, self._head)

    @cached_property
    def _head(self) -> str | None:
        return self._project.reader.resolve("HEAD")

    def holds_for(self, name: str, current: Pointer | None = None, path: str | None = None) -> bool:
        """Whether weights of a model are judged at all, by its name or by that of its pointer at HEAD."""
        if self._asked is not None:
            return True
        named = self.gates.gate_of(name)
        if named is not None and named.register:
            return True
        before = (
            self.gates.gate_of(self.earlier_name(name, current, path)) if self.gates.gates else None
        )
        return before is not None and bool(before.register)

    def earlier_name(self, name: str, current: Pointer | None, path: str | None) -> str:
        """The name at HEAD of a model that is renamed, which has the weights of the current pointer; else its name."""
        if current is None or self._head is None:
            return name
        if name not in self._earlier:
            is_here = has_name_at(self._project, self._head, name, path) or find_in_tree(
                self._project, self._head, name
            )
            self._earlier[name] = name if is_here else ""
        if not self._earlier[name]:
            same = (
                model.name
                for model in models_in_tree(self._project, self._head)
                if (model.pointer.version, model.pointer.digest)
                == (current.version, current.digest)
            )
            self._earlier[name] = next(same, name)
        return self._earlier[name]

    def keeps(self, name: str) -> bool:
        """Whether a commit goes on without weights that are refused."""
        gate = self.gates.gate_of(name)
        return gate is None or gate.on_commit == "keep"

    def judge(
        self,
        name: str,
        digest: Digest,
        known: Pointer | None,
        metadata: Metadata,
        *,
        path: str | None = None,
        current: Pointer | None = None,
    ) -> GateReport | None:
        """Judge weights; None if no rule holds, or nothing is new.

        `known` is the version that has these weights, None for new content. `path` is that of the pointer, and
        `current` the pointer before.
        """
        metrics = metrics_of_next(known, metadata)
        if known is not None and metrics == known.metrics:
            return None
        data = metadata.data or (() if known is None else known.data)
        candidate = Candidate(name, digest, metrics, data, path)
        report = judge_registration(self._project, self.gates, self._head, candidate)
        before = self.earlier_name(name, current, path)
        if before != name:
            renamed = candidate._replace(name=before, path=None)
            other = judge_registration(self._project, self.gates, self._head, renamed)
            report = other if report is None or report.baseline is None else report
        if self._asked is not None and known is None:
            from gitmodel.project.gates.if_better import judge_if_better

            wanted = judge_if_better(self._project, self.gates, self._head, self._asked, candidate)
            report = wanted if report is None else _joined(report, wanted)
        if report is not None and report.is_refused and self._forced is not None:
            return report._replace(forced=self._forced)
        return report


def metrics_of_next(known: Pointer | None, metadata: Metadata) -> Mapping[str, Metric]:
    """The metrics that the pointer will have; those of known content stay, a metrics file replaces all."""
    if known is None or (metadata.metrics and metadata.source is not None):
        return metadata.metrics
    return {**known.metrics, **metadata.metrics}


def _joined(configured: GateReport, asked: GateReport) -> GateReport:
    """Both judgements; the baseline in messages is the one that was asked for."""
    return asked._replace(
        pattern=configured.pattern,
        judgements=(*configured.judgements, *asked.judgements),
        data_changes=configured.data_changes,
        needs_same_data=configured.needs_same_data,
    )
