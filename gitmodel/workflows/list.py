"""`gitmodel list`: the models of the work tree or of a revision."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.project.models import Model, read_models

if TYPE_CHECKING:
    from collections.abc import Iterable

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


@dataclass(slots=True)
class ListReport:
    """The models of a tree."""

    models: list[Listed] = field(default_factory=list)
    broken: list[GitmodelError] = field(default_factory=list)


def list_models(project: Project, revision: str | None = None) -> ListReport:
    """The models of the work tree, or of a revision.

    Raises:
        UnknownReferenceError: Git knows no such revision.
    """
    if revision is None and project.repository.work_tree is not None:
        found = read_models(project)
        return ListReport(_sorted(found.models), [error for _, error in found.broken])
    from gitmodel.project.references import models_at

    return ListReport(_sorted(models_at(project, revision or "HEAD")))


def _sorted(models: Iterable[Model]) -> list[Listed]:
    return sorted(map(_row, models), key=lambda row: (row.name, os.fsencode(row.pointer_path)))


def _row(model: Model) -> Listed:
    return Listed(
        name=model.name,
        version=model.pointer.version,
        path=model.weights,
        pointer_path=model.path,
        size=model.pointer.size,
        digest=str(model.pointer.digest),
        run_id=model.pointer.run_id,
        metrics=dict(model.pointer.metrics),
    )
