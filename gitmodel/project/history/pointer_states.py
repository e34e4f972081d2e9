"""The pointer and the deprecated versions of a model along the first-parent line of a branch."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.audit_events import DeprecationState, PointerState
from gitmodel.domain.deprecations import Deprecations
from gitmodel.domain.pointer import DEPRECATED_SUFFIX, POINTER_SUFFIX, Pointer
from gitmodel.errors import GitmodelError
from gitmodel.git.history.first_parent import FirstParentHistory
from gitmodel.git.history.line_file import stem_of
from gitmodel.project.history.audited_branch import decision_of
from gitmodel.project.history.historic_files import HistoricFiles
from gitmodel.project.history.replay import Companion, Replay

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.git.history.first_parent import Line
    from gitmodel.git.history.line_log import LineChange, LineRecord
    from gitmodel.project.history.replay import Step
    from gitmodel.project.project import Project


class ModelStates(NamedTuple):
    """What a branch had of a model, oldest first, also under earlier names."""

    pointers: list[PointerState]
    deprecations: list[DeprecationState]


class PointerStates:
    """The pointers and deprecations of one line; caches files."""

    def __init__(self, project: Project, line: Line) -> None:
        self._replay = _PointerReplay(project, line)
        self._files = HistoricFiles(project)
        self._line = line

    def of(self, name: str) -> ModelStates:
        """The states of a model. Raises RepositoryError if a partial clone lacks a file and cannot fetch it."""
        steps = self._replay.steps(name)
        pointers = [
            PointerState(decision_of(one.record), one.value, one.renamed_to is not None)
            for one in steps
            if not one.is_unknown
        ]
        return ModelStates(pointers, self._deprecations(steps))

    def _deprecations(self, steps: Sequence[Step[Pointer]]) -> list[DeprecationState]:
        """The deprecations beside the pointer, wherever that was."""
        found = []
        for index, step in enumerate(steps):
            if step.value is None:
                continue
            end = next((s.record.number for s in steps[index + 1 :]), None)
            path = step.record.change.path
            # Git has no order inside a commit: a file that came with the pointer belongs to it.
            start = step.record.number
            records = self._beside(path)
            within = [r for r in records if r.number >= start and (end is None or r.number < end)]
            before = [r for r in records if r.number < start]
            if not index or steps[index - 1].value is None:
                within = before[-1:] + within  # the file was there before the pointer
            self._files.read([record.change for record in within])
            for record in within:
                versions = self._parsed(record)
                if versions is not None:
                    decision = decision_of(max(record, step.record, key=lambda r: r.number))
                    found.append(DeprecationState(decision, step.value.name, versions.versions))
        return found

    def _beside(self, pointer_path: str) -> list[LineRecord]:
        path = pointer_path.removesuffix(POINTER_SUFFIX) + DEPRECATED_SUFFIX
        records = self._line.of_stem(stem_of(pointer_path))
        return [record for record in reversed(records) if record.change.path == path]

    def _parsed(self, record: LineRecord) -> Deprecations | None:
        change = record.change
        if change.oid is None:
            return Deprecations()
        with suppress(GitmodelError):
            return Deprecations.from_text(self._files.raw(change.oid), what=change.path)
        return None


class _PointerReplay(Replay[Pointer]):
    """The pointers of all models on a line."""

    def __init__(self, project: Project, line: Line) -> None:
        super().__init__(project)
        self._history = FirstParentHistory(project.repository)
        self._line = line
        self._stems: dict[str, list[LineRecord]] = {}
        self._commits: dict[str, list[LineChange]] = {}  # the pointers of commits that may rename

    def records(self, name: str) -> Sequence[LineRecord]:
        return self._of_stem(name.rpartition("/")[2])

    def _of_stem(self, stem: str) -> list[LineRecord]:
        if stem not in self._stems:
            self._stems[stem] = [
                record
                for record in reversed(self._line.of_stem(stem))
                if record.change.path.endswith(POINTER_SUFFIX)
            ]
        return self._stems[stem]

    def companions(self, record: LineRecord) -> Iterable[Companion[Pointer]]:
        stem = stem_of(record.change.path)
        commit = record.change.commit
        if commit not in self._commits:
            self._commits[commit] = [
                one for one in self._history.commit(commit) if one.path.endswith(POINTER_SUFFIX)
            ]
        # A commit may rename thousands of models; most keep the last part of the name.
        for change in sorted(self._commits[commit], key=lambda one: stem_of(one.path) != stem):
            older = [
                one
                for one in self._of_stem(stem_of(change.path))
                if one.number < record.number and one.change.path == change.path
            ]
            before = self.value(older[-1].change) if older else None
            yield Companion(before, self.value(change))

    def parsed(self, raw: bytes, path: str) -> Pointer | None:
        with suppress(GitmodelError):
            return Pointer.from_text(raw, what=path)
        return None

    def is_same(self, one: Pointer, other: Pointer) -> bool:
        """Or one is the version before the other: a model may be renamed with new weights."""
        return one.digest == other.digest or any(
            after.previous is not None and after.previous.digest == before.digest
            for before, after in ((one, other), (other, one))
        )

    def may_be_renamed(self, value: Pointer) -> bool:
        return value.version > 1 or value.previous is not None
