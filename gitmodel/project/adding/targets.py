"""The model that each path of `add` belongs to: a new one, or the next version of one.

All paths are checked before anything is stored, so a command with a bad path adds nothing.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.paths import safe_parts
from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer, pointer_path_for
from gitmodel.domain.reference import check_name, name_from_path
from gitmodel.errors import GitmodelError, ModelNameError, UnsafePathError, UsageError, WeightsError
from gitmodel.project.adding.metadata import path_inside
from gitmodel.project.models import Model, read_pointer_file
from gitmodel.project.unicode_path import composed_path
from gitmodel.worktree.scan import EntryKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitmodel.project.models import Models
    from gitmodel.project.project import Project


class Target(NamedTuple):
    """A path to add and its model."""

    weights: str  # relative to the top of the work tree
    name: str
    model: Model | None  # None for a new one
    pointer_path: str  # after this command

    @property
    def old(self) -> Pointer | None:
        """The existing pointer."""
        return None if self.model is None else self.model.pointer

    @property
    def moved_from(self) -> str | None:
        """The earlier path of the weights, None if it stays the same."""
        return (
            None if self.model is None or self.model.weights == self.weights else self.model.weights
        )

    def differs_from(self, pointer: Pointer) -> bool:
        """Whether writing this pointer would change the pointer file or its path."""
        if self.model is None or self.model.path != self.pointer_path:
            return True
        return pointer.to_text().encode() != self.model.raw

    @property
    def inside(self) -> str:
        """The path of the weights relative to the pointer's folder."""
        folder = self.pointer_path.rpartition("/")[0]
        return self.weights[len(folder) + 1 :] if folder else self.weights


@dataclass(slots=True)
class Targets:
    """Finds the model of each path in the work tree. `typed` formats a path as the user types it."""

    root: str
    models: Models
    typed: Callable[[str], str]
    _by_name: dict[str, list[Model]] = field(default_factory=dict)
    _by_weights: dict[str, Model] = field(default_factory=dict)
    _by_path: dict[str, Model] = field(default_factory=dict)
    _taken: dict[str, str] = field(default_factory=dict)  # new pointers -> their weights

    def __post_init__(self) -> None:
        for model in self.models.models:
            self._by_name.setdefault(model.name, []).append(model)
            self._by_weights.setdefault(model.weights, model)
            self._by_path[model.path] = model

    def at(self, weights: str) -> Model | None:
        """The model that has its weights at this path."""
        return self._by_weights.get(weights)

    def inside(self, weights: str) -> list[Model]:
        """The models whose pointers are below a folder."""
        return [m for m in self.models.models if m.path.startswith(f"{weights}/")]

    def find(self, weights: str, name: str | None) -> Target:
        """The target of weights at a path.

        Raises ModelNameError if another model has the given name or the one derived from the path,
        WeightsError if the weights are part of a model that is a folder.
        """
        model = self._model(weights, name)
        chosen = model.name if model is not None else check_name(name or name_from_path(weights))
        if model is not None and model.weights == weights:
            return Target(weights, chosen, model, model.path)
        path = pointer_path_for(weights, chosen)
        self._refuse_taken(weights, chosen, path)
        self._taken[path] = weights
        return Target(weights, chosen, model or self._unstaged(weights, chosen, path), path)

    def _model(self, weights: str, name: str | None) -> Model | None:
        """The existing model of the weights, None for a new one."""
        existing = self.at(weights)
        if existing is not None:
            if name is not None and name != existing.name:
                raise ModelNameError(
                    f"{weights} is already registered as {existing.name}",
                    hint=f"gitmodel mv {existing.name} {name}",
                )
            return self._only(existing.name)
        self._refuse_part(weights, name)
        chosen = name or name_from_path(weights)
        if chosen not in self._by_name:
            return None
        other = self._only(chosen)
        if name is None:
            typed = self.typed(weights)
            raise ModelNameError(
                f"a model {chosen} already exists at {other.weights}",
                hint=f"as its next version: gitmodel add {typed} --name {chosen}; as another "
                f"model: gitmodel add {typed} --name OTHER_NAME",
            )
        return other

    def _unstaged(self, weights: str, name: str, path: str) -> Model | None:
        """The model whose pointer is in the work tree but not in the index, None if there is none."""
        raw = None if path in self._by_path else read_pointer_file(self.root, path)
        if raw is None:
            return None
        model = Model(path, Pointer.from_text(raw, what=path), raw)
        if model.name != name:
            raise ModelNameError(
                f"{path} is the pointer of {model.name} and is not staged yet",
                hint=f"git add {self.typed(path)}, "
                f"then gitmodel add {self.typed(weights)} --name {model.name}",
            )
        return model

    def _only(self, name: str) -> Model:
        """The only model with this name; raises if there are two."""
        found = self._by_name[name]
        return found[0] if len(found) == 1 else self.models.require(name)

    def _refuse_part(self, weights: str, name: str | None) -> None:
        """Refuse weights inside the folder of another model."""
        folder = weights.rpartition("/")[0]
        while folder:
            model = self._by_weights.get(folder)
            if model is not None:
                hint = f"gitmodel add {self.typed(model.weights)}"
                if name == model.name:
                    beside = (
                        f"{folder.rpartition('/')[0]}/".lstrip("/") + weights.rpartition("/")[2]
                    )
                    hint = (
                        f"move it out of the folder: mv {self.typed(weights)} "
                        f"{self.typed(beside)}, then gitmodel add {self.typed(beside)} --name "
                        f"{name}"
                    )
                raise WeightsError(f"{weights} is part of the model {model.name}", hint=hint)
            folder = folder.rpartition("/")[0]

    def _refuse_taken(self, weights: str, name: str, path: str) -> None:
        """Refuse a pointer path that another model or another target uses."""
        other = self._by_path.get(path)
        if other is not None and other.name != name:
            typed = self.typed(weights)
            raise ModelNameError(
                f"{path} is already the pointer of {other.name}",
                hint=f"as its next version: gitmodel add {typed} --name {other.name}; "
                f"as another model: gitmodel add {typed} --name OTHER_NAME",
            )
        if path in self._taken:
            raise ModelNameError(
                f"{weights} and {self._taken[path]} would have the same pointer, {path}",
                hint=f"gitmodel add {self.typed(weights)} --name OTHER_NAME",
            )
        for broken, error in self.models.broken:
            if broken == path:
                raise error


def work_tree_path(project: Project, path: str) -> str:
    """The path of weights relative to the top of the work tree.

    Raises UnsafePathError if it is outside the repository or its top folder, UsageError if it is a
    pointer.
    """
    weights = path_inside(project, path)
    if weights is None and _is_top(project, path):
        raise UnsafePathError(
            f"{path} is the top folder of the repository, not weights",
            hint="gitmodel add PATH, with the path of the weights",
        )
    if weights is None:
        raise UnsafePathError(
            f"{path} is not inside the repository {project.root}",
            hint="move or copy the weights into the repository first",
        )
    weights = composed_path(project, weights)
    safe_parts(weights)
    _refuse_other_repository(project, weights)
    if weights.endswith(POINTER_SUFFIX):
        raise UsageError(
            f"{path} is a pointer, not weights",
            hint="gitmodel add PATH, with the path of the weights",
        )
    return weights


def refuse_tracked(targets: Targets, path: str, weights: str, name: str | None) -> None:
    """Refuse a path that Git tracks, with a hint that depends on the tracked files."""
    models = targets.inside(weights)
    typed = shlex.quote(path.rstrip("/"))
    own = next((model for model in models if model.name == name), None)
    if own is not None:
        beside = f"{weights.rpartition('/')[0]}/{own.weights.rpartition('/')[2]}".lstrip("/")
        raise WeightsError(
            f"{path} contains the pointer of {own.name}, so it cannot be the weights of that model",
            hint=f"move the model first: gitmodel mv {own.name} --path {targets.typed(beside)}, "
            f"then gitmodel add {typed} --name {own.name}",
        )
    if models:
        few = ", ".join(model.name for model in models[:3]) + ("..." if models[3:] else "")
        several = "models" if models[1:] else "model"
        raise WeightsError(
            f"{path} contains the {several} {few}, so it cannot be a model itself",
            hint=f"gitmodel add {typed}/*, which adds each entry of the folder as a model",
        )
    raise WeightsError(
        f"{path} is tracked by Git itself",
        hint=f"git rm -r --cached {typed}, then gitmodel add {typed}",
    )


def refuse_together(errors: Sequence[tuple[str, GitmodelError]], count: int) -> None:
    """Refuse the whole command if some paths cannot be added: the error of the first names the others."""
    if not errors:
        return
    _, first = errors[0]
    if count == 1:
        raise first
    others = (
        f"; nor can {list_some([path for path, _ in errors[1:]])} be added" if errors[1:] else ""
    )
    message = f"nothing was added: {first.message}{others}"
    raise type(first)(message, hint=first.hint, model=first.model)


def refuse_leaving(project: Project, target: Target) -> None:
    """Refuse to change a model's path while weights in no version are at the old one. Raises WeightsError."""
    if target.moved_from is None or target.model is None:
        return
    seen = project.worktree.hash_weights(target.name, target.moved_from)
    if seen.kind is EntryKind.MISSING or seen.digest == target.model.pointer.digest:
        return
    if seen.digest is not None and project.cache.holds(seen.digest):
        return
    raise WeightsError(
        f"the weights in {target.moved_from} are not registered, and {target.weights} would "
        "replace that path",
        hint=f"gitmodel add {project.typed(target.moved_from)}; or delete it, if nobody needs it",
        model=target.name,
    )


def list_some(paths: Sequence[str]) -> str:
    """The first three paths, and the number of the others."""
    rest = f" and {len(paths) - 3:,} more" if len(paths) > 3 else ""
    return ", ".join(paths[:3]) + rest


def _is_top(project: Project, path: str) -> bool:
    full = os.path.join(project.context.folder, path)
    return os.path.realpath(full) == os.path.realpath(project.root)


def _refuse_other_repository(project: Project, weights: str) -> None:
    """Refuse weights inside a submodule or a nested clone, which this repository does not track."""
    *above, _ = weights.split("/")
    for depth in range(1, len(above) + 1):
        folder = "/".join(above[:depth])
        if os.path.lexists(os.path.join(project.root, folder, ".git")):
            raise UnsafePathError(
                f"{weights} is inside another repository, the submodule or clone {folder}",
                hint=f"gitmodel -C {project.typed(folder)} add "
                f"{shlex.quote(weights[len(folder) + 1 :])}",
            )
