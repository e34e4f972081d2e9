"""Uploading: packs, then manifests, then claims; only after that do refs move.

`git push` runs this for what it pushes, `gitmodel push` for HEAD. It can be repeated at any time:
what is there is not sent again, and a hole that somebody left is filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.pointer import POINTER_SUFFIX, Pointer
from gitmodel.errors import GitmodelError, ObjectMissingError, RemoteError
from gitmodel.workflows.project import CONFIG_NAME, PRIMARY
from gitmodel.workflows.publish import Outgoing, PushReport, publish

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from gitmodel.git.updates import RefUpdate
    from gitmodel.workflows.project import Project


def read_updates(stdin: bytes) -> tuple[RefUpdate, ...]:
    """What Git writes to the standard input of `pre-push` (githooks(5)).

    Raises:
        GitCommandError: It is anything else.
    """
    from gitmodel.git.updates import parse_updates

    return parse_updates(stdin)


def is_concerned(project: Project, updates: Sequence[RefUpdate]) -> bool:
    """Whether there is a `.gitmodel.yaml`: in the work tree, else at a pushed tip, which counts then.

    Raises:
        ConfigError: The one at a tip cannot be accepted.
    """
    if project.is_set_up():
        return True
    for tip in project.history.pushed_tips(updates):
        for entry in project.reader.tree(tip, CONFIG_NAME):
            if entry.path == CONFIG_NAME:
                from gitmodel.domain.config import Config

                text = project.reader.blobs([entry.oid]).get(entry.oid, b"")
                project.use_config(Config.from_text(text.decode(errors="replace")))
                return True
    return False


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
            _announce_long_upload(project, found)
        return found

    report = _publish_all(project, outgoing, git_url=git_url, remote=PRIMARY)
    _heal(project, _heads(project, tips, hidden), report, git_url=git_url)
    return report


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
            _announce_long_upload(project, found)
        return found

    report = _publish_all(project, outgoing, git_url=git_url, remote=PRIMARY)
    _heal(project, _heads(project, tips, hidden), report, git_url=git_url)
    return report


def _heal(project: Project, heads: Sequence[str], report: PushReport, *, git_url: str) -> None:
    """Publish what earlier pushes left out; this push needs none of it, so it is not refused."""
    behind = left_behind(project, heads, but=())
    if behind:
        _announce_long_upload(project, behind)
        try:
            _refuse_default_folder(project, git_url)
            report.add(publish(project, behind, git_url=git_url))
        except GitmodelError as error:
            names = ", ".join(f"{item.pointer.name}@{item.pointer.version}" for item in behind)
            project.context.note(
                f"{names}: left out by an earlier push, and still not on the remote: "
                f"{error.message}; run: gitmodel push"
            )
            return
    project.ledger().note_walked(heads)


def push_head(project: Project, *, remote: str = PRIMARY) -> PushReport:
    """Publish every pointer of HEAD, of new commits below it, and what was left behind in history.

    Raises: as `push_updates`.
    """
    head = project.repository.head()
    if head is None:
        return PushReport()
    known = "origin" in project.repository.remotes()
    git_url = (project.repository.remote_url("origin") or "") if known else ""
    hidden = "origin" if known else None
    heads = _heads(project, (head,), hidden)

    def outgoing() -> list[Outgoing]:
        found = collect(project, (head,), exclude=(), not_on_remote=hidden, remote=remote)
        but = {item.blob for item in found}
        return found + left_behind(project, heads, but=but, remote=remote, again=True)

    report = _publish_all(project, outgoing, git_url=git_url, remote=remote)
    project.ledger(remote).note_walked(heads)
    return report


def _heads(project: Project, tips: Sequence[str], git_remote: str | None) -> tuple[str, ...]:
    """What is on a Git remote after this push, as far as this clone knows."""
    from gitmodel.git.tracking import tracking_tips

    tracked = () if git_remote is None else tracking_tips(project.repository, git_remote)
    return tuple(dict.fromkeys((*tips, *tracked)))


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
        report.add(publish(project, rest, git_url=git_url, remote=remote))
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


def left_behind(
    project: Project,
    heads: Sequence[str],
    *,
    but: Collection[str],
    remote: str = PRIMARY,
    again: bool = False,
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
        again: Also look through what was looked through before.
    """
    ledger = project.ledger(remote)
    walked = frozenset() if again else ledger.walked()
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
        pointer = _read(raw, change.path, change.commit, tip=False)
        if (
            pointer is not None
            and pointer.digest in waiting
            and project.cache.holds(pointer.digest)
        ):
            found.append(Outgoing(pointer, blob, change.path, change.commit, tip=False))
    return found


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


def _announce_long_upload(project: Project, outgoing: Sequence[Outgoing]) -> None:
    """Say beforehand that much has to be uploaded: Git's connection to the server is open already.

    What it will be is told by the cache and the ledger alone; another clone may have brought it.
    """
    cache, ledger = project.cache, project.ledger()
    sizes: dict[str, int] = {}
    for digest in {item.pointer.digest for item in outgoing}:
        manifest = None if ledger.has_stored(digest) else cache.manifest(digest)
        if manifest is not None:
            sizes.update(zip(manifest.packs, manifest.pack_sizes, strict=True))
    if sum(sizes.values()) < project.settings.long_upload:
        return
    for item in outgoing:
        before = item.pointer.previous
        if before is not None and ledger.has_stored(before.digest):
            manifest = cache.manifest(before.digest)
            for name in () if manifest is None else manifest.packs:
                sizes.pop(name, None)
    total = sum(sizes.values())
    if total >= project.settings.long_upload:
        project.context.note(
            f"{total:,} bytes to upload before Git goes on; should the Git server close its "
            "connection meanwhile, run git push again. To upload without one: gitmodel push, then "
            "git push"
        )


def _is_on_this_machine(git_url: str) -> bool:
    if git_url.startswith("file://"):
        return True
    scheme, colon, _ = git_url.partition(":")
    if not colon or scheme.startswith((".", "/")):
        return True
    return len(scheme) == 1 or "/" in scheme  # C:\..., or a path with a colon in it
