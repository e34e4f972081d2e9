"""`gitmodel list`: the models of the work tree or of a revision, or the versions of history."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.errors import UsageError
from gitmodel.project.history.version_log import date_text
from gitmodel.project.models import Model, read_models
from gitmodel.project.search.facts import facts_of, weights_beside
from gitmodel.project.search.version_row import VersionRow
from gitmodel.project.version_marks import VersionMarks, current_marks, marks_at, marks_in_work_tree

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from gitmodel.domain.aliases import Alias
    from gitmodel.domain.deprecations import Deprecation
    from gitmodel.errors import GitmodelError
    from gitmodel.git.history.walk import Change
    from gitmodel.project.project import Project
    from gitmodel.project.search.committed_versions import CommittedVersions, Scope, VersionKey
    from gitmodel.project.search.query import Query


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of `gitmodel list`."""

    name: str
    version: int
    path: str
    pointer_path: str
    size: int
    digest: str
    run_id: str | None
    metrics: dict[str, object]
    aliases: tuple[AliasRow, ...] = ()  # of the model, of any version; in history, of this version
    deprecated: Deprecation | None = None  # of this version
    format: Mapping[str, object] | None = None
    license: str | None = None
    by: str | None = None  # author of the commit that registered this version
    at: str | None = None  # its author time, UTC, ISO 8601
    commit: str | None = None  # its id
    refs: tuple[str, ...] | None = None  # branches and tags that have it; only asked for all refs
    taken: bool = False  # whether the number belongs to other content


@dataclass(frozen=True, slots=True)
class AliasRow:
    """An alias and the version that it means."""

    alias: str
    version: int
    digest: str


@dataclass(slots=True)
class ListReport:
    """The models of a tree, or versions of history."""

    models: list[Listed] = field(default_factory=list)
    broken: list[GitmodelError] = field(default_factory=list)


def list_models(
    project: Project,
    revision: str | None = None,
    *,
    query: Query | None = None,
    with_authors: bool = False,
) -> ListReport:
    """The models of the work tree, or of a revision; with a query those that match.

    `with_authors` adds the commit that registered each version. Raises UnknownReferenceError if Git knows no such
    revision.
    """
    models, marks, broken = _tree(project, revision)
    models = sorted(models, key=lambda model: (model.name, os.fsencode(model.path)))
    registered: Mapping[VersionKey, Change] = {}
    if with_authors or (query is not None and query.names("by", "at")):
        from gitmodel.project.search.committed_versions import registrations

        registered = registrations(project)
    rows = [_row(model, marks, registered) for model in models]
    if query is not None:
        rows = query.select(rows)
    listed = [
        _listed(row, [_alias_row(alias) for alias in marks.aliases_of(row.pointer_path)])
        for row in rows
    ]
    return ListReport(listed, broken)


def list_versions(
    project: Project, scope: Scope, revision: str | None = None, *, query: Query
) -> ListReport:
    """The versions in the history of all refs, or of a revision, by default HEAD; those that match.

    Aliases and deprecations are those of the work tree. Raises UnknownReferenceError if there is no such
    revision, UsageError if one is given for all refs.
    """
    from gitmodel.git.history.refs_of_commits import refs_of_commits
    from gitmodel.project.search.committed_versions import committed_versions, lost_numbers

    if scope == "all" and revision is not None:
        raise UsageError(
            "--all lists the versions of all refs", hint=f"gitmodel list {revision} --versions"
        )
    marks = current_marks(project)
    found = committed_versions(project, scope, revision, fields=query.facts())
    aliases = _by_version(marks)
    named = {key: [row.alias for row in rows] for key, rows in aliases.items()}
    deprecations = _deprecations(project, marks, found) if marks.deprecations else {}
    rows = query.select(
        VersionRow(
            one.facts,
            one.pointer_path,
            named.get(one.facts.key, ()) if named else (),
            deprecations.get(one.facts.key) if deprecations else None,
            one.registered,
        )
        for one in found.versions
    )
    lost = lost_numbers(project, [row.facts.key for row in rows], found.known)
    commits = {row.registered.commit for row in rows if row.registered is not None}
    refs = refs_of_commits(project.repository, commits) if scope == "all" else None
    listed = [_listed(row, aliases.get(row.facts.key, ()), refs, lost) for row in rows]
    return ListReport(listed, [error for _, error in marks.broken])


def _deprecations(
    project: Project, marks: VersionMarks, found: CommittedVersions
) -> dict[VersionKey, Deprecation]:
    """The deprecations beside a model's pointer, or where that of a version was; of the content that has the number."""
    from gitmodel.project.search.committed_versions import lost_numbers

    deprecated: dict[VersionKey, Deprecation] = {}
    for one in found.versions:
        for path in (one.model_path, one.pointer_path):
            deprecation = marks.deprecation(path, one.facts.version)
            if deprecation is not None:
                deprecated.setdefault(one.facts.key, deprecation)
    for key in lost_numbers(project, deprecated, found.known):
        deprecated.pop(key, None)
    return deprecated


def _tree(
    project: Project, revision: str | None
) -> tuple[Iterable[Model], VersionMarks, list[GitmodelError]]:
    """The models of the work tree or of a revision, with aliases and deprecations, and what does not parse."""
    if revision is None and project.repository.work_tree is not None:
        found = read_models(project)
        marks = marks_in_work_tree(project)
        return found.models, marks, [error for _, error in (*found.broken, *marks.broken)]
    from gitmodel.project.references import models_at

    marks = marks_at(project, revision or "HEAD")
    return models_at(project, revision or "HEAD"), marks, []


def _row(
    model: Model,
    marks: VersionMarks,
    registered: Mapping[VersionKey, Change],
) -> VersionRow:
    facts = facts_of(model.pointer)
    return VersionRow(
        facts,
        model.path,
        tuple(marks.naming(model.path, facts.version, facts.digest)),
        marks.deprecation(model.path, facts.version),
        registered.get(facts.key),
    )


def _by_version(marks: VersionMarks) -> dict[VersionKey, list[AliasRow]]:
    """The aliases of each version of all models."""
    found: dict[VersionKey, list[AliasRow]] = {}
    for aliases in marks.aliases.values():
        for alias in aliases:
            key = alias.name, alias.version, alias.digest.hex
            found.setdefault(key, []).append(_alias_row(alias))
    return found


def _alias_row(alias: Alias) -> AliasRow:
    return AliasRow(alias.alias, alias.version, str(alias.digest))


def _listed(
    row: VersionRow,
    aliases: Iterable[AliasRow],
    refs: Mapping[str, tuple[str, ...]] | None = None,
    lost: Collection[VersionKey] = (),
) -> Listed:
    facts, registered = row.facts, row.registered
    return Listed(
        name=facts.name,
        version=facts.version,
        path=weights_beside(row.pointer_path, facts.path),
        pointer_path=row.pointer_path,
        size=facts.size,
        digest=f"blake3:{facts.digest}",
        run_id=facts.run_id,
        metrics=dict(facts.metrics),
        aliases=tuple(aliases),
        deprecated=row.deprecation,
        format=facts.format,
        license=facts.license,
        by=None if registered is None else registered.author,
        at=None if registered is None else date_text(registered.when) or None,
        commit=None if registered is None else registered.commit,
        refs=None if registered is None or refs is None else refs.get(registered.commit),
        taken=facts.key in lost,
    )
