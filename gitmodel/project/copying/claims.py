"""Copy the claims of a project to another remote; existing claims are never overwritten."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.errors import DamagedObjectError, ObjectMissingError, RemoteDeniedError
from gitmodel.store.claims import copy_claim, list_claims, read_claim
from gitmodel.store.parallel import for_each

if TYPE_CHECKING:
    from collections.abc import Collection

    from gitmodel.store.claims import Claim
    from gitmodel.store.objects import ObjectStore

Number = tuple[str, int]  # model and version


@dataclass(frozen=True, slots=True)
class ClaimConflict:
    """A version number that the two remotes claim for different contents; the target keeps its claim."""

    name: str
    version: int
    source: str
    target: str


@dataclass(slots=True)
class CopiedClaims:
    """The result of copying claims."""

    claimed: set[Number] = field(default_factory=set)  # all on the source
    # on the target after the copy; with `write=False`, those it would have
    owners: dict[Number, Claim] = field(default_factory=dict)
    created: list[Number] = field(default_factory=list)  # numbers whose claim the target lacked
    # numbers that belong to other content on the target
    conflicts: list[ClaimConflict] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)  # error messages of claims that cannot be read


def copy_claims(
    source: ObjectStore,
    target: ObjectStore | None,
    project: str,
    *,
    known: Collection[Number],
    write: bool,
) -> CopiedClaims:
    """Copy the claims that the target lacks, or only compare them if not `write`.

    `target` is None for a store that does not exist yet. `known` numbers are looked up if the source may
    not be listed. Raises RemoteError if a remote cannot be used.
    """
    found = CopiedClaims()

    def copy(number: Number) -> None:
        try:
            mine, owner, new = _copied(source, target, project, number, write=write)
        except ObjectMissingError:
            return
        except DamagedObjectError as error:
            found.damaged.append(str(error))
            return
        found.owners[number] = owner
        if owner.digest != mine.digest:
            found.conflicts.append(ClaimConflict(*number, mine.digest.short, owner.digest.short))
        elif new:
            found.created.append(number)

    try:
        found.claimed = set(list_claims(source, project))
    except RemoteDeniedError:  # listing is a permission of its own
        found.claimed = set(known)
    for_each(copy, sorted(found.claimed))
    found.conflicts.sort(key=lambda conflict: (conflict.name, conflict.version))
    return found


def _copied(
    source: ObjectStore, target: ObjectStore | None, project: str, number: Number, *, write: bool
) -> tuple[Claim, Claim, bool]:
    if write and target is not None:
        return copy_claim(source, target, project, *number)
    mine = read_claim(source, project, *number)
    if mine is None:
        raise ObjectMissingError(f"{number[0]}@{number[1]} is not claimed on {source.url}")
    owner = None if target is None else read_claim(target, project, *number)
    return mine, owner or mine, owner is None
