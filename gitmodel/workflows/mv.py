"""`gitmodel mv`: rename a model, or move its weights."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.domain.deprecations import deprecations_path_for
from gitmodel.domain.paths import find_clash, safe_parts
from gitmodel.domain.pointer import pointer_path_for
from gitmodel.domain.reference import check_name
from gitmodel.errors import ModelNameError, UnsafePathError, UsageError
from gitmodel.files.safe_open import folder_handle
from gitmodel.project.adding.metadata import path_inside
from gitmodel.project.aliases import alias_paths_beside, move_aliases, refuse_broken_aliases
from gitmodel.project.fsmonitor.seen_weights import note_seen
from gitmodel.project.git_files.gitignore import ignore_weights
from gitmodel.project.git_files.weights_out_of_git import ignore_in_clone
from gitmodel.project.models import (
    Model,
    Models,
    delete_file,
    read_models,
    unknown_model,
    write_text_file,
)
from gitmodel.worktree.move import move_entry

if TYPE_CHECKING:
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class RenameReport:
    """What `mv` changed. `old_path` and `path` are paths of the weights."""

    old_name: str
    name: str
    old_path: str
    path: str
    pointer_path: str
    moved_weights: bool = True  # False: there are none on disk


def rename_model(
    project: Project,
    name: str,
    *,
    new_name: str | None = None,
    path: str | None = None,
    pointer: str | None = None,
) -> RenameReport:
    """Rename a model, move its weights, or both. The content does not change.

    `path` is the new path of its weights, as typed; the pointer moves with them. If two pointers have the
    same name, `pointer` is the file, as typed, and `name` the new name.

    Raises UnknownReferenceError if no model has that name, ModelNameError if the new name is taken or not
    valid, UnsafePathError if the new path is outside the repository or taken.
    """
    models = read_models(project)
    model = models.require(name) if pointer is None else _model_at(project, models, pointer)
    if pointer is not None:
        new_name = new_name or name
    if new_name is None and path is None:
        raise UsageError(
            "nothing to change", hint=f"gitmodel mv {name} NEW_NAME, or --path NEW_PATH"
        )
    chosen = _free_name(models, model, new_name or model.name)
    weights = model.weights if path is None else _free_path(project, models, model, path)
    pointer_path = pointer_path_for(weights, chosen)
    if pointer_path != model.path:
        _refuse_taken(project, pointer_path)
    refuse_broken_aliases(project, model.path)
    touched: list[str] = []
    is_here = True
    if weights != model.weights:
        with folder_handle(project.root, weights.split("/")[:-1], create=True):
            touched += ignore_weights(project, [weights])
        is_here = move_entry(project.root, model.weights, weights)
    touched += _move_pointer(project, model, pointer_path, name=chosen, weights=weights)
    project.index.stage(list(dict.fromkeys(touched)))
    if pointer is None:
        project.worktree.records.move(model.weights, weights, was=model.name, name=chosen)
    note_seen(project)
    ignore_in_clone(project, [weights])
    return RenameReport(model.name, chosen, model.weights, weights, pointer_path, is_here)


def _model_at(project: Project, models: Models, pointer: str) -> Model:
    """The model of a pointer file, as typed."""
    path = path_inside(project, pointer)
    found = None if path is None else models.at(path)
    if found is None:
        raise unknown_model(pointer, [model.path for model in models.models])
    return found


def _free_name(models: Models, model: Model, name: str) -> str:
    """A valid name that no other model has."""
    chosen = check_name(name)
    if chosen != model.name and chosen in models.names():
        raise ModelNameError(f"{chosen} is another model already", hint="gitmodel list")
    return chosen


def _move_pointer(
    project: Project, model: Model, pointer_path: str, *, name: str, weights: str
) -> list[str]:
    """Write the pointer at its new path, then remove it and its aliases at the old path.

    Returns the paths to stage.
    """
    folder = pointer_path.rpartition("/")[0]
    inside = weights[len(folder) + 1 :] if folder else weights
    moved = replace(model.pointer, name=name, path=inside)
    write_text_file(project.root, pointer_path, moved.to_text())
    touched = [model.path, pointer_path]
    if pointer_path != model.path:
        delete_file(project.root, model.path)
    return touched + move_aliases(project, model.path, pointer_path, name)


def _refuse_taken(project: Project, pointer_path: str) -> None:
    beside = alias_paths_beside(project.root, pointer_path)
    for taken in (pointer_path, deprecations_path_for(pointer_path), *beside):
        if os.path.lexists(os.path.join(project.root, taken)):
            raise ModelNameError(f"{taken} is there already", hint="choose another name")


def _free_path(project: Project, models: Models, model: Model, path: str) -> str:
    """The new path of the weights. As in the shell's `mv`, a folder means a path in that folder."""
    into = path.endswith("/") or os.path.isdir(os.path.join(project.context.folder, path))
    typed = os.path.join(path, model.weights.rpartition("/")[2]) if into else path
    new_path = path_inside(project, typed)
    if new_path is None:
        raise UnsafePathError(f"{path} is not inside the repository {project.root}")
    safe_parts(new_path)
    own = os.path.join(project.root, model.weights)
    full = os.path.join(project.root, new_path)
    # On a case-insensitive disk the same name in another case is the model's own path.
    is_own = os.path.exists(own) and os.path.exists(full) and os.path.samefile(own, full)
    if os.path.lexists(full) and (new_path == model.weights or not is_own):
        raise UnsafePathError(f"{typed} is there already", hint="choose another path")
    others = [other for other in models.models if other.path != model.path]
    for other in (*others, model):
        if new_path.startswith(f"{other.weights}/"):
            raise UnsafePathError(
                f"{typed} is inside the model {other.name}",
                hint=f"choose a path outside of {other.weights}",
            )
    same = find_clash(new_path, (other.weights for other in others))
    if same is not None:
        raise UnsafePathError(
            f"{typed} and {same} are the same file on some systems", hint="choose another path"
        )
    return new_path
