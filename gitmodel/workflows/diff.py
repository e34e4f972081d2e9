"""`gitmodel diff`: what differs between two versions, without fetching their weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from gitmodel.domain.gates.config import Gates
from gitmodel.domain.reference import Reference
from gitmodel.domain.version_changes import changed_values, compared_data, compared_metrics
from gitmodel.errors import GitmodelError, UnknownReferenceError
from gitmodel.project.aliases import deprecations_of, find_alias
from gitmodel.project.comparing.weights import compare_weights
from gitmodel.project.gates.configured import gates_at
from gitmodel.project.project import CONFIG_NAME
from gitmodel.project.references import file_of_alias, known_by_alias, resolve

if TYPE_CHECKING:
    from gitmodel.domain.deprecations import Deprecation
    from gitmodel.domain.pointer import Pointer
    from gitmodel.domain.version_changes import ChangedValue, ComparedData, ComparedMetric
    from gitmodel.project.comparing.weights import WeightsChange
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project

_DEFAULT_ALIAS = "production"
Missing: TypeAlias = Literal["a", "b"]


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
class DiffReport:
    """What differs between two versions; `weights` says what could not be compared of their bytes."""

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


def diff(project: Project, first: str, second: str | None = None) -> DiffReport:
    """Compare two versions.

    One reference is compared with the version that the work tree's pointer names. A name alone means its
    `production` if that is another version, else the version before. `@7` as the second is of the same model.

    Raises UnknownReferenceError if a reference means nothing, or nothing is there to compare with.
    """
    a, b = _sides(project, first, second)
    known = not (a.is_bare or b.is_bare)
    old, new = a.pointer, b.pointer
    gates = _gates(project)
    return DiffReport(
        a=a,
        b=b,
        metrics=compared_metrics(old.metrics, new.metrics, gates.direction, CONFIG_NAME),
        params=changed_values(old.params, new.params) if known else (),
        format=changed_values(old.format, new.format) if old.format and new.format else (),
        data=compared_data(old.data, new.data) if known else (),
        weights=compare_weights(project, a.model, b.model),
    )


def _sides(project: Project, first: str, second: str | None) -> tuple[Compared, Compared]:
    wanted = Reference.parse(first)
    if second is not None:
        other = f"{wanted.name}{second}" if second.startswith("@") else second
        return _compared(project, wanted), _compared(project, Reference.parse(other))
    now = _compared(project, Reference(wanted.name, "latest"))
    if wanted.kind != "latest":
        return _compared(project, wanted), now
    production = find_alias(project, wanted.name, _DEFAULT_ALIAS)
    if production is not None and production.alias.digest != now.pointer.digest:
        return _compared(project, Reference(wanted.name, "word", _DEFAULT_ALIAS)), now
    before = now.pointer.previous
    if before is None:
        raise UnknownReferenceError(
            f"{wanted.name}@{now.pointer.version} has no version before it",
            hint=f"gitmodel show {wanted.name}",
            model=wanted.name,
        )
    return _compared(project, Reference(wanted.name, "digest", before.digest.hex)), now


def _compared(project: Project, reference: Reference) -> Compared:
    file = file_of_alias(project, reference)
    model = resolve(project, reference)
    deprecated = deprecations_of(project, model.name).versions.get(model.pointer.version)
    if file is None:
        return Compared(model, deprecated=deprecated)
    is_bare = model.pointer == known_by_alias(file.alias, model.pointer.path)
    return Compared(model, file.alias.alias, is_bare, deprecated)


def _gates(project: Project) -> Gates:
    """The configured directions of HEAD. A configuration that is not valid has none, and is told."""
    try:
        return gates_at(project, project.reader.resolve("HEAD"))
    except GitmodelError as error:
        project.context.note(f"{error}; so no direction of it counts")
        return Gates()
