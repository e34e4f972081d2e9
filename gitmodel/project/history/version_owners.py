"""Who owns a version number: the claims on the primary remote, remembered once they were read.

A claim is created once and never changes, so one that was read holds from then on. Memory belongs to
the project and to the address of its primary remote: a fork with a remote of its own has claims of
its own.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gitmodel.errors import GitmodelError, RemoteUnreachableError, UnknownReferenceError
from gitmodel.project.history.missing_history import lack_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.cache.claims_seen import ClaimsSeen
    from gitmodel.domain.reference import Reference
    from gitmodel.domain.versions import Numbers
    from gitmodel.project.project import Project
    from gitmodel.store.claims import Claim

_SHORT = 12  # digits of a digest, for people


def claims_seen(project: Project) -> ClaimsSeen:
    """The claims that this clone has read from the primary remote."""
    address = project.address()
    place = address.fingerprint
    if address.is_relative and project.remote_root is not None:
        place = f"{project.remote_root}\n{place}"
    config = project.config
    return _opened(project.cache_folder, f"{config.project}\n{config.project_id}\n{place}")


@lru_cache(maxsize=8)
def _opened(cache_folder: str, scope: str) -> ClaimsSeen:
    """The same memory for each model that is asked for; it sees what others write."""
    from gitmodel.cache.claims_seen import ClaimsSeen

    return ClaimsSeen(cache_folder, scope)


def read_owner(project: Project, name: str, version: int) -> Claim | None:
    """Read the claim of a number from the primary remote and remember it; None while it is free.

    Raises:
        RemoteError: The remote cannot be asked.
        DamagedObjectError: What is there is not a claim.
    """
    from gitmodel.store.claims import read_claim

    if not project.may_ask_remotes:
        raise RemoteUnreachableError("remotes are not asked offline", hint="leave out --offline")
    claim = read_claim(project.store(), project.config.project, name, version)
    if claim is not None:
        remember(project, [claim])
    return claim


def known_owner(project: Project, name: str, version: int) -> str | None:
    """Who owns a number, hex of the digest: as read before, else as the primary remote says.

    None if the number is free.

    Raises:
        RemoteError: The remote cannot be asked.
        DamagedObjectError: What is there is not a claim.
    """
    seen = claims_seen(project).owners(name).get(version)
    if seen is not None:
        return seen
    claim = read_owner(project, name, version)
    return None if claim is None else claim.digest.hex


def remember(project: Project, claims: Iterable[Claim]) -> None:
    """Remember claims of the primary remote."""
    claims_seen(project).see_all((claim.name, claim.version, claim.digest) for claim in claims)


def content_of(project: Project, name: str, number: int, naming: Numbers[str]) -> str:
    """The content that a number names, hex of its digest.

    The primary remote is asked for the claim where history does not decide and none was read before.
    Where it cannot be asked, a content that alone has no other number is the one; else nothing is.

    Args:
        project: The project.
        name: The model.
        number: A number that history has.
        naming: Contents of the model's history, and the claims that were read.

    Raises:
        UnknownReferenceError: It is not decided, or history lacks the content that owns the number.
    """
    reason = ""
    if naming.is_contested(number):
        try:
            claim = read_owner(project, name, number)
        except GitmodelError as error:
            reason = str(error)
        else:
            naming = naming.knowing(number, None if claim is None else claim.digest.hex)
    found = naming.candidates(number)
    if len(found) == 1:
        return found[0]
    if found:
        raise several_contents(name, f"{name}@{number}", found, reason)
    raise _owner_elsewhere(project, name, number, naming, reason)


def several_contents(
    name: str, reference: Reference | str, contents: Sequence[str], reason: str = ""
) -> UnknownReferenceError:
    """The error for a reference that may mean several contents."""
    several = ", ".join(content[:_SHORT] for content in contents)
    why = f"; whose number it is cannot be asked: {reason}" if reason else ""
    return UnknownReferenceError(
        f"{reference} names several contents: {several}{why}",
        hint=f"ask by digest: {_show(name, contents)}",
        model=name,
    )


def _owner_elsewhere(
    project: Project, name: str, number: int, naming: Numbers[str], reason: str
) -> UnknownReferenceError:
    """The error for a number whose content is not in the history of this clone, or may not be."""
    here = naming.contents(number)
    shown = ", ".join(content[:_SHORT] for content in here)
    owner = naming.owner(number)
    if owner is None:
        message = (
            f"whether {name}@{number} is {shown} is not known: that content has a greater number "
            f"too, and the claim cannot be read: {reason}"
        )
    else:
        message = (
            f"{name}@{number} is {owner[:_SHORT]}, as claimed on the remote, and this clone's history "
            f"lacks it; {shown}, which has the number here, is other content"
        )
    lack = lack_of(project)
    fetch = "git fetch --all" if lack is None else lack.command
    return UnknownReferenceError(
        message, hint=f"{fetch}; or ask by digest: {_show(name, here)}", model=name
    )


def _show(name: str, contents: Sequence[str]) -> str:
    return f"gitmodel show {name}@blake3:{contents[0][:_SHORT]}"
