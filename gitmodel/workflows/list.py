"""`gitmodel list`: the models of the work tree or of a revision."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gitmodel.project.models import Model, read_models
from gitmodel.project.version_marks import VersionMarks, marks_at, marks_in_work_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gitmodel.domain.deprecations import Deprecation
    from gitmodel.errors import GitmodelError
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of `gitmodel list`."""

    name: str
    version: int
    path: str
    pointer_path: str
    size: int
    digest: str
    run_id: str | None
    metrics: dict[str, object]
    aliases: tuple[AliasRow, ...] = ()  # of the model, of any version
    deprecated: Deprecation | None = None  # of this version
    format: Mapping[str, object] | None = None
    license: str | None = None
    by: str | None = None  # author of the commit that registered this version
    at: str | None = None  # its author time, UTC, ISO 8601


@dataclass(frozen=True, slots=True)
class AliasRow:
    """An alias and the version that it means."""

    alias: str
    version: int
    digest: str


@dataclass(slots=True)
class ListReport:
    """The models of a tree."""

    models: list[Listed] = field(default_factory=list)
    broken: list[GitmodelError] = field(default_factory=list)


def list_models(project: Project, revision: str | None = None) -> ListReport:
    """The models of the work tree, or of a revision.

    Raises UnknownReferenceError if Git knows no such revision.
    """
    if revision is None and project.repository.work_tree is not None:
        found = read_models(project)
        marks = marks_in_work_tree(project)
        broken = [error for _, error in (*found.broken, *marks.broken)]
        return ListReport(_sorted(found.models, marks), broken)
    from gitmodel.project.references import models_at

    marks = marks_at(project, revision or "HEAD")
    return ListReport(_sorted(models_at(project, revision or "HEAD"), marks))


def with_authors(project: Project, report: ListReport) -> ListReport:
    """The report with the commit that registered each version, from one walk through history."""
    from gitmodel.project.history.model_history import histories_of
    from gitmodel.project.history.version_log import versions_of

    histories = histories_of(project, {row.name for row in report.models})
    first = {
        (entry.name, entry.version, entry.digest): entry
        for history in histories.values()
        for entry in versions_of(history, None)
    }
    rows = []
    for row in report.models:
        entry = first.get((row.name, row.version, row.digest))
        rows.append(row if entry is None else replace(row, by=entry.author, at=entry.at or None))
    return ListReport(rows, report.broken)


def _sorted(models: Iterable[Model], marks: VersionMarks) -> list[Listed]:
    rows = [_row(model, marks) for model in models]
    return sorted(rows, key=lambda row: (row.name, os.fsencode(row.pointer_path)))


def _row(model: Model, marks: VersionMarks) -> Listed:
    return Listed(
        name=model.name,
        version=model.pointer.version,
        path=model.weights,
        pointer_path=model.path,
        size=model.pointer.size,
        digest=str(model.pointer.digest),
        run_id=model.pointer.run_id,
        metrics=dict(model.pointer.metrics),
        aliases=tuple(
            AliasRow(alias.alias, alias.version, str(alias.digest))
            for alias in marks.aliases_of(model.path)
        ),
        deprecated=marks.deprecation(model.path, model.pointer.version),
        format=model.pointer.format,
        license=model.pointer.license,
    )
