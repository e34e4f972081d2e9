"""The report of `add`, and the check for models that were moved by hand."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.errors import ModelNameError
from gitmodel.project.adding.new_version import dropped_metadata_warning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.adding.items import Ready
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class AddReport:
    """The result of `add` for one model."""

    name: str
    version: int  # number now
    was: int | None  # number before, None for a new model
    digest: str  # of the weights
    size: int  # bytes of the weights
    stored: int  # bytes of the packs that its manifest lists
    pointer_path: str  # relative to the top of the work tree
    changed: bool  # whether the pointer changed
    warnings: tuple[str, ...] = ()
    committed: str | None = None  # commit made by `-m`
    same_weights: bool = False  # whether the pointer named these weights before


def report_of(project: Project, ready: Ready, pointer: Pointer) -> AddReport:
    """The report of weights whose pointer is about to be written."""
    target, old = ready.item.target, ready.item.target.old
    warnings = [
        *ready.item.warnings,
        dropped_metadata_warning(old, pointer, project.typed(target.weights)),
    ]
    if target.moved_from is not None and os.path.lexists(
        os.path.join(project.root, target.moved_from)
    ):
        warnings.append(
            f"{target.name}: its weights are now {target.weights}; {target.moved_from} stays on "
            "disk and is no longer part of the model"
        )
    return AddReport(
        name=target.name,
        version=pointer.version,
        was=None if old is None else old.version,
        digest=str(pointer.digest),
        size=ready.weights.size,
        stored=sum(ready.manifest.pack_sizes),
        pointer_path=target.pointer_path,
        changed=target.differs_from(pointer),
        warnings=tuple(warning for warning in warnings if warning is not None),
        same_weights=old is not None and old.digest == pointer.digest,
    )


class Moved:
    """Detects new models whose weights were moved with `mv` from an existing one, unless the user named it."""

    def __init__(self, project: Project, models: Iterable[Model], *, named: bool) -> None:
        self._project = project
        self._by_digest: dict[Digest, Model] = {}
        if not named:
            self._by_digest = {model.pointer.digest: model for model in models}

    def error(self, ready: Ready) -> ModelNameError | None:
        """The error if the weights were moved from an existing model, None otherwise."""
        target, digest = ready.item.target, ready.weights.digest
        if target.model is not None or digest is None or digest not in self._by_digest:
            return None
        model = self._by_digest[digest]
        if os.path.lexists(os.path.join(self._project.root, model.weights)):
            return None  # a copy
        typed = self._project.typed(target.weights)
        return ModelNameError(
            f"{target.weights} has the weights of {model.name}, and {model.weights} does not exist "
            "any more",
            hint=f"if the weights were moved: gitmodel add {typed} --name {model.name}; if this is "
            f"another model: gitmodel add {typed} --name {target.name}",
        )
