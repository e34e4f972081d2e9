"""The judgement of versions by hand: by the gates of HEAD or of a file, or by bounds that were given."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.domain.gates.config import PREVIOUS, Gates
from gitmodel.domain.yaml.key_order import comparable
from gitmodel.errors import GateConfigError, GitmodelError, TextError, UsageError
from gitmodel.project.committed_models import models_in_tree
from gitmodel.project.gates.configured import gates_at
from gitmodel.project.gates.judged import GateCheck, JudgedChange
from gitmodel.project.gates.registration import Candidate, baseline_of, report_of
from gitmodel.project.models import read_models
from gitmodel.project.project import CONFIG_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.domain.gates.config import Gate
    from gitmodel.domain.gates.rules import Rule
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.gates.judged import ChangeKind
    from gitmodel.project.gates.measured import JudgedMetrics
    from gitmodel.project.gates.registration import BaselineVersion
    from gitmodel.project.project import Project


class Bench:
    """Judges versions by the gates of HEAD or of a file, or by rules that were given."""

    def __init__(
        self,
        project: Project,
        head: str | None,
        gates_file: str | None,
        rules: Sequence[Rule],
        metrics: JudgedMetrics,
    ) -> None:
        self._project = project
        self._head = head
        self._rules = tuple(rules)
        self._metrics = metrics
        self._config = CONFIG_NAME if gates_file is None else gates_file
        self._config_commit = head if gates_file is None else None
        if rules:
            self._gates = Gates()
        elif gates_file is None:
            self._gates = gates_at(project, head)
        else:
            self._gates = gates_of_file(project, gates_file)

    def baseline(self, name: str) -> BaselineVersion | None:
        """What HEAD has of a model, by the word of its gate."""
        gate = self._gates.gate_of(name)
        word = PREVIOUS if gate is None else gate.baseline
        return baseline_of(self._project, self._head, name, word)

    def judge(
        self, pointer: Pointer, baseline: BaselineVersion | None, *, alias: str | None = None
    ) -> JudgedChange:
        """Judge a version, as one that the alias is to mean if there are rules for it."""
        gate = self._gates.gate_of(pointer.name)
        rules, kind = self._rules_of(gate, alias)
        metrics, differences = self._metrics.of(pointer.metrics, "the pointer", pointer)
        report = None
        if rules:
            report = report_of(
                self._project,
                Candidate(pointer.name, pointer.digest, metrics, pointer.data),
                baseline,
                rules,
                pattern="--min, --max" if gate is None else gate.pattern,
                same_data="ignore" if gate is None or kind == "promote" else gate.same_data,
            )
        notes = [] if report is None else list(report.data_changes)
        notes += differences
        return JudgedChange(
            model=pointer.name,
            kind=kind,
            alias=alias if kind == "promote" else None,
            version=pointer.version,
            digest=pointer.digest,
            commit=None,
            metrics=metrics,
            baseline=baseline,
            gate=report,
            forced=pointer.forced if kind == "register" else None,
            allow_force=gate is not None and gate.allow_force,
            notes=tuple(notes),
        )

    def _rules_of(
        self, gate: Gate | None, alias: str | None
    ) -> tuple[tuple[Rule, ...], ChangeKind]:
        if self._rules:
            return self._rules, "register"
        if gate is not None and alias is not None and gate.rules_for(alias):
            return gate.rules_for(alias), "promote"
        return (() if gate is None else gate.register), "register"

    def check(
        self, changes: Sequence[JudgedChange], problems: Sequence[GitmodelError], *, against: str
    ) -> GateCheck:
        """The report."""
        return GateCheck(
            against=against,
            config="--min, --max" if self._rules else self._config,
            config_commit=None if self._rules else self._config_commit,
            changes=tuple(changes),
            problems=tuple(problems),
            evidence=self._metrics.evidence,
        )


def changed_pointers(
    project: Project, head: str | None
) -> tuple[list[Pointer], list[GitmodelError]]:
    """The pointers of the work tree with other weights or metrics than HEAD's, and the broken ones."""
    found = read_models(project)
    known = {} if head is None else {m.name: m.pointer for m in models_in_tree(project, head)}
    changed = []
    for model in found.models:
        old, new = known.get(model.name), model.pointer
        if (
            old is None
            or old.digest != new.digest
            or comparable(old.metrics) != comparable(new.metrics)
        ):
            changed.append(new)
    return changed, [error for _, error in found.broken]


def gates_of_file(project: Project, path: str) -> Gates:
    """The gates of a file with `gates` and `better`, such as an edited configuration.

    Raises UsageError if the file cannot be read, GateConfigError if its gates are not valid.
    """
    from gitmodel.domain.text import MAX_TEXT_BYTES
    from gitmodel.domain.yaml.reader import parse

    try:
        with open(os.path.join(project.context.folder, path), "rb") as stream:
            raw = stream.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", hint="gitmodel gate --gates FILE"
        ) from error
    try:
        return Gates.from_values(parse(raw, what=path), what=path)
    except GateConfigError:
        raise
    except TextError as error:
        raise GateConfigError(error.message, hint=error.hint) from error
