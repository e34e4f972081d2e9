"""`gitmodel show`: the details of one version, from Git and the cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.reference import Reference
from gitmodel.errors import ModelNameError, UnknownReferenceError
from gitmodel.project.aliases import aliases_of, deprecations_of
from gitmodel.project.history.model_history import history_of
from gitmodel.project.history.renames import with_earlier_names
from gitmodel.project.history.version_log import LogEntry, versions_of
from gitmodel.project.references import resolve

if TYPE_CHECKING:
    from gitmodel.domain.aliases import Alias
    from gitmodel.domain.deprecations import Deprecation
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class ShowReport:
    """The details of one version, without asking the remote."""

    model: Model
    first: LogEntry | None
    in_cache: bool
    stored: int | None  # bytes of the packs of its manifest, if that is in the cache
    files: tuple[tuple[str, int, str], ...]  # of a folder: path, bytes, digest
    alias: Alias | None = None  # that the reference named
    aliases: tuple[str, ...] = ()  # that mean the version
    deprecated: Deprecation | None = None


def show(project: Project, reference: str) -> ShowReport:
    """The details of one version: of a reference, or the only one of a run or of a commit, by its id alone.

    Raises UnknownReferenceError if there is none, or several; ModelNameError if no model can have that name.
    """
    try:
        wanted = Reference.parse(reference)
        model = resolve(project, wanted)
    except (ModelNameError, UnknownReferenceError):
        from gitmodel.project.search.run_or_commit import by_run_or_commit

        made = None if "@" in reference else by_run_or_commit(project, reference)
        if made is None:
            raise
        wanted, model = made, resolve(project, made)
    found = aliases_of(project, model.name)
    named = found.get(model.name, wanted.value) if wanted.kind == "word" else None
    same = history_of(project, model.name, only=lambda head: head == model.pointer.head)
    if not same.seen:
        same = with_earlier_names(project, history_of(project, model.name), model.pointer)
    first = None
    for entry in versions_of(same, None):
        if (entry.version, entry.digest) == (model.pointer.version, str(model.pointer.digest)):
            first = entry
    if first is not None and first.commit in project.repository.shallow_commits():
        first = None  # the oldest commit here has the version, and need not have brought it
    manifest = project.cache.manifest(model.pointer.digest)
    return ShowReport(
        model=model,
        first=first,
        in_cache=manifest is not None and not project.cache.missing_packs(manifest),
        stored=None if manifest is None else sum(manifest.pack_sizes),
        files=()
        if manifest is None or manifest.kind == "file"
        else tuple((entry.path, entry.size, str(entry.digest)) for entry in manifest.files),
        alias=None if named is None else named.alias,
        aliases=tuple(found.naming(model.name, model.pointer.digest.hex)),
        deprecated=deprecations_of(project, model.name).versions.get(model.pointer.version),
    )
