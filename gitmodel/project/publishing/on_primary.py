"""Whether the primary remote has a version, as `promote` and `rollback` must know.

The ledger answers for versions that this clone has pushed or fetched; otherwise the manifest and the claim are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.errors import ObjectMissingError, VersionTakenError
from gitmodel.project.history.version_owners import known_owner
from gitmodel.project.project import PRIMARY

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest
    from gitmodel.project.project import Project


def require_on_primary(
    project: Project, name: str, version: int, digest: Digest, next_: str
) -> None:
    """Make sure that the weights are on the primary, and that the number is theirs there.

    `next_` is the command to run again after a push. Raises ObjectMissingError if the primary lacks the
    weights or a part of them, or nobody has claimed the number, VersionTakenError if the number belongs to
    other content, RemoteError if the primary cannot be asked.
    """
    if project.ledger(PRIMARY).has_hole(digest):
        raise ObjectMissingError(
            f"{name}@{version} was incomplete on {project.store().url} at the last check",
            hint=f"gitmodel push, then {next_}",
            model=name,
        )
    if not project.ledger(PRIMARY).has_stored(digest):
        if project.store().manifest(digest) is None:
            raise _missing(project, name, version, next_)
        project.ledger(PRIMARY).note_whole([digest])
    owner = owner_of(project, name, version, digest)
    if owner is None:
        raise _missing(project, name, version, next_)
    if owner != digest.hex:
        raise VersionTakenError(
            f"{name}@{version} is other content on {project.store().url}",
            hint=f"gitmodel log {name}",
            model=name,
        )


def owner_of(project: Project, name: str, version: int, digest: Digest) -> str | None:
    """The content of a number by its claim, under this name or an earlier name of the model."""
    owner = known_owner(project, name, version)
    if owner is not None:
        return owner
    from gitmodel.domain.pointer import read_head
    from gitmodel.project.history.renames import whole_history

    for item in whole_history(project, name).seen:
        head = read_head(item.model.raw)
        if (
            head is not None
            and head.name != name
            and (head.version, head.digest) == (version, digest.hex)
        ):
            return known_owner(project, head.name, version)
    return None


def _missing(project: Project, name: str, version: int, next_: str) -> ObjectMissingError:
    return ObjectMissingError(
        f"{name}@{version} is not on {project.store().url} yet",
        hint=f"git push, then {next_}",
        model=name,
    )
