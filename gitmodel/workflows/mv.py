"""`gitmodel mv`: rename a model, or move its weights."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import aliases_path_for
from gitmodel.domain.paths import find_clash, safe_parts
from gitmodel.domain.pointer import pointer_path_for
from gitmodel.domain.reference import check_name
from gitmodel.errors import ModelNameError, UnsafePathError, UsageError
from gitmodel.files.safe_open import folder_handle
from gitmodel.project.adding.metadata import path_inside
from gitmodel.project.aliases import move_aliases
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
    """What `mv` did; paths are of the weights unless they say otherwise."""

    old_name: str
    name: str
    old_path: str
    path: str
    pointer_path: str
    moved_weights: bool = True  # False: there are none on disk


def rename(
    project: Project,
    name: str,
    *,
    new_name: str | None = None,
    path: str | None = None,
    pointer: str | None = None,
) -> RenameReport:
    """Give a model another name, its weights another place, or both. The content does not change.

    Args:
        project: The project.
        name: The model; with `pointer`, the new name.
        new_name: What it is called from now on.
        path: Where its weights lie from now on, as typed; the pointer moves beside them.
        pointer: Pointer file, as typed, where two have the same name.

    Raises:
        UnknownReferenceError: No model is called that.
        ModelNameError: The new name is taken, or not a name.
        UnsafePathError: The new place is outside the repository, or something is there.
    """
    models = read_models(project)
    if pointer is None:
        model = models.require(name)
    else:
        new_name = new_name or name
        place = path_inside(project, pointer)
        found = None if place is None else models.at(place)
        if found is None:
            raise unknown_model(pointer, [m.path for m in models.models])
        model = found
    chosen = check_name(new_name or model.name)
    if new_name is None and path is None:
        raise UsageError(
            "nothing to change", hint=f"gitmodel mv {name} NEW_NAME, or --path NEW_PATH"
        )
    if chosen != model.name and chosen in models.names():
        raise ModelNameError(f"{chosen} is another model already", hint="gitmodel list")
    weights = model.weights if path is None else _free_place(project, models, model, path)
    pointer_path = pointer_path_for(weights, chosen)
    if pointer_path != model.path:
        _refuse_taken(project, pointer_path)
    folder = pointer_path.rpartition("/")[0]
    inside = weights[len(folder) + 1 :] if folder else weights
    moved = replace(model.pointer, name=chosen, path=inside)
    touched = [model.path, pointer_path]
    is_here = True
    if weights != model.weights:
        with folder_handle(project.root, weights.split("/")[:-1], create=True):
            touched += ignore_weights(project, [weights])
        is_here = move_entry(project.root, model.weights, weights)
    write_text_file(project.root, pointer_path, moved.to_text())
    if pointer_path != model.path:
        delete_file(project.root, model.path)
        touched += move_aliases(project, model.path, pointer_path)
    project.index.stage(list(dict.fromkeys(touched)))
    if pointer is None:
        project.worktree.records.move(model.weights, weights, was=model.name, name=chosen)
    note_seen(project)
    ignore_in_clone(project, [weights])
    return RenameReport(model.name, chosen, model.weights, weights, pointer_path, is_here)


def _refuse_taken(project: Project, pointer_path: str) -> None:
    for taken in (pointer_path, aliases_path_for(pointer_path)):
        if os.path.lexists(os.path.join(project.root, taken)):
            raise ModelNameError(f"{taken} is there already", hint="choose another name")


def _free_place(project: Project, models: Models, model: Model, path: str) -> str:
    """The place that is meant; as for `mv` of a shell, a folder means a place in that folder."""
    into = path.endswith("/") or os.path.isdir(os.path.join(project.context.folder, path))
    typed = os.path.join(path, model.weights.rpartition("/")[2]) if into else path
    place = path_inside(project, typed)
    if place is None:
        raise UnsafePathError(f"{path} is not inside the repository {project.root}")
    safe_parts(place)
    own = os.path.join(project.root, model.weights)
    full = os.path.join(project.root, place)
    # On a disk that folds case the place of the same name in another case is its own.
    is_own = os.path.exists(own) and os.path.exists(full) and os.path.samefile(own, full)
    if os.path.lexists(full) and (place == model.weights or not is_own):
        raise UnsafePathError(f"{typed} is there already", hint="choose another path")
    others = [other for other in models.models if other.path != model.path]
    for other in (*others, model):
        if place.startswith(f"{other.weights}/"):
            raise UnsafePathError(
                f"{typed} is inside the model {other.name}",
                hint=f"choose a path outside of {other.weights}",
            )
    same = find_clash(place, (other.weights for other in others))
    if same is not None:
        raise UnsafePathError(
            f"{typed} and {same} are the same file on some systems", hint="choose another path"
        )
    return place
