"""`gitmodel deprecate`: say that a version should no longer be used, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.domain.deprecations import (
    Deprecation,
    Deprecations,
    check_date,
    deprecations_path_for,
)
from gitmodel.errors import GitmodelError, UnknownReferenceError, UsageError
from gitmodel.project.aliases import aliases_of
from gitmodel.project.models import (
    delete_file,
    read_pointer_file,
    require_model,
    write_text_file,
)
from gitmodel.project.references import resolve

if TYPE_CHECKING:
    from gitmodel.domain.pointer import Pointer
    from gitmodel.domain.reference import Reference
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class DeprecateReport:
    """What `deprecate` did."""

    name: str
    version: int
    path: str  # staged if anything changed
    deprecation: Deprecation | None  # the entry of the version; None if it was removed
    changed: bool  # whether the file was written

    @property
    def subject(self) -> str:
        """The subject of a commit with this change."""
        if self.deprecation is None:
            return f"{self.name} v{self.version} is not deprecated"
        return f"Deprecate {self.name} v{self.version}"


def deprecate(
    project: Project,
    reference: Reference,
    why: str,
    *,
    until: str | None = None,
    instead: Reference | None = None,
) -> DeprecateReport:
    """Deprecate a version; its file is staged. A version that is deprecated already gets the new reason.

    `until` is the date, `YYYY-MM-DD`, after which nobody should depend on the version any more; `instead`
    the version to use.

    Raises UsageError if the reason is empty, the date is none, or `instead` is of another model or the
    same version, UnknownReferenceError if there is no such version, AliasError if the present file does
    not parse, another GitmodelError if an alias means the version, or `instead` is deprecated.
    """
    if not why.strip():
        raise UsageError("the reason is empty", hint=f"gitmodel deprecate {reference} -m WHY")
    if until is not None and check_date(until) is None:
        raise UsageError(
            f"{until!r} is not a date such as 2027-01-31",
            hint=f"gitmodel deprecate {reference} -m WHY --until 2027-01-31",
        )
    pointer = resolve(project, reference).pointer
    _refuse_served(project, pointer)
    path, present = _present(project, pointer.name)
    number = None if instead is None else _instead(project, pointer, instead, present)
    old = present.versions.get(pointer.version)
    entry = Deprecation(
        why=why,
        since=project.context.timestamp()[:10] if old is None else old.since,
        until=until,
        instead=number,
        unknown={} if old is None else old.unknown,
    )
    changed = entry != old
    if changed:
        _write(
            project, path, replace(present, versions={**present.versions, pointer.version: entry})
        )
    return DeprecateReport(pointer.name, pointer.version, path, entry, changed)


def undo_deprecation(project: Project, reference: Reference) -> DeprecateReport:
    """Remove the deprecation of a version; the file is staged.

    Raises UnknownReferenceError if there is no such version, or it is not deprecated, AliasError if the
    present file does not parse.
    """
    version = resolve(project, reference).pointer.version
    path, present = _present(project, reference.name)
    if version not in present.versions:
        known = ", ".join(f"{reference.name}@{number}" for number in sorted(present.versions))
        raise UnknownReferenceError(
            f"{reference.name}@{version} is not deprecated",
            hint=f"there are {known}" if known else f"gitmodel log {reference.name}",
            model=reference.name,
        )
    left = {number: entry for number, entry in present.versions.items() if number != version}
    _write(project, path, replace(present, versions=left))
    return DeprecateReport(reference.name, version, path, None, changed=True)


def _refuse_served(project: Project, pointer: Pointer) -> None:
    """Refuse to deprecate what an alias means."""
    names = aliases_of(project, pointer.name).naming(pointer.name, pointer.digest.hex)
    if names:
        served = " and ".join(f"{pointer.name}@{alias}" for alias in names)
        raise GitmodelError(
            f"{served} {'means' if len(names) == 1 else 'mean'} version {pointer.version}",
            hint=f"gitmodel rollback {pointer.name} {names[0]}",
            model=pointer.name,
        )


def _present(project: Project, name: str) -> tuple[str, Deprecations]:
    path = deprecations_path_for(require_model(project, name).path)
    raw = read_pointer_file(project.root, path)
    return path, Deprecations() if raw is None else Deprecations.from_text(raw, what=path)


def _instead(
    project: Project, pointer: Pointer, reference: Reference, present: Deprecations
) -> int:
    """The number of the version to use."""
    if reference.name != pointer.name:
        raise UsageError(
            f"{reference} is a version of another model",
            hint=f"name a version of {pointer.name}: gitmodel log {pointer.name}",
        )
    version = resolve(project, reference).pointer.version
    if version == pointer.version:
        raise UsageError(
            f"{reference} is the version that is to be deprecated",
            hint=f"gitmodel log {pointer.name}",
        )
    if version in present.versions:
        raise GitmodelError(
            f"{pointer.name}@{version} is {present.versions[version].words()}",
            hint=f"gitmodel log {pointer.name}",
            model=pointer.name,
        )
    return version


def _write(project: Project, path: str, new: Deprecations) -> None:
    if new.versions or new.unknown:
        write_text_file(project.root, path, new.to_text())
    else:
        delete_file(project.root, path)
    project.index.stage([path])
