"""All versions in the history of HEAD, of a revision, or of all refs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from gitmodel.errors import GitmodelError, UnknownReferenceError
from gitmodel.git.history.containing import not_reachable_from
from gitmodel.project.committed_models import parsed_or_none
from gitmodel.project.history.all_versions import fetched_blobs
from gitmodel.project.history.missing_history import find_missing_history
from gitmodel.project.search.facts import PointerFacts, facts_of
from gitmodel.project.search.version_row import Registration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gitmodel.git.history.walk import Change
    from gitmodel.project.project import Project

Scope = Literal["head", "all"]
VersionKey: TypeAlias = tuple[str, int, str]  # name, number, hex digits of the content


@dataclass(frozen=True, slots=True)
class CommittedVersion:
    """A version: its newest metadata, and the commit that registered it."""

    facts: PointerFacts
    pointer_path: str  # of its newest pointer
    model_path: str  # of the newest pointer of the model, beside which aliases and deprecations are
    registration: Registration


def committed_versions(
    project: Project, scope: Scope, revision: str | None = None
) -> list[CommittedVersion]:
    """The versions in the history of all refs, or of a revision, by default HEAD.

    Notes what this clone lacks. Raises UnknownReferenceError if there is no such revision.
    """
    changes = _all_changes(project) if scope == "all" else _changes_of(project, revision)
    facts = _facts(project, changes)
    newest: dict[VersionKey, Change] = {}
    oldest: dict[VersionKey, Change] = {}
    known: dict[VersionKey, PointerFacts] = {}
    paths: dict[str, str] = {}
    for change in changes:  # newest first
        found = facts.get(change.oid or "")
        if found is not None:
            key = found.key
            if key not in newest:
                newest[key] = change
                known[key] = found
                paths.setdefault(found.name, change.path)
            oldest[key] = change
    return [
        CommittedVersion(
            known[key],
            change.path,
            paths[key[0]],
            Registration(oldest[key].commit, oldest[key].author, oldest[key].when),
        )
        for key, change in newest.items()
    ]


def registrations(project: Project) -> dict[VersionKey, Registration]:
    """The commit that registered each version of all refs."""
    found = committed_versions(project, "all")
    return {version.facts.key: version.registration for version in found}


def _all_changes(project: Project) -> list[Change]:
    return project.cached_history.pointers()


def _changes_of(project: Project, revision: str | None) -> list[Change]:
    """The changes in the history of a revision; of HEAD before its first commit there are none."""
    commit = project.reader.resolve(revision or "HEAD")
    if commit is None:
        if revision is None:
            return []
        raise UnknownReferenceError(f"Git knows no revision {revision!r}", hint="git log")
    changes = _all_changes(project)
    away = not_reachable_from(project.repository, commit)
    if away is None:  # no ref has the commit
        return project.history.changes([commit])
    return [change for change in changes if change.commit not in away] if away else changes


def _facts(project: Project, changes: Iterable[Change]) -> Mapping[str, PointerFacts]:
    """What the pointers say, by blob; those that do not parse are left out."""
    paths = {change.oid: change.path for change in changes if change.oid is not None}
    blobs: dict[str, bytes] = {}
    with suppress(GitmodelError):  # if Git cannot fetch, the local pointers are shown
        blobs = fetched_blobs(project, list(paths))
    blobs = blobs or project.reader.blobs(list(paths))
    _note_missing(project, len(paths) - len(blobs))
    parsed = ((oid, parsed_or_none(raw, paths[oid])) for oid, raw in blobs.items())
    return {oid: facts_of(pointer) for oid, pointer in parsed if pointer is not None}


def _note_missing(project: Project, count: int) -> None:
    lack = find_missing_history(project)
    if lack is not None:
        project.context.note(f"{lack.reason}; to fetch all versions: {lack.command}")
    elif count and project.repository.is_partial_clone():
        project.context.note(
            f"this clone lacks {count:,} pointers of history; to fetch them: git fetch --refetch"
        )
