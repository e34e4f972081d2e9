"""Which content owns a version number: claims on the primary remote, cached once they are read.

A claim never changes after it is created, so a cached claim stays valid. The cache is specific to the project
and the address of its primary remote: a fork with a remote of its own has its own claims.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gitmodel.errors import GitmodelError, RemoteUnreachableError, UnknownReferenceError
from gitmodel.project.history.missing_history import find_missing_history

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.cache.claims_seen import ClaimsSeen
    from gitmodel.domain.reference import Reference
    from gitmodel.domain.versions import VersionNumbers
    from gitmodel.project.project import Project
    from gitmodel.store.claims import Claim

_SHORT = 12  # digits of a digest in messages


def claims_seen(project: Project) -> ClaimsSeen:
    """The claims that this clone has read from the primary remote."""
    address = project.address()
    scope = address.fingerprint
    if address.is_relative and project.remote_root is not None:
        scope = f"{project.remote_root}\n{scope}"
    config = project.config
    return _opened(project.cache_folder, f"{config.project}\n{config.project_id}\n{scope}")


@lru_cache(maxsize=8)
def _opened(cache_folder: str, scope: str) -> ClaimsSeen:
    """The same cache for each model of a command; it sees claims that other processes add."""
    from gitmodel.cache.claims_seen import ClaimsSeen

    return ClaimsSeen(cache_folder, scope)


def read_owner(project: Project, name: str, version: int) -> Claim | None:
    """Read and cache the claim of a number; None while the number is free.

    Raises RemoteError if the remote cannot be used, DamagedObjectError if the claim is damaged.
    """
    from gitmodel.store.claims import read_claim

    if not project.may_ask_remotes:
        raise RemoteUnreachableError(
            "the remote was not read because of --offline", hint="leave out --offline"
        )
    claim = read_claim(project.store(), project.config.project, name, version)
    if claim is not None:
        remember(project, [claim])
    return claim


def known_owner(project: Project, name: str, version: int) -> str | None:
    """The hex digest that owns a number, by cached claims or the primary remote; raises as `read_owner`."""
    seen = claims_seen(project).owners(name).get(version)
    if seen is not None:
        return seen
    claim = read_owner(project, name, version)
    return None if claim is None else claim.digest.hex


def remember(project: Project, claims: Iterable[Claim]) -> None:
    """Cache claims of the primary remote."""
    claims_seen(project).see_all((claim.name, claim.version, claim.digest) for claim in claims)


def content_of(project: Project, name: str, number: int, naming: VersionNumbers[str]) -> str:
    """The content that a number in history names, as hex digest; `naming` has history and cached claims.

    If history is ambiguous and no claim is cached, the claim is read from the primary remote. If it
    cannot be read, the number names the only content that has no other number. Raises
    UnknownReferenceError if the number is ambiguous, or history lacks the content that owns it.
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
        raise ambiguous_reference(name, f"{name}@{number}", found, reason)
    raise _owner_elsewhere(project, name, number, naming, reason)


def ambiguous_reference(
    name: str, reference: Reference | str, contents: Sequence[str], reason: str = ""
) -> UnknownReferenceError:
    """The error for a reference that matches several contents."""
    several = ", ".join(content[:_SHORT] for content in contents)
    why = f"; the claim of the number cannot be read: {reason}" if reason else ""
    return UnknownReferenceError(
        f"{reference} is ambiguous: it names the contents {several}{why}",
        hint=f"use a digest: {_show(name, contents)}",
        model=name,
    )


def _owner_elsewhere(
    project: Project, name: str, number: int, naming: VersionNumbers[str], reason: str
) -> UnknownReferenceError:
    """The error for a number whose content this clone's history lacks or may lack."""
    local = naming.contents(number)
    shown = ", ".join(content[:_SHORT] for content in local)
    owner = naming.owner(number)
    if owner is None:
        message = (
            f"{name}@{number} may not be {shown}: that content also has a greater number, and the "
            f"claim cannot be read: {reason}"
        )
    else:
        message = (
            f"{name}@{number} is {owner[:_SHORT]} according to its claim, but this clone's history "
            f"lacks it; here the number names other content, {shown}"
        )
    lack = find_missing_history(project)
    fetch = "git fetch --all" if lack is None else lack.command
    return UnknownReferenceError(
        message, hint=f"{fetch}; or use a digest: {_show(name, local)}", model=name
    )


def _show(name: str, contents: Sequence[str]) -> str:
    return f"gitmodel show {name}@blake3:{contents[0][:_SHORT]}"
