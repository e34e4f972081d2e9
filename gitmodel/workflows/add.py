"""`gitmodel add`: register a file or folder as a model, or a new version of one."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.paths import safe_parts
from gitmodel.domain.pointer import POINTER_SUFFIX, pointer_path_for
from gitmodel.domain.reference import check_name, name_from_path
from gitmodel.errors import ModelNameError, UnsafePathError, UsageError, WeightsError
from gitmodel.workflows.metadata import Given, gather, path_inside
from gitmodel.workflows.models import Model, Models, read_models
from gitmodel.workflows.project import CONFIG_NAME
from gitmodel.workflows.register import dropped, next_pointer, store_survey, write_pointer

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
) -> AddReport:
    """Store weights, write and stage their pointer.

    Args:
        project: The project.
        path: A file or a folder, as typed.
        given: Metrics, params and run id.
        name: The model's name; by default from the path, or as it is called already.
        message: Commit the pointer with this message.
        follow: Store what symbolic links point to.

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
    manifest, weights = _store(project, chosen, place, old, follow=follow)
    pointer_path = pointer_path_for(place, chosen) if model is None else model.path
    pointer = next_pointer(
        project,
        name=chosen,
        path=_inside(pointer_path, place),
        weights=weights,
        old=old,
        metadata=metadata,
    )
    changed = model is None or pointer.to_text().encode() != model.raw
    if changed:
        write_pointer(project, pointer_path, pointer)
    touched = [pointer_path, *ignore_weights(project, place)]
    project.index.stage(touched)
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
        committed=_commit(project, message, touched) if message is not None and changed else None,
    )


def _store(
    project: Project, name: str, place: str, old: Pointer | None, *, follow: bool
) -> tuple[Manifest, Weights]:
    """Bring the weights into the cache, unless their stat says that it has them."""
    if old is not None and project.worktree.unchanged(name, place) == old.digest:
        manifest = project.cache.manifest(old.digest)
        if manifest is not None and not project.cache.missing_packs(manifest):
            weights = project.worktree.observe(name, place)
            project.worktree.set_have(name, weights)
            return manifest, weights
    survey = project.worktree.survey(place, follow=follow)
    return store_survey(project, name, survey, old=old)


def _place_of(project: Project, path: str) -> str:
    """The path of the weights relative to the top of the work tree."""
    place = path_inside(project, path)
    if place is None:
        raise UnsafePathError(
            f"{path} is not inside the repository {project.root}",
            hint="move or copy the weights into the repository first",
        )
    safe_parts(place)
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


def _inside(pointer_path: str, place: str) -> str:
    folder = pointer_path.rpartition("/")[0]
    return place[len(folder) + 1 :] if folder else place


def ignore_weights(project: Project, place: str) -> list[str]:
    """Keep Git's hands off the weights: their name in the `.gitignore` beside them.

    Returns:
        The `.gitignore` if it is to be staged.
    """
    if not project.repository.add_ignore(place):
        return []
    folder = place.rpartition("/")[0]
    return [f"{folder}/.gitignore" if folder else ".gitignore"]


def _commit(project: Project, message: str, paths: list[str]) -> str:
    """Commit these paths, and the files of `gitmodel init` if they were never committed."""
    own = project.index.changed_since_head([CONFIG_NAME, ".gitattributes"])
    project.repository.run("commit", "--quiet", "-m", message, "--", *paths, *sorted(own))
    return project.repository.head() or ""
