"""Two versions beside each other: what their pointers say, and what differs between their weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.deprecations import Deprecations
from gitmodel.domain.gates.config import Gates
from gitmodel.domain.version_changes import changed_values, compared_data, compared_metrics
from gitmodel.errors import GitmodelError
from gitmodel.project.comparing.manifests import ManifestReader
from gitmodel.project.comparing.weights import compare_weights
from gitmodel.project.deprecated_versions import deprecations_beside
from gitmodel.project.gates.configured import gates_at
from gitmodel.project.history.model_history import history_of
from gitmodel.project.project import CONFIG_NAME
from gitmodel.project.references import (
    file_of_alias,
    known_by_alias,
    resolve,
    version_of_alias,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.domain.aliases import Alias
    from gitmodel.domain.deprecations import Deprecation
    from gitmodel.domain.pointer import Pointer
    from gitmodel.domain.reference import Reference
    from gitmodel.domain.version_changes import ChangedValue, ComparedData, ComparedMetric
    from gitmodel.project.comparing.weights import WeightsChange
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project


class Compared(NamedTuple):
    """A version that is compared.

    Attributes:
        alias: By which it was named.
        is_bare: Only its alias is in this clone, so its params, run, format and data are not known.
    """

    model: Model
    alias: str | None = None
    is_bare: bool = False
    deprecated: Deprecation | None = None

    @property
    def pointer(self) -> Pointer:
        """Its pointer."""
        return self.model.pointer


@dataclass(frozen=True, slots=True)
class VersionChange:
    """What differs between two versions; `weights` says what could not be compared of their bytes.

    Params, format and data are empty if only an alias is known of one of them.
    """

    a: Compared
    b: Compared
    metrics: tuple[ComparedMetric, ...]
    params: tuple[ChangedValue, ...]
    format: tuple[ChangedValue, ...]
    data: tuple[ComparedData, ...]
    weights: WeightsChange

    @property
    def bare(self) -> tuple[Compared, ...]:
        """The versions of which only an alias is known."""
        return tuple(side for side in (self.a, self.b) if side.is_bare)


class Comparer:
    """Compares versions of one project. Configuration and remotes are asked once for all.

    `with_stats` also reads the changed tensors, for how far they moved.
    """

    def __init__(self, project: Project, *, with_stats: bool = False) -> None:
        self._project = project
        self._with_stats = with_stats
        self._manifests = ManifestReader(project)

    def named(self, reference: Reference) -> Compared:
        """The version that a reference means. Raises UnknownReferenceError if it means none."""
        file = file_of_alias(self._project, reference)
        if file is not None:
            return self.of_alias(file.alias)
        return self.of_model(resolve(self._project, reference))

    def of_model(self, model: Model) -> Compared:
        """The version of a pointer. A file of deprecations that does not parse is told, and has none."""
        try:
            found = deprecations_beside(self._project, model.name, model.path)
        except GitmodelError as error:
            self._project.context.note(f"{error}; so nothing is known about deprecated versions")
            found = Deprecations()
        return Compared(model, deprecated=found.versions.get(model.pointer.version))

    def of_alias(self, alias: Alias) -> Compared:
        """The version that an alias means. Raises as `version_of_alias` does."""
        model = version_of_alias(self._project, alias)
        is_bare = model.pointer == known_by_alias(alias, model.pointer.path)
        if is_bare:  # unless a pointer says no more than the alias
            history = history_of(
                self._project, alias.name, only=lambda head: head.digest == alias.digest.hex
            )
            is_bare = not history.entries_of(alias.digest)
        return self.of_model(model)._replace(alias=alias.alias, is_bare=is_bare)

    def compare_all(self, pairs: Iterable[tuple[Compared, Compared]]) -> tuple[VersionChange, ...]:
        """Compare pairs of versions. Their manifests are fetched several at a time."""
        pairs = list(pairs)
        self._manifests.prefetch(
            [
                side.model
                for a, b in pairs
                if a.pointer.digest != b.pointer.digest
                for side in (a, b)
            ]
        )
        return tuple(self.compare(a, b) for a, b in pairs)

    def compare(self, a: Compared, b: Compared) -> VersionChange:
        """Compare two versions; what is missing of their weights is in the report."""
        old, new = a.pointer, b.pointer
        known = not (a.is_bare or b.is_bare)
        return VersionChange(
            a=a,
            b=b,
            metrics=compared_metrics(old.metrics, new.metrics, self._gates.direction, CONFIG_NAME),
            params=changed_values(old.params, new.params) if known else (),
            format=changed_values(old.format, new.format) if old.format and new.format else (),
            data=compared_data(old.data, new.data) if known else (),
            weights=compare_weights(
                self._project, a.model, b.model, self._manifests, with_stats=self._with_stats
            ),
        )

    @cached_property
    def _gates(self) -> Gates:
        """The configured directions of HEAD. A configuration that is not valid has none, and is told."""
        try:
            return gates_at(self._project, self._project.reader.resolve("HEAD"))
        except GitmodelError as error:
            self._project.context.note(f"{error}; so no direction of it counts")
            return Gates()
