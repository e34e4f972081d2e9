"""The judgement of new versions, and of other metrics on a known one, by the gate of their model."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.gates.config import PREVIOUS
from gitmodel.domain.gates.rules import Baseline, GateReport, judge
from gitmodel.domain.pointer import Pointer, alias_path_for, read_head
from gitmodel.errors import GitmodelError
from gitmodel.project.committed_models import find_in_tree
from gitmodel.project.models import Model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.domain.aliases import Alias
    from gitmodel.domain.digest import Digest
    from gitmodel.domain.gates.config import Gates
    from gitmodel.domain.gates.rules import Rule
    from gitmodel.domain.metrics import Metric
    from gitmodel.domain.yaml.reader import Value
    from gitmodel.project.project import Project


class Candidate(NamedTuple):
    """Weights that may become a version of a model.

    `data` are the pointer's: mappings with `name` and `digest`. `path` is that of the pointer file, if known.
    """

    name: str
    digest: Digest
    metrics: Mapping[str, Metric]
    data: Sequence[Mapping[str, Value]] = ()
    path: str | None = None


class BaselineVersion(NamedTuple):
    """A version to compare with, and the reference by which it was found."""

    reference: str  # `fraud@production`, `fraud@5`
    version: int
    digest: Digest
    metrics: Mapping[str, Metric]
    data: Sequence[Mapping[str, Value]] | None = None  # None: not looked up

    @property
    def words(self) -> str:
        """`v5 has`, or `production is v5 with` for the reference `fraud@production`."""
        word = self.reference.rpartition("@")[2]
        number = f"v{self.version}"
        return f"{number} has" if word == str(self.version) else f"{word} is {number} with"


def judge_registration(
    project: Project, gates: Gates, commit: str | None, candidate: Candidate
) -> GateReport | None:
    """Judge weights by the rules for new versions; None if none hold.

    The baseline is what `commit` has. Raises PointerError or AliasError if its file does not parse.
    """
    gate = gates.gate_of(candidate.name)
    if gate is None or not gate.register:
        return None
    baseline = baseline_of(project, commit, candidate.name, gate.baseline, path=candidate.path)
    return report_of(
        project, candidate, baseline, gate.register, pattern=gate.pattern, same_data=gate.same_data
    )


def report_of(
    project: Project,
    candidate: Candidate,
    baseline: BaselineVersion | None,
    rules: Sequence[Rule],
    *,
    pattern: str,
    same_data: str = "ignore",
) -> GateReport:
    """Judge a candidate by rules against a baseline; `pattern` names the gate in messages."""
    start = None
    changes: tuple[str, ...] = ()
    if baseline is not None:
        start = Baseline(
            baseline.metrics, is_same=baseline.digest == candidate.digest, words=baseline.words
        )
        if candidate.data and same_data != "ignore" and not start.is_same:
            from gitmodel.domain.gates.data import data_changes

            changes = data_changes(_data_of(project, candidate.name, baseline), candidate.data)
    return GateReport(
        pattern=pattern,
        baseline=None if baseline is None else baseline.reference,
        baseline_version=None if baseline is None else baseline.version,
        judgements=judge(rules, candidate.metrics, start),
        data_changes=changes,
        needs_same_data=same_data == "refuse",
    )


def baseline_of(
    project: Project, commit: str | None, name: str, word: str, *, path: str | None = None
) -> BaselineVersion | None:
    """The version of a commit to compare with: an alias, or for `previous` what the pointer names.

    The pointer is probably at `path`; if not, it is looked for.
    """
    if commit is None:
        return None
    model = model_at_path(project, commit, name, path) or find_in_tree(project, commit, name)
    if model is None:
        return None
    if word == PREVIOUS:
        return baseline_from_pointer(model.pointer)
    alias_path = alias_path_for(model.path, word)
    raw = project.reader.text_at(commit, alias_path)
    if raw is not None:
        from gitmodel.domain.aliases import Alias

        return baseline_from_alias(Alias.from_text(raw, alias_path), model.pointer)
    if project.reader.lacks(commit, alias_path):
        return None
    from gitmodel.project.aliases import alias_at

    alias = alias_at(project, commit, alias_path)
    return None if alias is None else baseline_from_alias(alias, model.pointer)


def model_at_path(project: Project, commit: str, name: str, path: str | None) -> Model | None:
    """The model of that name whose pointer is at a path; None if it is not known to be there."""
    raw = None if path is None else project.reader.text_at(commit, path)
    if raw is None or path is None:
        return None
    with suppress(GitmodelError):  # another model's, a link: the search decides
        pointer = Pointer.from_text(raw, what=path)
        return Model(path, pointer, raw) if pointer.name == name else None
    return None


def has_name_at(project: Project, commit: str, name: str, path: str | None) -> bool:
    """Whether the pointer at a path has this name; False if it is not known to have it."""
    raw = None if path is None else project.reader.text_at(commit, path)
    head = None if raw is None else read_head(raw)
    return head is not None and head.name == name


def baseline_from_pointer(pointer: Pointer) -> BaselineVersion:
    """The version that a pointer names."""
    reference = f"{pointer.name}@{pointer.version}"
    return BaselineVersion(
        reference, pointer.version, pointer.digest, pointer.metrics, pointer.data
    )


def baseline_from_alias(alias: Alias, pointer: Pointer) -> BaselineVersion:
    """The version that an alias means; its data are known if the pointer beside it has these weights."""
    data = pointer.data if alias.digest == pointer.digest else None
    return BaselineVersion(str(alias), alias.version, alias.digest, alias.metrics, data)


def _data_of(
    project: Project, name: str, baseline: BaselineVersion
) -> Sequence[Mapping[str, Value]]:
    """The data of a baseline; of an alias from the history of its model."""
    if baseline.data is not None:
        return baseline.data
    from gitmodel.project.history.histories import Histories

    pointer = Histories(project, [name]).of(name).version_of(baseline.digest)
    return () if pointer is None else pointer.data
