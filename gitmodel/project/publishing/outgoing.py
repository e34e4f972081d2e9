"""Which pointers a push is about: those of its tips, of new commits, and of history.

A pointer is *introduced* by a push whose commits the Git remote does not have yet. Such a version must be
whole on the remote before refs move. Every other pointer is on the Git remote already, with its weights or
without: a push of something else reports what is missing and passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer
from gitmodel.errors import GitmodelError, ObjectMissingError
from gitmodel.project.project import PRIMARY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from gitmodel.project.project import Project

_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One pointer that is to be published.

    Attributes:
        pointer: What it says.
        blob: Its Git blob id.
        path: Where it lies.
        commit: The commit that has it.
        tip: Whether it is at a pushed tip; one further down is claimed only where its number is
            free.
        required: Whether the push is refused without it: the Git remote gets the pointer by this push, or
            `gitmodel push` was told to publish it.
    """

    pointer: Pointer
    blob: str
    path: str
    commit: str
    tip: bool
    required: bool = True

    @property
    def version(self) -> str:
        """The version as a reference: `fraud@3`."""
        return f"{self.pointer.name}@{self.pointer.version}"


def named(outgoing: Iterable[Outgoing]) -> str:
    """Versions as a person reads them: each once, a long list cut short."""
    return listed(item.version for item in outgoing)


def listed(versions: Iterable[str]) -> str:
    """References as a person reads them: each once, a long list cut short."""
    unique = list(dict.fromkeys(versions))
    more = len(unique) - _MOST_NAMED
    return ", ".join(unique[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def collect(
    project: Project,
    tips: Sequence[str],
    *,
    exclude: Sequence[str],
    not_on_remote: str | None,
    remote: str = PRIMARY,
    tell: bool = True,
    believe: bool = True,
) -> list[Outgoing]:
    """The pointers to publish: all that the push introduces, and those at its tips.

    What is introduced is listed whatever the ledger says. Other pointers at the tips are left out where the
    ledger knows them; if it knows all of them, no pointer is even read.

    Args:
        project: The project.
        tips: What is pushed.
        exclude: Commits that the Git remote has.
        not_on_remote: The Git remote, whose branches as last seen count as well.
        remote: Where weights go.
        tell: The person is told about broken pointers at the tips that the Git remote has already.
        believe: Leave out other pointers at the tips that the ledger knows.

    Raises:
        PointerError: An introduced pointer at a tip does not parse, or mixes two sides.
    """
    if not tips:
        return []
    ledger = project.ledger(remote)
    at_tips: dict[str, tuple[str, str]] = {}
    for tip in tips:
        for entry in project.reader.tree(tip, POINTER_SUFFIX):
            at_tips.setdefault(entry.oid, (entry.path, tip))
    found: dict[str, tuple[str, str]] = {}
    introduced = set()
    for change in project.history.changes(tips, exclude=exclude, not_on_remote=not_on_remote):
        if change.oid is not None:
            path = at_tips.get(change.oid, (change.path, ""))[0]
            found[change.oid] = (path, change.commit)
            introduced.add(change.oid)
    found.update(
        (oid, place)
        for oid, place in at_tips.items()
        if oid not in introduced and not (believe and ledger.knows(oid))
    )
    outgoing = []
    for blob, raw in _blobs(project, found):
        path, commit = found[blob]
        here, new = blob in at_tips, blob in introduced
        pointer = _read(project, raw, path, commit, strict=here and new, tell=here and tell)
        if pointer is not None:
            outgoing.append(Outgoing(pointer, blob, path, commit, here, new))
    return outgoing


def missed_by_earlier_pushes(
    project: Project,
    heads: Sequence[str],
    *,
    but: Collection[str],
    remote: str = PRIMARY,
) -> list[Outgoing]:
    """Versions that a push without the hooks left out, where this cache has their weights.

    They are below what is pushed now, or on another branch. What is not in the cache somebody else
    has to bring. A commit is looked through once; where all that is in the cache is known to be on
    the remote, as in a fresh clone, nothing is looked through. In a partial clone the walk could
    fetch trees one by one, so there only tips heal.

    Args:
        project: The project.
        heads: The commits whose history counts.
        but: Pointer blobs that are taken care of.
        remote: Which remote.
    """
    ledger = project.ledger(remote)
    walked = ledger.walked()
    fresh = [head for head in heads if head not in walked]
    if not fresh or project.repository.is_partial_clone():
        return []
    waiting = {digest for digest in project.cache.digests() if not ledger.has_stored(digest)}
    if not waiting:
        return []
    changes = {
        change.oid: change
        for change in project.history.changes(fresh, exclude=sorted(walked))
        if change.oid is not None and change.oid not in but and not ledger.knows(change.oid)
    }
    found = []
    for blob, raw in project.reader.blobs(list(changes)).items():
        change = changes[blob]
        pointer = _read(project, raw, change.path, change.commit)
        if (
            pointer is not None
            and pointer.digest in waiting
            and project.cache.holds(pointer.digest)
        ):
            found.append(
                Outgoing(pointer, blob, change.path, change.commit, tip=False, required=False)
            )
    return found


def in_history(
    project: Project, heads: Sequence[str], *, but: Collection[str]
) -> tuple[list[Outgoing], int]:
    """Every pointer in the history of some commits, and how many of them this clone does not have.

    A partial clone lacks pointers of earlier versions, and one without trees cannot even name them.

    Args:
        project: The project.
        heads: The commits.
        but: Pointer blobs that are taken care of.
    """
    if not heads or project.history.lacks_trees():
        return [], 0
    changes = {
        change.oid: change
        for change in project.history.changes(heads)
        if change.oid is not None and change.oid not in but
    }
    found, lacking = [], 0
    for blob, raw in _blobs(project, changes):
        change = changes[blob]
        lacking += raw is None
        pointer = None if raw is None else _read(project, raw, change.path, change.commit)
        if pointer is not None:
            found.append(
                Outgoing(pointer, blob, change.path, change.commit, tip=False, required=False)
            )
    return found, lacking


def _blobs(project: Project, found: Collection[str]) -> Iterable[tuple[str, bytes | None]]:
    blobs = project.reader.blobs(list(found))
    return [(oid, blobs.get(oid)) for oid in found]


def _read(
    project: Project,
    raw: bytes | None,
    path: str,
    commit: str,
    *,
    strict: bool = False,
    tell: bool = False,
) -> Pointer | None:
    """A pointer of a commit; None where it names no version.

    Args:
        project: The project.
        raw: Its bytes, None where this clone does not have them.
        path: Of the pointer.
        commit: That has it.
        strict: A broken one is an error.
        tell: The person is told about a broken one.
    """
    try:
        if raw is None:
            raise ObjectMissingError(f"{path} of commit {commit[:10]} is not in this clone")
        return Pointer.from_text(raw, what=f"{path} in commit {commit[:10]}")
    except GitmodelError as error:
        if strict:
            raise
        if tell:
            project.context.note(f"{error}; the Git remote has it already, so this push goes on")
        return None
