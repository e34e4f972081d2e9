"""`gitmodel log`: the versions of a model, newest first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.reference import check_name
from gitmodel.project.gates.rejected import clear_rejected, rejected_runs
from gitmodel.project.history.missing_history import note_gaps
from gitmodel.project.history.model_history import history_of
from gitmodel.project.history.renames import EarlierNames, with_earlier_names
from gitmodel.project.history.version_log import LogEntry, versions_of
from gitmodel.project.models import Models, read_models, require_model
from gitmodel.project.references import models_at
from gitmodel.project.version_marks import VersionMarks, current_marks

if TYPE_CHECKING:
    from gitmodel.project.gates.rejected import RejectedRun
    from gitmodel.project.project import Project


def log(project: Project, name: str | None = None) -> list[LogEntry]:
    """The versions of a model (of all models), newest first.

    Raises UnknownReferenceError if no model ever had that name.
    """
    if name is None:
        return _log_of_all(project)
    here = _current_models(project, name).get(name)
    pointer = None if here is None else here.pointer
    found = versions_of(with_earlier_names(project, history_of(project, name), pointer), here)
    if not found:
        _refuse_unknown(project, name)
    note_gaps(project, name, {entry.version for entry in found})
    return found if here is None else _marked(found, here.path, current_marks(project))


def log_rejected(project: Project, name: str) -> list[RejectedRun]:
    """The runs of a model that a gate refused in this clone, newest first.

    Raises ModelNameError if the name is not valid.
    """
    return list(reversed(rejected_runs(project, check_name(name))))


def clear_rejected_runs(project: Project, name: str) -> int:
    """Forget the rejected runs of a model; returns how many there were.

    Raises ModelNameError if the name is not valid.
    """
    return clear_rejected(project, check_name(name))


def _log_of_all(project: Project) -> list[LogEntry]:
    current = _current_models(project)
    by_name = {model.name: model for model in current.models}
    if len(by_name) < len(current.models):
        for name in by_name:
            current.get(name)  # raises if two pointers have the name
    entries: list[LogEntry] = []
    earlier = EarlierNames(project)
    marks = current_marks(project)
    with project.cached_history.snapshot() as snapshot:
        for name, here in by_name.items():
            history = earlier.joined(history_of(project, name, snapshot), here.pointer)
            found = versions_of(history, here)
            note_gaps(project, name, {entry.version for entry in found})
            entries.extend(_marked(found, here.path, marks))
    return sorted(entries, key=lambda entry: entry.at or "9", reverse=True)


def _marked(entries: list[LogEntry], pointer_path: str, marks: VersionMarks) -> list[LogEntry]:
    """The entries with aliases and deprecations; a number that is taken means another content."""
    return [
        replace(
            entry,
            aliases=tuple(
                marks.naming(pointer_path, entry.version, entry.digest.removeprefix("blake3:"))
            ),
            deprecated=None if entry.taken else marks.deprecation(pointer_path, entry.version),
        )
        for entry in entries
    ]


def _current_models(project: Project, name: str | None = None) -> Models:
    """The models of the work tree (if given, those of one name); in a bare repository those of HEAD."""
    if project.repository.work_tree is not None:
        return read_models(project, name=name)
    head = project.reader.resolve("HEAD")
    return Models(() if head is None else tuple(models_at(project, head)))


def _refuse_unknown(project: Project, name: str) -> None:
    if project.repository.work_tree is not None:
        require_model(project, name)
    _current_models(project).require(name)
