"""Publish pointers on a remote: upload their weights, then claim their version numbers.

The order of the steps keeps the remote consistent, and each step can be repeated: read claims, write the push
intent, read the sweep flag, upload packs, upload manifests, write claims, update the ledger. `gitmodel push` and
the hook pre-push share this step; it is no command of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.errors import DamagedObjectError, GitmodelError, RemoteError
from gitmodel.project.project import PRIMARY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.project.project import Project
    from gitmodel.project.publishing.outgoing import Outgoing
    from gitmodel.store.objects import ObjectStore


class Hole(NamedTuple):
    """A version that is incomplete on the remote, and that this clone cannot complete."""

    version: str  # as a reference: `fraud@3`
    problem: str  # what the remote lacks
    hint: str | None  # the command that repairs it, and the clone to run it in


@dataclass(slots=True)
class PushReport:
    """What a push did."""

    # (name, version) of those that are complete on the remote
    versions: list[tuple[str, int]] = field(default_factory=list)
    # those that the ledger did not list before
    published: list[tuple[str, int]] = field(default_factory=list)
    packs: int = 0  # number of uploaded packs
    uploaded_bytes: int = 0
    remote: str = ""  # URL
    looked: bool = False  # whether the remote was asked
    packs_seen: int = 0  # number of packs that were checked on the remote or uploaded
    # incomplete versions that the push did not need
    holes: list[Hole] = field(default_factory=list)
    not_looked_at: int = 0  # pointers of history that this clone lacks, so they were not checked

    def add(self, more: PushReport) -> None:
        """Add the report of another part of the same push."""
        self.versions = sorted({*self.versions, *more.versions})
        self.published = sorted({*self.published, *more.published})
        self.packs += more.packs
        self.uploaded_bytes += more.uploaded_bytes
        self.looked = self.looked or more.looked
        self.packs_seen += more.packs_seen
        self.holes += more.holes


def publish(
    project: Project,
    outgoing: Sequence[Outgoing],
    *,
    git_url: str = "",
    remote: str = PRIMARY,
    full: bool = False,
) -> PushReport:
    """Upload the weights of pointers to a remote and claim their version numbers; raises as `push_updates`.

    An error of a required pointer is raised; errors of the others are in the report. `git_url` is that of
    the Git remote, for the registration of this repository with the store. With `full` every pack on the
    remote is read, instead of only its size.
    """
    report = PushReport(remote=project.address(remote).url)
    if not outgoing:
        return report
    report.looked = True
    try:
        errors = _upload_and_claim(
            project, outgoing, report, git_url=git_url, remote=remote, full=full
        )
    except RemoteError as error:
        if error.hint is None:
            error.hint = "git push, when it can be reached again"
        elif "git push" not in error.hint:
            error.hint += "; then git push"
        raise
    _remember(project, outgoing, errors, report, remote=remote)
    return report


def _remember(
    project: Project,
    outgoing: Sequence[Outgoing],
    errors: Mapping[str, GitmodelError],
    report: PushReport,
    *,
    remote: str,
) -> None:
    """Record in the ledger and the report which versions are complete on the remote, and which are not."""
    ledger = project.ledger(remote)
    fine = [item for item in outgoing if item.blob not in errors]
    report.versions = sorted({(i.pointer.name, i.pointer.version) for i in fine})
    new = [item for item in fine if not ledger.knows(item.blob)]
    report.published = sorted({(i.pointer.name, i.pointer.version) for i in new})
    ledger.note_whole(item.pointer.digest for item in fine)
    ledger.confirm(item.blob for item in fine)
    for item in outgoing:
        error = errors.get(item.blob)
        if error is not None:
            ledger.note_hole(item.blob, item.pointer.digest, item.version)
            report.holes.append(Hole(item.version, error.message, error.hint))


def _upload_and_claim(
    project: Project,
    outgoing: Sequence[Outgoing],
    report: PushReport,
    *,
    git_url: str,
    remote: str,
    full: bool,
) -> dict[str, GitmodelError]:
    """Upload the weights, then write the claims. Only the primary remote has claims and registrations.

    Returns the errors of pointers that are not required, by blob.
    """
    from gitmodel.project.publishing.upload import Upload
    from gitmodel.project.publishing.version_claims import PushClaims

    store = project.store(remote, upload=True)
    _identify(project, store, outgoing, remote=remote)
    claiming = PushClaims(project, store, outgoing if remote == PRIMARY else ())
    claiming.check()
    upload = Upload(project, store, outgoing, remote=remote, full=full)
    upload.run()
    errors = {
        item.blob: content.error
        for content in upload.contents
        for item in outgoing
        if content.error is not None and item.pointer.digest == content.digest
    }
    if remote == PRIMARY:
        _register_repository(project, store, git_url)
        claiming.claim_all(but=errors)
    report.packs, report.uploaded_bytes = len(upload.sent), sum(upload.sent.values())
    report.packs_seen = upload.presence.seen
    return {**errors, **claiming.problems}


def _identify(
    project: Project, store: ObjectStore, outgoing: Sequence[Outgoing], *, remote: str
) -> None:
    """Read the store's marker, or create it. If it names another store, the ledger is cleared.

    A damaged marker is replaced if the ledger, or a manifest of these versions, shows that this is a
    store. Otherwise DamagedObjectError is raised.
    """
    fresh = project.context.random(16)
    ledger = project.ledger(remote)
    try:
        marker = store.ensure_marker(fresh)
    except DamagedObjectError as error:
        if not ledger.is_of_a_store() and not _has_any(store, outgoing):
            error.hint = (
                f"gitmodel push, in a clone that has pushed to {store.url}; if nobody has: take that "
                "object away"
            )
            raise
        marker = store.replace_marker(fresh)
        project.context.note(f"{error.message}; it was written again")
    ledger.belongs_to(marker.store_id)


def _has_any(store: ObjectStore, outgoing: Sequence[Outgoing]) -> bool:
    """Whether the store has a manifest of any of these versions or of their predecessors."""
    digests = [item.pointer.digest for item in outgoing]
    digests += [i.pointer.previous.digest for i in outgoing if i.pointer.previous is not None]
    for digest in dict.fromkeys(digests):
        try:
            if store.manifest(digest) is not None:
                return True
        except DamagedObjectError:
            continue
    return False


def _register_repository(project: Project, store: ObjectStore, git_url: str) -> None:
    """Register this repository with the store, so that garbage collection consults it."""
    from gitmodel.store.registrations import register

    register(store, project.config.project, project.config.project_id, git_url)
