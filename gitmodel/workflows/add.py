"""`gitmodel add`: register a file or folder as a model, or a new version of one."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.domain.paths import safe_parts
from gitmodel.domain.pointer import POINTER_SUFFIX, pointer_path_for
from gitmodel.domain.reference import Reference, check_name, name_from_path
from gitmodel.errors import ModelNameError, UnsafePathError, UsageError, WeightsError
from gitmodel.git.rules import ignore_line
from gitmodel.workflows.fetch import fetch
from gitmodel.workflows.metadata import Given, gather, path_inside
from gitmodel.workflows.models import Model, Models, damaged_weights, read_models
from gitmodel.workflows.project import CONFIG_NAME
from gitmodel.workflows.references import resolve
from gitmodel.workflows.register import (
    dropped,
    next_pointer,
    refuse_unwritable,
    store_survey,
    write_pointer,
)
from gitmodel.workflows.seen_weights import note_seen

if TYPE_CHECKING:
    from gitmodel.domain.pointer import Pointer
    from gitmodel.encoding.manifest import Manifest
    from gitmodel.store.worktree import Weights
    from gitmodel.workflows.project import Project


@dataclass(frozen=True, slots=True)
class AddReport:
    """What `add` did.

    Attributes:
        name: The model.
        version: Its number now.
        was: Its number before, None for a new model.
        digest: Of the weights.
        size: Bytes of the weights.
        stored: Bytes of the packs that its manifest needs.
        pointer_path: Relative to the top of the work tree.
        changed: Whether the pointer changed.
        warnings: What a person should know.
        committed: The commit made by `-m`, None otherwise.
    """

    name: str
    version: int
    was: int | None
    digest: str
    size: int
    stored: int
    pointer_path: str
    changed: bool
    warnings: tuple[str, ...] = ()
    committed: str | None = None


def add(
    project: Project,
    path: str,
    *,
    given: Given | None = None,
    name: str | None = None,
    message: str | None = None,
    follow: bool = False,
    base: str | None = None,
) -> AddReport:
    """Store weights, write and stage their pointer.

    Args:
        project: The project.
        path: A file or a folder, as typed.
        given: Metrics, params and run id.
        name: The model's name; by default from the path, or as it is called already.
        message: Commit the pointer with this message.
        follow: Store what symbolic links point to.
        base: Reference of the model that this one was fine-tuned from: only what differs from it is
            stored, and the pointer names it. Its weights are fetched if they are not here.

    Raises:
        NotSetUpError: `gitmodel init` has not been run.
        WeightsError: There is nothing at the path.
        ModelNameError: The name is taken by another pointer, or not a name.
        ChangedWhileReadError: The weights changed while they were read; nothing was registered.
    """
    project.require_set_up()
    given = given or Given()
    place = _place_of(project, path)
    models = read_models(project)
    model = _model_for(models, place, name)
    chosen = model.name if model is not None else check_name(name or name_from_path(place))
    old = None if model is None else model.pointer
    metadata = gather(project, given, old)
    refuse_unwritable(chosen, old, metadata)
    base_pointer = None if base is None else _fetched_base(project, base)
    manifest, weights = _store(project, chosen, place, old, base_pointer, follow=follow)
    pointer_path = pointer_path_for(place, chosen) if model is None else model.path
    pointer = next_pointer(
        project,
        name=chosen,
        path=_inside(pointer_path, place),
        weights=weights,
        manifest=manifest,
        old=old,
        metadata=metadata,
    )
    if base is not None:
        pointer = replace(pointer, base=base)
    changed = model is None or pointer.to_text().encode() != model.raw
    if changed:
        write_pointer(project, pointer_path, pointer)
    touched = [pointer_path, *ignore_weights(project, place)]
    project.index.stage(touched)
    project.worktree.set_have(chosen, place, weights)
    note_seen(project)
    warning = dropped(old, pointer, place)
    return AddReport(
        name=chosen,
        version=pointer.version,
        was=None if old is None else old.version,
        digest=str(pointer.digest),
        size=weights.size,
        stored=sum(manifest.pack_sizes),
        pointer_path=pointer_path,
        changed=changed,
        warnings=() if warning is None else (warning,),
        committed=None if message is None else _commit(project, message, pointer_path, touched),
    )


def _fetched_base(project: Project, reference: str) -> Pointer:
    """The pointer of a base model, whose weights are in the cache now."""
    fetch(project, [reference])
    return resolve(project, Reference.parse(reference)).pointer


def _store(
    project: Project,
    name: str,
    place: str,
    old: Pointer | None,
    base: Pointer | None,
    *,
    follow: bool,
) -> tuple[Manifest, Weights]:
    """Bring the weights into the cache, unless their stat says that it has them."""
    if old is not None and project.worktree.unchanged(name, place) == old.digest:
        manifest = project.cache.manifest(old.digest)
        if manifest is not None and not project.cache.missing_packs(manifest):
            return manifest, project.worktree.observe(name, place)
    if project.worktree.is_damaged(name, place, follow=follow):
        raise damaged_weights(name, place)
    survey = project.worktree.survey(place, follow=follow)
    return store_survey(project, name, survey, old=old, base=base)


def _place_of(project: Project, path: str) -> str:
    """The path of the weights relative to the top of the work tree."""
    place = path_inside(project, path)
    if place is None and _is_top(project, path):
        raise UnsafePathError(
            f"{path} is the repository itself, not weights in it",
            hint="gitmodel add with the path of the weights",
        )
    if place is None:
        raise UnsafePathError(
            f"{path} is not inside the repository {project.root}",
            hint="move or copy the weights into the repository first",
        )
    safe_parts(place)
    _refuse_other_repository(project, place)
    if place.endswith(POINTER_SUFFIX):
        raise UsageError(
            f"{path} is a pointer, not weights", hint="gitmodel add with the path of the weights"
        )
    if project.repository.is_tracked(place):
        raise WeightsError(
            f"{path} is tracked by Git itself",
            hint=f"git rm -r --cached {shlex.quote(path)}, then gitmodel add {shlex.quote(path)}",
        )
    return place


def _refuse_other_repository(project: Project, place: str) -> None:
    """Refuse weights inside a submodule or another repository: Git here does not see beyond it."""
    *above, _ = place.split("/")
    for depth in range(1, len(above) + 1):
        folder = "/".join(above[:depth])
        if os.path.lexists(os.path.join(project.root, folder, ".git")):
            inside = shlex.quote(place[len(folder) + 1 :])
            raise UnsafePathError(
                f"{place} is inside another repository, the submodule or clone {folder}",
                hint=f"gitmodel -C {shlex.quote(folder)} add {inside}",
            )


def _model_for(models: Models, place: str, name: str | None) -> Model | None:
    """The model that these weights are a version of, None for a new one.

    Raises:
        ModelNameError: The name given, or the one that follows from the path, is another model's.
    """
    here = models.at(place)
    if here is not None:
        if name is not None and name != here.name:
            raise ModelNameError(
                f"{place} is called {here.name} already", hint=f"gitmodel mv {here.name} {name}"
            )
        return models.require(here.name)
    _refuse_part(models, place)
    chosen = name or name_from_path(place)
    other = models.get(chosen)
    if other is not None:
        raise ModelNameError(
            f"{chosen} is the model at {other.weights} already",
            hint=f"gitmodel add {shlex.quote(place)} --name OTHER_NAME",
        )
    path = pointer_path_for(place, chosen)
    for model in models.models:
        if model.path == path:
            raise ModelNameError(
                f"{path} is the pointer of {model.name} already",
                hint=f"gitmodel add {shlex.quote(place)} --name OTHER_NAME",
            )
    for broken, error in models.broken:
        if broken == path:
            raise error
    return None


def _is_top(project: Project, path: str) -> bool:
    full = os.path.join(project.context.folder, path)
    return os.path.realpath(full) == os.path.realpath(project.root)


def _refuse_part(models: Models, place: str) -> None:
    """Refuse weights inside another model's folder: their pointer would become a part of it."""
    for model in models.models:
        if place.startswith(f"{model.weights}/"):
            raise WeightsError(
                f"{place} is part of the model {model.name}",
                hint=f"gitmodel add {shlex.quote(model.weights)}",
            )


def _inside(pointer_path: str, place: str) -> str:
    folder = pointer_path.rpartition("/")[0]
    return place[len(folder) + 1 :] if folder else place


def ignore_weights(project: Project, place: str) -> list[str]:
    """Keep Git's hands off the weights: their name in the `.gitignore` beside them.

    Returns:
        The `.gitignore` if it is to be staged.
    """
    folder, _, name = place.rpartition("/")
    path = f"{folder}/.gitignore" if folder else ".gitignore"
    if project.repository.add_ignore(place) or _was_left_unstaged(project, path, name):
        return [path]
    return []


def _was_left_unstaged(project: Project, path: str, name: str) -> bool:
    """Whether our line is in a `.gitignore`, but not in the index: from a run that was killed."""
    line = ignore_line(name)
    try:
        with open(os.path.join(project.root, path), "rb") as stream:
            there = os.fsdecode(stream.read()).splitlines()
    except FileNotFoundError:
        return False
    if line not in there:
        return False
    staged = [entry.oid for entry in project.index.entries(".gitignore") if entry.path == path]
    blobs = project.reader.blobs(staged)
    return not any(line in os.fsdecode(blob).splitlines() for blob in blobs.values())


def _commit(project: Project, message: str, pointer: str, paths: list[str]) -> str | None:
    """Commit these paths, and the files of `gitmodel init` if they were never committed.

    Nothing is committed where HEAD has the pointer already.
    """
    if not project.index.changed_since_head([pointer]):
        return None
    folder, slash, _ = pointer.rpartition("/")
    # The ignore rule may be staged since an `add` without a message.
    ours = [CONFIG_NAME, ".gitattributes", f"{folder}{slash}.gitignore"]
    own = project.index.changed_since_head(ours) | set(paths)
    project.repository.run("commit", "--quiet", "-m", message, "--", *sorted(own))
    return project.repository.head() or ""
