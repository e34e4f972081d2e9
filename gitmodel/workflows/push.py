"""`gitmodel push` and the hook pre-push: publish the pointers of commits.

`git push` publishes the pointers of the pushed commits before it moves refs; `gitmodel push` publishes those of
HEAD and its history. Both can be repeated: complete versions are not uploaded again, and incomplete ones are
completed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.pointer import BESIDE_SUFFIXES, POINTER_SUFFIX
from gitmodel.errors import DamagedObjectError, GitmodelError, ObjectMissingError, RemoteError
from gitmodel.project.project import CONFIG_NAME, PRIMARY
from gitmodel.project.publishing.outgoing import (
    collect,
    files_at,
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
    """Parse what Git writes to the standard input of `pre-push` (githooks(5)).

    Raises GitCommandError if the input has another format.
    """
    from gitmodel.git.pre_push import parse_updates

    return parse_updates(stdin)


def is_concerned(project: Project, updates: Sequence[RefUpdate]) -> bool:
    """Whether the work tree has a `.gitmodel.yaml`. If not, the first one at a pushed tip is used.

    Raises ConfigError if the configuration at a tip is not valid.
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
    """Publish every pointer that a `git push` introduces; without updates, those of HEAD.

    The list of `updates` is empty if another hook has consumed it. `git_remote` is a name, or the URL if it
    has none. Raises VersionTakenError if a version number at a pushed tip belongs to other content,
    ObjectMissingError if neither the cache nor the remote has the weights of a pushed pointer, RemoteError
    if the store cannot be used, MixedPointerError or PointerError if a pointer at a pushed tip does not
    parse.
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
    """Publish every pointer that a `git push` may introduce, if the list of refs is unknown.

    The pre-commit framework names one ref of a push, `revision` (or ""), and consumes the list of all. So
    every local commit that the Git remote is not known to have counts as pushed. Raises as `push_updates`.
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
    """Publish the pointers that a `git push` introduces; an error refuses the push.

    Then publish the other pointers at the tips, and those that earlier pushes missed. Their errors are noted.
    """
    files = files_at(project, tips)
    changes = project.history.changes(
        tips,
        exclude=exclude,
        not_on_remote=hidden,
        suffixes=(POINTER_SUFFIX, *BESIDE_SUFFIXES),
    )

    def found_now(*, tell: bool) -> list[Outgoing]:
        return collect(
            project,
            tips,
            exclude=exclude,
            not_on_remote=hidden,
            tell=tell,
            files=files,
            changes=changes,
        )

    found = found_now(tell=True)
    introduced = [item for item in found if item.required]
    ledger = project.ledger()
    new = {change.oid for change in changes}  # for these the ledger is no proof
    unknown = {
        key
        for key in files.beside
        if key in files.orphans or key[1] in new or not ledger.knows_file(*key)
    }
    proof = None
    if unknown:  # the proof is imported only then
        from gitmodel.project.publishing.pushed_aliases import PushedAliases

        proof = PushedAliases(project, files, unknown)
        proof.read(changes)
    report = PushReport(remote=project.address().url)
    if introduced:
        _refuse_default_folder(project, git_url)
        _announce_long_upload(project, introduced)
        report = publish(project, introduced, git_url=git_url)
        # If the remote is another store than the ledger's, publishing has cleared the ledger.
        found = found_now(tell=False)
    if proof is not None:
        proof.prove(published={item.pointer.digest.hex for item in introduced})
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
    """Publish versions that this push does not introduce. Errors are noted and do not refuse the push.

    Returns whether all of them are complete on the remote.
    """
    if not rest:
        return True
    try:
        _refuse_default_folder(project, git_url)
        _announce_long_upload(project, rest)
        lenient = [item._replace(required=False) for item in rest]
        report.add(publish(project, lenient, git_url=git_url))
    except GitmodelError as error:
        project.context.note(
            f"{format_versions(rest)}: not confirmed on the remote: {error.message}; this push does "
            "not need it and continues; later, run: gitmodel push"
        )
        return False
    return not report.holes


def _tell_holes(project: Project, report: PushReport) -> None:
    """Note the versions that are incomplete on the remote. This push introduced none of them."""
    for hole in report.holes:
        way = "" if hole.hint is None else f"; to repair it: {hole.hint}"
        project.context.note(
            f"{hole.version}: incomplete on the remote: "
            f"{hole.problem}; this push does not need it and continues{way}"
        )
    told = {hole.version for hole in report.holes}
    known = [version for version in project.ledger().holes() if version not in told]
    if known:
        project.context.note(
            f"{format_references(known)}: incomplete on the remote at the last check; "
            "to check again: gitmodel push"
        )


def push_head(project: Project, *, remote: str = PRIMARY, full: bool = False) -> PushReport:
    """Publish every version in the history of HEAD and of origin's branches, without trusting the ledger.

    A version that this clone cannot complete is in the report. It is an error if it is at HEAD, or in a
    commit that origin does not have. With `full`, every pack on the remote is read, instead of only its
    size. Raises as `push_updates`.
    """
    head = project.repository.head()
    if head is None:
        return PushReport()
    known = "origin" in project.repository.remotes()
    git_url = project.repository.remote_url("origin") or ""
    hidden = "origin" if known else None
    heads = _heads(project, (head,), hidden)
    found = [
        item._replace(required=True)
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
    """Publish all pointers. If a required one fails, publish the others, then raise the error."""

    def attempt(items: Sequence[Outgoing]) -> PushReport:
        return publish(project, items, git_url=git_url, remote=remote, full=full)

    try:
        return attempt(outgoing)
    except (ObjectMissingError, DamagedObjectError):
        attempt([item._replace(required=False) for item in outgoing])
        raise


def _heads(project: Project, tips: Sequence[str], git_remote: str | None) -> tuple[str, ...]:
    """The pushed commits and the remote-tracking branches of the Git remote."""
    from gitmodel.git.remote_tracking import tracking_tips

    tracked = () if git_remote is None else tracking_tips(project.repository, git_remote)
    return tuple(dict.fromkeys((*tips, *tracked)))


def _refuse_default_folder(project: Project, git_url: str) -> None:
    """Refuse to push pointers to another machine if their weights stay on this one.

    Raises RemoteError if the store is the default folder, and the Git remote is on another machine.
    """
    if project.uses_default_folder() and not _is_on_this_machine(git_url):
        raise RemoteError(
            f"{git_url} is on another machine, but the weights would stay on this one, in "
            f"{project.default_folder()}",
            hint="gitmodel remote add s3://BUCKET/PREFIX (or az://..., or a shared folder)",
        )


def _announce_long_upload(project: Project, outgoing: Sequence[Outgoing]) -> None:
    """Note a long upload before it starts, because Git's connection to its server may time out.

    The size is an estimate from cache and ledger: another clone may have uploaded some of it.
    """
    cache, ledger = project.cache, project.ledger()
    sizes: dict[str, int] = {}
    for digest in {item.pointer.digest for item in outgoing}:
        manifest = None if ledger.has_stored(digest) else cache.manifest(digest)
        if manifest is not None:
            sizes.update(manifest.sized_packs)
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
