"""Which model each path of `add` is: a new one, the next version of one, or not to be added.

All of this is known before anything is stored, so a command with many paths refuses as a whole here.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.paths import safe_parts
from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer, pointer_path_for
from gitmodel.domain.reference import check_name, name_from_path
from gitmodel.errors import GitmodelError, ModelNameError, UnsafePathError, UsageError, WeightsError
from gitmodel.project.adding.metadata import path_inside
from gitmodel.project.models import Model, read_pointer_file
from gitmodel.project.typed_path import composed_place
from gitmodel.worktree.scan import EntryKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitmodel.project.models import Models
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class Target:
    """One path, and what it becomes.

    Attributes:
        place: The path of the weights, relative to the top of the work tree.
        name: The model.
        model: The model as it is, None for a new one.
        pointer_path: Of its pointer from now on.
    """

    place: str
    name: str
    model: Model | None
    pointer_path: str

    @property
    def old(self) -> Pointer | None:
        """The pointer as it is."""
        return None if self.model is None else self.model.pointer

    @property
    def left(self) -> str | None:
        """The path that the model leaves for this one, None if it stays where it is."""
        return (
            None if self.model is None or self.model.weights == self.place else self.model.weights
        )

    def differs_from(self, pointer: Pointer) -> bool:
        """Whether writing this pointer would change anything."""
        if self.model is None or self.model.path != self.pointer_path:
            return True
        return pointer.to_text().encode() != self.model.raw

    @property
    def inside(self) -> str:
        """The place relative to the pointer's folder."""
        folder = self.pointer_path.rpartition("/")[0]
        return self.place[len(folder) + 1 :] if folder else self.place


@dataclass(slots=True)
class Targets:
    """Finds the target of each path among the models of the work tree.

    Attributes:
        root: The top of the work tree.
        models: Those of the work tree.
        typed: Gives a path of the work tree as the person types it.
    """

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

    def at(self, place: str) -> Model | None:
        """The model whose weights are at a place."""
        return self._by_weights.get(place)

    def inside(self, place: str) -> list[Model]:
        """The models whose pointers or weights are below a folder."""
        return [m for m in self.models.models if m.path.startswith(f"{place}/")]

    def find(self, place: str, name: str | None) -> Target:
        """What the weights at a place become.

        Raises:
            ModelNameError: The name given, or the one that follows from the path, is another model's.
            WeightsError: They are part of a model that is a folder.
        """
        model = self._model(place, name)
        chosen = model.name if model is not None else check_name(name or name_from_path(place))
        if model is not None and model.weights == place:
            return Target(place, chosen, model, model.path)
        path = pointer_path_for(place, chosen)
        self._refuse_taken(place, chosen, path)
        self._taken[path] = place
        return Target(place, chosen, model or self._unstaged(place, chosen, path), path)

    def _model(self, place: str, name: str | None) -> Model | None:
        """The model that the weights are a version of, None for a new one."""
        here = self.at(place)
        if here is not None:
            if name is not None and name != here.name:
                raise ModelNameError(
                    f"{place} is called {here.name} already", hint=f"gitmodel mv {here.name} {name}"
                )
            return self._only(here.name)
        self._refuse_part(place, name)
        chosen = name or name_from_path(place)
        if chosen not in self._by_name:
            return None
        other = self._only(chosen)
        if name is None:
            typed = self.typed(place)
            raise ModelNameError(
                f"{chosen} is the model at {other.weights} already",
                hint=f"as its next version: gitmodel add {typed} --name {chosen}; "
                f"as another model: gitmodel add {typed} --name OTHER_NAME",
            )
        return other

    def _unstaged(self, place: str, name: str, path: str) -> Model | None:
        """The model whose pointer is in the work tree and not in the index, None if there is none.

        Raises:
            ModelNameError: It is another model's pointer.
            PointerError: It is none.
        """
        raw = None if path in self._by_path else read_pointer_file(self.root, path)
        if raw is None:
            return None
        model = Model(path, Pointer.from_text(raw, what=path), raw)
        if model.name != name:
            raise ModelNameError(
                f"{path} is the pointer of {model.name}, and Git does not have it yet",
                hint=f"git add {self.typed(path)}, "
                f"then gitmodel add {self.typed(place)} --name {model.name}",
            )
        return model

    def _only(self, name: str) -> Model:
        """The model of a name; two of that name are an error."""
        found = self._by_name[name]
        return found[0] if len(found) == 1 else self.models.require(name)

    def _refuse_part(self, place: str, name: str | None) -> None:
        """Refuse weights inside another model's folder: their pointer would become a part of it."""
        folder = place.rpartition("/")[0]
        while folder:
            model = self._by_weights.get(folder)
            if model is not None:
                hint = f"gitmodel add {self.typed(model.weights)}"
                if name == model.name:
                    beside = f"{folder.rpartition('/')[0]}/".lstrip("/") + place.rpartition("/")[2]
                    hint = (
                        f"move it out of the folder: mv {self.typed(place)} {self.typed(beside)}, "
                        f"then gitmodel add {self.typed(beside)} --name {name}"
                    )
                raise WeightsError(f"{place} is part of the model {model.name}", hint=hint)
            folder = folder.rpartition("/")[0]

    def _refuse_taken(self, place: str, name: str, path: str) -> None:
        """Refuse a pointer where another model's is, or will be."""
        other = self._by_path.get(path)
        if other is not None and other.name != name:
            typed = self.typed(place)
            raise ModelNameError(
                f"{path} is the pointer of {other.name} already",
                hint=f"as its next version: gitmodel add {typed} --name {other.name}; "
                f"as another model: gitmodel add {typed} --name OTHER_NAME",
            )
        if path in self._taken:
            raise ModelNameError(
                f"{place} and {self._taken[path]} would have one pointer, {path}",
                hint=f"gitmodel add {self.typed(place)} --name OTHER_NAME",
            )
        for broken, error in self.models.broken:
            if broken == path:
                raise error


def place_of(project: Project, path: str) -> str:
    """The path of weights relative to the top of the work tree.

    Raises:
        UnsafePathError: It is not in this repository, or is the repository itself.
        UsageError: It is a pointer.
    """
    place = path_inside(project, path)
    if place is None and _is_top(project, path):
        raise UnsafePathError(
            f"{path} is the repository itself, not weights in it",
            hint="gitmodel add PATH, with the path of the weights",
        )
    if place is None:
        raise UnsafePathError(
            f"{path} is not inside the repository {project.root}",
            hint="move or copy the weights into the repository first",
        )
    place = composed_place(project, place)
    safe_parts(place)
    _refuse_other_repository(project, place)
    if place.endswith(POINTER_SUFFIX):
        raise UsageError(
            f"{path} is a pointer, not weights",
            hint="gitmodel add PATH, with the path of the weights",
        )
    return place


def refuse_tracked(targets: Targets, path: str, place: str, name: str | None) -> None:
    """Refuse what Git tracks itself.

    Raises:
        WeightsError: Always; the hint depends on what Git tracks there.
    """
    models = targets.inside(place)
    typed = shlex.quote(path.rstrip("/"))
    own = next((model for model in models if model.name == name), None)
    if own is not None:
        beside = f"{place.rpartition('/')[0]}/{own.weights.rpartition('/')[2]}".lstrip("/")
        raise WeightsError(
            f"{path} holds the model {own.name} itself",
            hint=f"move that first: gitmodel mv {own.name} --path {targets.typed(beside)}, "
            f"then gitmodel add {typed} --name {own.name}",
        )
    if models:
        few = ", ".join(model.name for model in models[:3]) + ("..." if models[3:] else "")
        several = "models" if models[1:] else "model"
        raise WeightsError(
            f"{path} holds the {several} {few}, so it is not weights of one model itself",
            hint=f"gitmodel add {typed}/*, which adds what is in it, each as a model",
        )
    raise WeightsError(
        f"{path} is tracked by Git itself",
        hint=f"git rm -r --cached {typed}, then gitmodel add {typed}",
    )


def refuse_together(errors: Sequence[tuple[str, GitmodelError]], count: int) -> None:
    """Refuse a command some of whose paths cannot be added.

    Raises:
        GitmodelError: There are such paths; the first one's error, which also names others.
    """
    if not errors:
        return
    _, first = errors[0]
    if count == 1:
        raise first
    others = f"; nor can {some([path for path, _ in errors[1:]])} be added" if errors[1:] else ""
    message = f"nothing was added: {first.message}{others}"
    raise type(first)(message, hint=first.hint, model=first.model)


def refuse_leaving(project: Project, target: Target) -> None:
    """Refuse to move on from a path whose weights nobody has registered.

    Raises:
        WeightsError: There are such weights.
    """
    if target.left is None or target.model is None:
        return
    seen = project.worktree.hash_weights(target.name, target.left)
    if seen.kind is EntryKind.MISSING or seen.digest == target.model.pointer.digest:
        return
    if seen.digest is not None and project.cache.holds(seen.digest):
        return
    raise WeightsError(
        f"{target.left} has weights that are no version yet, and {target.place} would take its place",
        hint=f"gitmodel add {project.typed(target.left)}; or remove it, if nobody needs it",
        model=target.name,
    )


def some(paths: Sequence[str]) -> str:
    """The first paths of many, in words."""
    rest = f" and {len(paths) - 3:,} more" if len(paths) > 3 else ""
    return ", ".join(paths[:3]) + rest


def _is_top(project: Project, path: str) -> bool:
    full = os.path.join(project.context.folder, path)
    return os.path.realpath(full) == os.path.realpath(project.root)


def _refuse_other_repository(project: Project, place: str) -> None:
    """Refuse weights inside a submodule or another repository: Git here does not see beyond it."""
    *above, _ = place.split("/")
    for depth in range(1, len(above) + 1):
        folder = "/".join(above[:depth])
        if os.path.lexists(os.path.join(project.root, folder, ".git")):
            raise UnsafePathError(
                f"{place} is inside another repository, the submodule or clone {folder}",
                hint=f"gitmodel -C {project.typed(folder)} add "
                f"{shlex.quote(place[len(folder) + 1 :])}",
            )
