"""All versions in the history of HEAD, of a revision, or of all refs."""

from __future__ import annotations

from collections import Counter
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
    registered: Change | None  # None if a shallow clone may lack that commit


class CommittedVersions(NamedTuple):
    """The versions of a part of history, and the names, numbers and contents in all of it."""

    versions: Collection[CommittedVersion]
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
    versions: dict[VersionKey, CommittedVersion] = {}
    paths: dict[str, str] = {}
    for change in changes:  # newest first
        found = facts.get(change.oid or "")
        if found is None:
            continue
        key = found[:3]
        newer = versions.get(key)
        if newer is None:
            path = paths.setdefault(found.name, change.path)
            versions[key] = CommittedVersion(found, change.path, path, change)
        else:
            versions[key] = newer._replace(registered=change)
    _forget_boundary(project, versions)
    if changes is every:
        return CommittedVersions(versions.values(), versions.keys())
    seen = (facts.get(change.oid or "") for change in every)
    return CommittedVersions(versions.values(), {found[:3] for found in seen if found is not None})


def _forget_boundary(project: Project, versions: dict[VersionKey, CommittedVersion]) -> None:
    """The oldest commits of a shallow clone have all files, and need not have brought them."""
    shallow = project.repository.shallow_commits()
    for key, one in versions.items() if shallow else ():
        if one.registered is not None and one.registered.commit in shallow:
            versions[key] = one._replace(registered=None)


def registrations(project: Project) -> dict[VersionKey, Change]:
    """The commit that registered each version of all refs; of those that this clone has."""
    found = committed_versions(project, "all", fields=(), may_fetch=False)
    return {
        version.facts.key: version.registered
        for version in found.versions
        if version.registered is not None
    }


def lost_numbers(
    project: Project, asked: Iterable[VersionKey], known: Collection[VersionKey]
) -> set[VersionKey]:
    """Those of the asked versions whose number belongs to other content.

    By all of history, which is `known`, and the claims that this clone has read.
    """
    try:
        owners = claims_seen(project).all_owners()
    except GitmodelError:  # no configuration, so no remote has claims
        owners = {}
    pairs: dict[str, list[tuple[int, str]]] = {name: [] for name in _contested_names(known)}
    for name, number, content in known if pairs else ():
        if name in pairs:
            pairs[name].append((number, content))
    naming = {name: VersionNumbers(some, owners.get(name)) for name, some in pairs.items()}
    lost = set()
    for key in asked if naming or owners else ():
        name, number, content = key
        if name in naming:
            is_lost = naming[name].is_lost(number, content)
        else:  # nothing in history contradicts the number
            is_lost = owners.get(name, {}).get(number, content) != content
        if is_lost:
            lost.add(key)
    return lost


def _contested_names(known: Collection[VersionKey]) -> set[str]:
    """The models in which a number has several contents, or a content several numbers."""
    numbers = Counter(key[:2] for key in known)
    contents = Counter((name, content) for name, _, content in known)
    if len(numbers) == len(contents) == len(known):
        return set()
    return {key[0] for counts in (numbers, contents) for key, count in counts.items() if count > 1}


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
