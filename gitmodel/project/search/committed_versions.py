"""All versions in the history of HEAD, of a revision, or of all refs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from gitmodel.domain.versions import VersionNumbers
from gitmodel.errors import GitmodelError, UnknownReferenceError
from gitmodel.git.cat_file import fetch_objects, present_objects
from gitmodel.git.history.containing import not_reachable_from
from gitmodel.project.committed_models import parsed_or_none
from gitmodel.project.history.missing_history import find_missing_history
from gitmodel.project.history.version_owners import claims_seen
from gitmodel.project.search.facts import PointerFacts, facts_of
from gitmodel.project.search.facts_cache import SEGMENT_ROWS, FactsCache

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from gitmodel.git.history.walk import Change
    from gitmodel.project.project import Project

_AT_ONCE = 2000  # pointers in memory before they are parsed; each has at most 64 KiB
Scope = Literal["head", "all"]
VersionKey: TypeAlias = tuple[str, int, str]  # name, number, hex digits of the content


class CommittedVersion(NamedTuple):
    """A version: its newest metadata, and the commit that registered it."""

    facts: PointerFacts
    pointer_path: str  # of its newest pointer
    model_path: str  # of the newest pointer of the model, beside which aliases and deprecations are
    registered: Change


class CommittedVersions(NamedTuple):
    """The versions of a part of history, and the names, numbers and contents in all of it."""

    versions: list[CommittedVersion]
    known: Collection[VersionKey]


def committed_versions(
    project: Project,
    scope: Scope,
    revision: str | None = None,
    *,
    fields: Collection[str] = PointerFacts._fields,
    may_fetch: bool = True,
) -> CommittedVersions:
    """The versions in the history of all refs, or of a revision, by default HEAD.

    Other fields of the facts than `fields` and the first three may be absent. With `may_fetch` the pointers that a
    partial clone lacks are fetched, and what this clone lacks is noted. Raises UnknownReferenceError if there is no
    such revision.
    """
    every = project.cached_history.pointers()
    changes = every if scope == "all" else _changes_of(project, every, revision)
    asked = every if revision is None else [*every, *changes]  # no ref may have the revision
    facts, missing = _facts(
        project, asked, {*fields, *PointerFacts._fields[:3]}, may_fetch=may_fetch
    )
    if may_fetch:
        _note_missing(project, missing)
    newest: dict[VersionKey, tuple[PointerFacts, str]] = {}
    oldest: dict[VersionKey, Change] = {}
    for change in changes:  # newest first
        found = facts.get(change.oid or "")
        if found is not None:
            key = found[:3]
            if key not in newest:
                newest[key] = found, change.path
            oldest[key] = change
    paths: dict[str, str] = {}
    for key, (_, path) in newest.items():
        paths.setdefault(key[0], path)
    versions = [
        CommittedVersion(found, path, paths[key[0]], oldest[key])
        for key, (found, path) in newest.items()
    ]
    if changes is every:
        return CommittedVersions(versions, newest.keys())
    seen = (facts.get(change.oid or "") for change in every)
    return CommittedVersions(versions, {found[:3] for found in seen if found is not None})


def registrations(project: Project) -> dict[VersionKey, Change]:
    """The commit that registered each version of all refs; of those that this clone has."""
    found = committed_versions(project, "all", fields=(), may_fetch=False)
    return {version.facts.key: version.registered for version in found.versions}


def lost_numbers(
    project: Project, asked: Iterable[VersionKey], known: Iterable[VersionKey]
) -> set[VersionKey]:
    """The versions whose number belongs to other content, by history and the claims that this clone has read."""
    pairs: dict[str, list[tuple[int, str]]] = {name: [] for name, _, _ in asked}
    for name, version, digest in known:
        if name in pairs:
            pairs[name].append((version, digest))
    try:
        seen = claims_seen(project)
    except GitmodelError:  # no configuration, so no remote has claims
        seen = None
    lost: set[VersionKey] = set()
    for name, some in pairs.items():
        owners = {} if seen is None else seen.owners(name)
        if all(len(dict.fromkeys(column)) == len(some) for column in zip(*some, strict=True)):
            found = [pair for pair in some if owners.get(pair[0], pair[1]) != pair[1]]
        else:
            naming = VersionNumbers(some, owners)
            found = [pair for pair in some if naming.is_lost(*pair)]
        lost.update((name, *pair) for pair in found)
    return lost


def _changes_of(project: Project, every: list[Change], revision: str | None) -> list[Change]:
    """The changes in the history of a revision; of HEAD before its first commit there are none."""
    commit = project.reader.resolve(revision or "HEAD")
    if commit is None:
        if revision is None:
            return []
        raise UnknownReferenceError(f"Git knows no revision {revision!r}", hint="git log")
    away = not_reachable_from(project.repository, commit)
    if away is None:  # no ref has the commit
        return project.history.changes([commit])
    return [change for change in every if change.commit not in away] if away else every


def _facts(
    project: Project, changes: Iterable[Change], fields: Collection[str], *, may_fetch: bool
) -> tuple[Mapping[str, PointerFacts | None], int]:
    """What the pointers say, by blob, None for those that do not parse; and how many this clone lacks."""
    paths = {change.oid: change.path for change in changes if change.oid is not None}
    cache = FactsCache(project.repository)
    facts = cache.read(fields)
    unread = [oid for oid in paths if oid not in facts]
    if may_fetch:
        _fetch(project, unread)
    missing = 0
    is_written = False
    for start in range(0, len(unread), SEGMENT_ROWS):
        some = unread[start : start + SEGMENT_ROWS]
        new = _parsed(project, some, paths)
        missing += len(some) - len(new)
        if cache.write(new, paths):
            is_written = True
        else:
            facts |= new
    if is_written:  # what is read takes half the memory of what was parsed
        facts |= cache.read(fields)
        lost = [oid for oid in unread if oid not in facts]  # another process may have removed it
        facts |= _parsed(project, lost, paths)
    return facts, missing


def _parsed(
    project: Project, oids: list[str], paths: Mapping[str, str]
) -> dict[str, PointerFacts | None]:
    """The facts of blobs; None for those that do not parse. Blobs that this clone lacks are left out."""
    found: dict[str, PointerFacts | None] = {}
    for start in range(0, len(oids), _AT_ONCE):
        for oid, raw in project.reader.blobs(oids[start : start + _AT_ONCE]).items():
            pointer = parsed_or_none(raw, paths[oid])
            found[oid] = None if pointer is None else facts_of(pointer)
    return found


def _fetch(project: Project, oids: list[str]) -> None:
    """Fetch the blobs that a partial clone lacks, in one connection, if Git can."""
    if not oids or not project.repository.is_partial_clone():
        return
    present = present_objects(project.repository, oids)
    missing = [oid for oid in oids if oid not in present]
    if missing:
        with suppress(GitmodelError):
            fetch_objects(project.repository, missing)


def _note_missing(project: Project, count: int) -> None:
    lack = find_missing_history(project)
    if lack is not None:
        project.context.note(f"{lack.reason}; to fetch all versions: {lack.command}")
    elif count and project.repository.is_partial_clone():
        some = "1 pointer" if count == 1 else f"{count:,} pointers"
        project.context.note(
            f"this clone lacks {some} of history, and Git could not fetch them; to try again: gitmodel list --all"
        )
