"""Bringing pointers' weights and claims to a remote, in the one order that is safe.

Claims are read, the intent is written, the sweep flag is read, and only then is anything on the
remote relied on; packs, then manifests, then claims; the ledger last. Everything can be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.errors import DamagedObjectError, GitmodelError, RemoteError
from gitmodel.project.project import PRIMARY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.project.project import Project
    from gitmodel.project.publishing.outgoing import Outgoing
    from gitmodel.store.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class Hole:
    """A version that is not whole on the remote, and that this clone cannot make whole.

    Attributes:
        version: As a reference: `fraud@3`.
        problem: What is wrong with it there.
        hint: What to run, and where.
    """

    version: str
    problem: str
    hint: str | None


@dataclass(slots=True)
class PushReport:
    """What a push did.

    Attributes:
        versions: (name, version) published or confirmed now.
        published: Those of them that this clone did not know to be there before.
        packs: Packs uploaded.
        uploaded_bytes: Their bytes.
        remote: Where to.
        looked: Whether the remote had to be asked at all.
        packs_seen: Packs that were looked at on the remote, or uploaded.
        holes: Versions that are not whole there, and that the push did not need.
        not_looked_at: Pointers of history that this clone does not have, so that they were not looked at.
    """

    versions: list[tuple[str, int]] = field(default_factory=list)
    published: list[tuple[str, int]] = field(default_factory=list)
    packs: int = 0
    uploaded_bytes: int = 0
    remote: str = ""
    looked: bool = False
    packs_seen: int = 0
    holes: list[Hole] = field(default_factory=list)
    not_looked_at: int = 0

    def add(self, more: PushReport) -> None:
        """Count what another part of the same push did."""
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
    """Bring weights and claims of pointers to a remote.

    Order: claims are read; the intent is written, then the sweep flag is read; packs, manifests,
    claims; the ledger last. What is wrong with pointers that are not required is in the report.

    Args:
        project: The project.
        outgoing: Which pointers.
        git_url: Of the Git remote, for the record of who uses the store.
        remote: Where to.
        full: Read every pack that is there, instead of asking for its size.

    Raises: as `push_updates`.
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
    """Write down in ledger and report what is on the remote now, and what is not."""
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
    """Do it; returns by blob what is wrong with pointers that are not required."""
    from gitmodel.project.publishing.upload import Upload
    from gitmodel.project.publishing.version_claims import PushClaims

    store = project.store(remote, upload=True)
    _recognise(project, store, outgoing, remote=remote)
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


def _recognise(
    project: Project, store: ObjectStore, outgoing: Sequence[Outgoing], *, remote: str
) -> None:
    """Read the store's marker, or make one, and forget what was known of another store.

    One that cannot be read is written anew where the store is known to be one.

    Raises:
        DamagedObjectError: It cannot be read, and nothing of this project is there.
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
    """Whether a store has weights of any of these versions, or of one before them."""
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
