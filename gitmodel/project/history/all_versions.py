"""Every version in the history of this clone: of all refs and all stashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.errors import RepositoryError
from gitmodel.project.committed_models import parsed_or_none
from gitmodel.project.history.missing_history import find_missing_history

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True)
class HistoricVersion:
    """A version with the pointer that names it in history."""

    name: str
    version: int
    digest: Digest
    size: int  # bytes of the weights
    blob: str  # object id of the pointer


def all_versions(project: Project) -> list[HistoricVersion]:
    """All versions in branches, remote-tracking branches, tags, HEADs and stashes, by name and number.

    Fetches pointers that a partial clone lacks. Raises RepositoryError if this clone lacks old commits,
    or pointers cannot be fetched.
    """
    lack = find_missing_history(project)
    if lack is not None:
        raise RepositoryError(
            f"{lack.reason}, so older versions cannot be listed", hint=lack.command
        )
    changes = project.history.all_refs_changes()
    changes += project.history.changes(stashes(project))
    paths = {change.oid: change.path for change in changes if change.oid is not None}
    found = []
    for blob, raw in fetched_blobs(project, list(paths)).items():
        pointer = parsed_or_none(raw, paths[blob])
        if pointer is not None:
            found.append(
                HistoricVersion(pointer.name, pointer.version, pointer.digest, pointer.size, blob)
            )
    return sorted(found, key=lambda one: (one.name, one.version, one.digest.hex, one.blob))


def stashes(project: Project) -> list[str]:
    """All stashes; `refs/stash` itself names the newest only."""
    code, output = project.repository.attempt(
        "log", "--walk-reflogs", "--format=%H", "refs/stash", "--", accept=(0, 128)
    )
    return [] if code else list(dict.fromkeys(output.decode("ascii").split()))


def fetched_blobs(project: Project, oids: list[str]) -> dict[str, bytes]:
    """Blobs by object id; fetches those that a partial clone lacks."""
    blobs = project.reader.blobs(oids)
    if len(blobs) < len(oids) and project.repository.is_partial_clone():
        from gitmodel.git.objects import open_reader

        with open_reader(project.repository, may_fetch=True) as reader:
            blobs |= reader.blobs([oid for oid in oids if oid not in blobs])
    return blobs
