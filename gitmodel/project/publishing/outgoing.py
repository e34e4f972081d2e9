"""The pointers that a push must publish: of its tips, of new commits, and of history.

A push *introduces* a pointer if the Git remote does not have its commit yet. The weights of such a version must
be complete on the remote before refs move. For all other pointers, which the Git remote already has, a push
only reports missing weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.pointer import BESIDE_SUFFIXES, POINTER_SUFFIX, Pointer, pointer_beside
from gitmodel.errors import GitmodelError, ObjectMissingError
from gitmodel.project.project import PRIMARY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from gitmodel.git.history.walk import Change
    from gitmodel.project.project import Project

_MAX_NAMED = 12


class Outgoing(NamedTuple):
    """One pointer to publish.

    It is `required` if the push fails without it: the push introduces it, or `gitmodel push` was asked to
    publish it.
    """

    pointer: Pointer
    blob: str  # its Git blob id
    path: str
    commit: str  # that has it
    tip: bool  # at a pushed tip; one below a tip is claimed only if its number is free
    required: bool = True

    @property
    def version(self) -> str:
        """The version as a reference: `fraud@3`."""
        return f"{self.pointer.name}@{self.pointer.version}"


def format_versions(outgoing: Iterable[Outgoing]) -> str:
    """Versions for messages: each once, a long list abbreviated."""
    return format_references(item.version for item in outgoing)


def format_references(versions: Iterable[str]) -> str:
    """References for messages: each once, a long list abbreviated."""
    unique = list(dict.fromkeys(versions))
    more = len(unique) - _MAX_NAMED
    return ", ".join(unique[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def collect(
    project: Project,
    tips: Sequence[str],
    *,
    exclude: Sequence[str],
    not_on_remote: str | None,
    remote: str = PRIMARY,
    tell: bool = True,
    trust_ledger: bool = True,
    files: TipFiles | None = None,
    changes: Sequence[Change] | None = None,
) -> list[Outgoing]:
    """The pointers to publish: all that the push introduces, and those at its tips.

    Introduced pointers are always included; with `trust_ledger`, other pointers at the tips are skipped if
    the ledger knows them. The Git remote has the commits of `exclude`, and those of the remote-tracking
    branches of `not_on_remote`. With `tell`, broken pointers at tips that the Git remote already has are
    noted.

    `files` of the tips and `changes` of the pushed commits are passed if they are known already; changes of
    other files are ignored. Raises PointerError if an introduced pointer at a tip does not parse, or mixes
    two sides.
    """
    if not tips:
        return []
    at_tips = (files or files_at(project, tips)).pointers
    if changes is None:
        changes = project.history.changes(tips, exclude=exclude, not_on_remote=not_on_remote)
    introduced = {
        change.oid: (at_tips.get(change.oid, (change.path, ""))[0], change.commit)
        for change in changes
        if change.oid is not None and change.path.endswith(POINTER_SUFFIX)
    }
    ledger = project.ledger(remote)
    others = {
        oid: path_and_tip
        for oid, path_and_tip in at_tips.items()
        if oid not in introduced and not (trust_ledger and ledger.knows(oid))
    }
    found = introduced | others
    outgoing = []
    for blob, raw in _blobs(project, found):
        path, commit = found[blob]
        tip, new = blob in at_tips, blob in introduced
        pointer = _read(project, raw, path, commit, strict=tip and new, tell=tip and tell)
        if pointer is not None:
            outgoing.append(Outgoing(pointer, blob, path, commit, tip, new))
    return outgoing


class TipFiles(NamedTuple):
    """gitmodel's files in the trees of pushed commits, by blob, or by path and blob."""

    pointers: dict[str, tuple[str, str]]  # path and first commit of each
    beside: dict[tuple[str, str], str]  # alias files and deprecations: first commit
    orphans: dict[tuple[str, str], str]  # alias files without a pointer beside them


def files_at(project: Project, tips: Sequence[str]) -> TipFiles:
    """Gitmodel's files in the trees of these commits. One process a commit."""
    found = TipFiles({}, {}, {})
    for tip in tips:
        entries = project.reader.tree(tip, POINTER_SUFFIX, *BESIDE_SUFFIXES)
        pointers = {entry.path for entry in entries if entry.path.endswith(POINTER_SUFFIX)}
        for entry in entries:
            if entry.path in pointers:
                found.pointers.setdefault(entry.oid, (entry.path, tip))
                continue
            key = (entry.path, entry.oid)
            found.beside.setdefault(key, tip)
            model = pointer_beside(entry.path)
            if model is not None and model not in pointers:
                found.orphans.setdefault(key, tip)
    return found


def missed_by_earlier_pushes(
    project: Project, heads: Sequence[str], *, but: Collection[str]
) -> list[Outgoing]:
    """Versions in history that a push without the hooks has not published and that this cache holds.

    Each commit is read once. Nothing is read if the remote has everything in the cache, or in a partial
    clone, where the walk could fetch trees one by one. `but` are blobs of pointers to skip.
    """
    ledger = project.ledger()
    read = ledger.walked()
    unread = [head for head in heads if head not in read]
    if not unread or project.repository.is_partial_clone():
        return []
    unpublished = {digest for digest in project.cache.digests() if not ledger.has_stored(digest)}
    if not unpublished:
        return []
    changes = [
        change
        for change in project.history.changes(unread, exclude=sorted(read))
        if change.oid is not None and not ledger.knows(change.oid)
    ]
    return [
        item
        for item in _outgoing(project, changes, but=but)[0]
        if item.pointer.digest in unpublished and project.cache.holds(item.pointer.digest)
    ]


def in_history(
    project: Project, heads: Sequence[str], *, but: Collection[str]
) -> tuple[list[Outgoing], int]:
    """Every pointer in the history of some commits, and how many pointers this clone lacks.

    A partial clone lacks earlier pointers; a clone without trees cannot list them. `but` are blobs of
    pointers to skip.
    """
    if not heads or project.history.lacks_trees():
        return [], 0
    return _outgoing(project, project.history.changes(heads), but=but)


def _outgoing(
    project: Project, changes: Iterable[Change], *, but: Collection[str]
) -> tuple[list[Outgoing], int]:
    """The pointers of some changes, below the tips, and how many pointers this clone lacks."""
    last = {
        change.oid: change for change in changes if change.oid is not None and change.oid not in but
    }
    found, lacking = [], 0
    for blob, raw in _blobs(project, last):
        change = last[blob]
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
    """A pointer of a commit, None if it is missing or does not parse.

    `raw` is None if this clone does not have it. `strict` raises the error instead of returning None;
    `tell` notes it.
    """
    try:
        if raw is None:
            raise ObjectMissingError(f"{path} of commit {commit[:10]} is not in this clone")
        return Pointer.from_text(raw, what=f"{path} in commit {commit[:10]}")
    except GitmodelError as error:
        if strict:
            raise
        if tell:
            project.context.note(f"{error}; the Git remote has it already, so this push continues")
        return None
