"""`gitmodel rm`: stop versioning a model."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.deprecations import deprecations_path_for
from gitmodel.errors import AliasError, UnsavedWeightsError
from gitmodel.project.aliases import alias_paths_beside
from gitmodel.project.models import Model, delete_file, read_models
from gitmodel.worktree.scan import EntryKind

if TYPE_CHECKING:
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class RemoveReport:
    """What `rm` did."""

    name: str
    pointer_path: str
    weights_path: str
    weights_removed: bool
    also_removed: tuple[str, ...] = ()  # files of aliases and deprecations


def remove_model(
    project: Project, name: str, *, weights: bool = False, aliases: bool = False
) -> RemoveReport:
    """Remove the pointer of a model. Its versions stay in history and on the remote.

    `weights` also removes the weights from disk. Otherwise they stay, and Git still ignores them.
    `aliases` also removes the aliases of the model.

    Raises UnknownReferenceError if no model has that name, UnsavedWeightsError if the cache lacks the
    `weights`, AliasError if the model has aliases that are not to be removed.
    """
    model = read_models(project).require(name)
    beside = alias_paths_beside(project.root, model.path)
    if beside and not aliases:
        raise AliasError(
            f"{name} has aliases: {', '.join(beside)}",
            hint=f"gitmodel rm {name} --aliases",
            model=name,
        )
    deprecated = deprecations_path_for(model.path)
    if os.path.lexists(os.path.join(project.root, deprecated)):
        beside.append(deprecated)
    if weights:
        _remove_weights(project, model)
    for path in (model.path, *beside):
        delete_file(project.root, path)
    project.index.stage([model.path, *beside])
    project.worktree.records.remove(model.weights, name=name)
    return RemoveReport(name, model.path, model.weights, weights, tuple(beside))


def _remove_weights(project: Project, model: Model) -> None:
    seen = project.worktree.hash_weights(model.name, model.weights)
    if seen.kind is EntryKind.MISSING:
        return
    if seen.digest is None or not project.cache.holds(seen.digest):
        raise UnsavedWeightsError(
            f"{model.weights} is stored nowhere else, so it was not removed",
            hint=f"gitmodel add {project.typed(model.weights)}, or remove it yourself",
            model=model.name,
        )
    for file in seen.files:
        delete_file(project.root, f"{model.weights}/{file.path}" if file.path else model.weights)
    if seen.kind is EntryKind.FOLDER:
        top = os.path.join(project.root, *model.weights.split("/"))
        for folder, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                os.rmdir(folder)
