"""Uploading: packs, then manifests, then claims; only after that do refs move.

`git push` runs this for what it pushes, `gitmodel push` for HEAD. It can be repeated at any time:
what is there is not sent again, and a hole that somebody left is filled.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.errors import DamagedObjectError, GitmodelError, ObjectMissingError, RemoteError
from gitmodel.project.project import CONFIG_NAME, PRIMARY
from gitmodel.project.publishing.outgoing import (
    collect,
    format_references,
    format_versions,
    in_history,
    missed_by_earlier_pushes,
)
from gitmodel.workflows.publish import PushReport, publish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.git.pre_push import RefUpdate
    from gitmodel.project.project import Project
    from gitmodel.project.publishing.outgoing import Outgoing


def read_updates(stdin: bytes) -> tuple[RefUpdate, ...]:
    """What Git writes to the standard input of `pre-push` (githooks(5)).

    Raises:
        GitCommandError: It is anything else.
    """
    from gitmodel.git.pre_push import parse_updates

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
                from gitmodel.domain.config.repository import Config

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
    return _push_tips(
        project, tips, exclude=exclude, hidden=git_remote if known else None, git_url=git_url
    )


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
    wanted = [project.reader.resolve(word) for word in ("HEAD", revision) if word]
    unpushed = project.history.local_tips(not_on_remote=hidden)
    tips = tuple(dict.fromkeys([*(tip for tip in wanted if tip is not None), *unpushed]))
    return _push_tips(project, tips, exclude=(), hidden=hidden, git_url=git_url)


def _push_tips(
    project: Project,
    tips: Sequence[str],
    *,
    exclude: Sequence[str],
    hidden: str | None,
    git_url: str,
) -> PushReport:
    """Publish what a `git push` introduces, or refuse it; then fill holes, which refuse nothing."""
    found = collect(project, tips, exclude=exclude, not_on_remote=hidden)
    introduced = [item for item in found if item.required]
    report = PushReport(remote=project.address().url)
    if introduced:
        _refuse_default_folder(project, git_url)
        _announce_long_upload(project, introduced)
        report = publish(project, introduced, git_url=git_url)
        # The first look may show another store than the ledger's: it knows less now than before.
        found = collect(project, tips, exclude=exclude, not_on_remote=hidden, tell=False)
    rest = [item for item in found if not item.required]
    heads = _heads(project, tips, hidden)
    rest += missed_by_earlier_pushes(project, heads, but={item.blob for item in found})
    if _publish_missed(project, rest, report, git_url=git_url):
        project.ledger().note_walked(heads)
    _tell_holes(project, report)
    return report


def _publish_missed(
    project: Project, rest: Sequence[Outgoing], report: PushReport, *, git_url: str
) -> bool:
    """Publish what earlier pushes left out; this push introduces none of it, so it is not refused.

    Returns whether all of it is there now.
    """
    if not rest:
        return True
    try:
        _refuse_default_folder(project, git_url)
        _announce_long_upload(project, rest)
        lenient = [replace(item, required=False) for item in rest]
        report.add(publish(project, lenient, git_url=git_url))
    except GitmodelError as error:
        project.context.note(
            f"{format_versions(rest)}: not confirmed on the remote: {error.message}; this push introduces "
            "need it and continues; later, run: gitmodel push"
        )
        return False
    return not report.holes


def _tell_holes(project: Project, report: PushReport) -> None:
    """Say which versions are known to be incomplete on the remote; this push introduced none of them."""
    for hole in report.holes:
        way = "" if hole.hint is None else f"; to repair it: {hole.hint}"
        project.context.note(
            f"{hole.version}: incomplete on the remote: "
            f"{hole.problem}; this push introduces none of it and goes on{way}"
        )
    told = {hole.version for hole in report.holes}
    known = [version for version in project.ledger().holes() if version not in told]
    if known:
        project.context.note(
            f"{format_references(known)}: incomplete on the remote at the last check; "
            "to check again: gitmodel push"
        )


def push_head(project: Project, *, remote: str = PRIMARY, full: bool = False) -> PushReport:
    """Look at every version in the history of HEAD and of origin's branches, and publish what is not there.

    Nothing that was remembered counts. What this clone cannot bring is in the report; it is an error if it
    is at HEAD, or in a commit that origin does not have.

    Args:
        project: The project.
        remote: Which remote.
        full: Read every pack that is there, instead of asking for its size.

    Raises: as `push_updates`.
    """
    head = project.repository.head()
    if head is None:
        return PushReport()
    known = "origin" in project.repository.remotes()
    git_url = project.repository.remote_url("origin") or ""
    hidden = "origin" if known else None
    heads = _heads(project, (head,), hidden)
    found = [
        replace(item, required=True)
        for item in collect(
            project, (head,), exclude=(), not_on_remote=hidden, remote=remote, trust_ledger=False
        )
    ]
    older, lacking = in_history(project, heads, but={item.blob for item in found})
    report = _push_all(project, [*found, *older], git_url=git_url, remote=remote, full=full)
    report.not_looked_at = lacking
    if not report.holes:
        project.ledger(remote).note_walked(heads)
    return report


def _push_all(
    project: Project, outgoing: Sequence[Outgoing], *, git_url: str, remote: str, full: bool
) -> PushReport:
    """Publish all; what can be brought is brought also where something required cannot be.

    Raises: as `push_updates`.
    """

    def attempt(items: Sequence[Outgoing]) -> PushReport:
        return publish(project, items, git_url=git_url, remote=remote, full=full)

    try:
        return attempt(outgoing)
    except (ObjectMissingError, DamagedObjectError):
        attempt([replace(item, required=False) for item in outgoing])
        raise


def _heads(project: Project, tips: Sequence[str], git_remote: str | None) -> tuple[str, ...]:
    """What is on a Git remote after this push, as far as this clone knows."""
    from gitmodel.git.remote_tracking import tracking_tips

    tracked = () if git_remote is None else tracking_tips(project.repository, git_remote)
    return tuple(dict.fromkeys((*tips, *tracked)))


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
