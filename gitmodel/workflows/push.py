"""Uploading: packs, then manifests, then claims; only after that do refs move.

`git push` runs this for what it pushes, `gitmodel push` for HEAD. It can be repeated at any time:
what is there is not sent again, and a hole that somebody left is filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer
from gitmodel.errors import GitmodelError, ObjectMissingError, RemoteError
from gitmodel.workflows.project import PRIMARY
from gitmodel.workflows.publish import Outgoing, PushReport, publish

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitmodel.git.history import RefUpdate
    from gitmodel.workflows.project import Project


def read_updates(stdin: bytes) -> tuple[RefUpdate, ...]:
    """What Git writes to the standard input of `pre-push` (githooks(5)).

    Raises:
        GitCommandError: It is anything else.
    """
    from gitmodel.git.history import parse_updates

    return parse_updates(stdin)


def push_updates(
    project: Project, updates: Sequence[RefUpdate], *, git_remote: str, git_url: str
) -> PushReport:
    """Publish everything that a `git push` is about to make visible.

    Args:
        project: The project.
        updates: What Git passed to `pre-push`; empty also when another hook has read it already, so
            HEAD is looked at then.
        git_remote: Name of the Git remote, or its URL.
        git_url: Its URL.

    Raises:
        VersionTakenError: A version at a pushed tip belongs to other content.
        ObjectMissingError: Weights of a pushed pointer are nowhere to be had.
        RemoteError: The store cannot be used.
        MixedPointerError, PointerError: A pointer at a pushed tip is broken.
    """
    tips = project.history.pushed_tips(updates)
    known = git_remote in project.repository.remotes()
    if not updates:
        head = project.repository.head()
        tips = () if head is None else (head,)
    exclude = [u.remote_oid for u in updates if not u.is_delete and not u.is_new]
    hidden = git_remote if known else None

    def outgoing() -> list[Outgoing]:
        found = collect(project, tips, exclude=exclude, not_on_remote=hidden)
        if found:
            _refuse_default_folder(project, git_url)
        return found

    return _publish_all(project, outgoing, git_url=git_url, remote=PRIMARY)


def push_unlisted(project: Project, *, revision: str, git_remote: str, git_url: str) -> PushReport:
    """Publish everything that a `git push` may be about to make visible, where nobody lists it.

    The pre-commit framework names one ref of a push and swallows the list of all. So whatever this
    clone has and the Git remote is not known to have counts as pushed: more than needed, never less.

    Args:
        project: The project.
        revision: What is known to be pushed; "" if nothing is.
        git_remote: Name of the Git remote, or its URL.
        git_url: Its URL.

    Raises: as `push_updates`.
    """
    hidden = git_remote if git_remote in project.repository.remotes() else None
    named = [project.reader.resolve(word) for word in ("HEAD", revision) if word]
    unpushed = project.history.local_tips(not_on_remote=hidden)
    tips = tuple(dict.fromkeys([*(tip for tip in named if tip is not None), *unpushed]))

    def outgoing() -> list[Outgoing]:
        found = collect(project, tips, exclude=(), not_on_remote=hidden)
        if found:
            _refuse_default_folder(project, git_url)
        return found

    return _publish_all(project, outgoing, git_url=git_url, remote=PRIMARY)


def push_head(project: Project, *, remote: str = PRIMARY) -> PushReport:
    """Publish every pointer of HEAD, and of the commits below it that no Git remote has.

    Raises: as `push_updates`.
    """
    head = project.repository.head()
    if head is None:
        return PushReport()
    known = "origin" in project.repository.remotes()
    git_url = (project.repository.remote_url("origin") or "") if known else ""
    hidden = "origin" if known else None

    def outgoing() -> list[Outgoing]:
        return collect(project, (head,), exclude=(), not_on_remote=hidden, remote=remote)

    return _publish_all(project, outgoing, git_url=git_url, remote=remote)


def _publish_all(
    project: Project, outgoing: Callable[[], list[Outgoing]], *, git_url: str, remote: str
) -> PushReport:
    """Publish, and once more if the remote turned out to be another store than the ledger's.

    Only the first look at a remote shows that it was emptied or replaced. What the ledger took for
    published until then must be there as well before refs move.
    """
    report = publish(project, outgoing(), git_url=git_url, remote=remote)
    rest = outgoing() if report.looked else []
    if rest:
        more = publish(project, rest, git_url=git_url, remote=remote)
        report.versions = sorted({*report.versions, *more.versions})
        report.packs += more.packs
        report.uploaded_bytes += more.uploaded_bytes
    return report


def collect(
    project: Project,
    tips: Sequence[str],
    *,
    exclude: Sequence[str],
    not_on_remote: str | None,
    remote: str = PRIMARY,
) -> list[Outgoing]:
    """The pointers to publish: all at the tips, and those of new commits below them.

    Pointers that the ledger knows are left out; when it knows all of them, no pointer is even read.

    Raises:
        PointerError: A pointer at a tip does not parse, or mixes two sides.
    """
    if not tips:
        return []
    ledger = project.ledger(remote)
    found: dict[str, tuple[str, str, bool]] = {}
    for tip in tips:
        for entry in project.reader.tree(tip, POINTER_SUFFIX):
            if not ledger.knows(entry.oid):
                found.setdefault(entry.oid, (entry.path, tip, True))
    changes = project.history.changes(tips, exclude=exclude, not_on_remote=not_on_remote)
    for change in changes:
        if change.oid is not None and not ledger.knows(change.oid):
            path, _, tip_ = found.get(change.oid, (change.path, "", False))
            found[change.oid] = (path, change.commit, tip_)
    blobs = project.reader.blobs(list(found))
    outgoing = []
    for blob, (path, commit, tip_) in found.items():
        pointer = _read(blobs.get(blob), path, commit, tip=tip_)
        if pointer is not None:
            outgoing.append(Outgoing(pointer, blob, path, commit, tip_))
    return outgoing


def _read(raw: bytes | None, path: str, commit: str, *, tip: bool) -> Pointer | None:
    """A pointer of a commit; below the tips a broken one names no version."""
    try:
        if raw is None:
            raise ObjectMissingError(f"{path} of commit {commit[:10]} is not in this clone")
        return Pointer.from_text(raw, what=f"{path} in commit {commit[:10]}")
    except GitmodelError:
        if tip:
            raise
        return None


def _refuse_default_folder(project: Project, git_url: str) -> None:
    """Refuse to push pointers to another machine while their weights stay on this one.

    Raises:
        RemoteError: The store is the embedded default folder, and the Git remote is elsewhere.
    """
    if project.uses_default_folder() and not _is_on_this_machine(git_url):
        raise RemoteError(
            f"{git_url} is on another machine, but the weights would stay on this one, in "
            f"{project.default_folder()}",
            hint="gitmodel remote add s3://BUCKET/PREFIX (or az://..., or a shared folder)",
        )


def _is_on_this_machine(git_url: str) -> bool:
    if git_url.startswith("file://"):
        return True
    scheme, colon, _ = git_url.partition(":")
    if not colon or scheme.startswith((".", "/")):
        return True
    return len(scheme) == 1 or "/" in scheme  # C:\..., or a path with a colon in it
