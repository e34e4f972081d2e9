"""`gitmodel remote copy`: every version of this repository's history from one remote to another.

The order is that of a push, so a copy that is interrupted leaves nothing that looks complete and is
not: the manifests of the source are read; the intent is written on the target, then its sweep flag is
read; packs, manifests, the registration, claims. What the target has is not sent again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.cache.copy_versions import VersionCopy, can_copy
from gitmodel.errors import (
    DamagedObjectError,
    RemoteDeniedError,
    RemoteMissingError,
    RepositoryError,
    UsageError,
)
from gitmodel.project.copying.claims import ClaimConflict, copy_claims
from gitmodel.project.copying.endpoints import both_ends, open_end
from gitmodel.project.history.all_versions import all_versions
from gitmodel.project.history.version_owners import remember
from gitmodel.project.project import PRIMARY
from gitmodel.store.objects import check_exclusive_creation
from gitmodel.store.parallel import for_each
from gitmodel.store.push_intents import NO_SWEEP, read_sweep, write_intent
from gitmodel.store.registrations import other_projects, register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.project.copying.endpoints import RemoteEnd
    from gitmodel.project.history.all_versions import HistoricVersion
    from gitmodel.project.project import Project
    from gitmodel.store.claims import Claim
    from gitmodel.store.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class MissingVersion:
    """A version that was not copied, and why."""

    name: str
    version: int
    digest: str
    reason: str


@dataclass(slots=True)
class CopyReport:
    """What a copy did, or with `dry_run` would do."""

    source: str
    target: str
    dry_run: bool  # nothing was written
    versions: int = 0  # contents that history names
    copied: int = 0  # how many of them were copied
    present: int = 0  # how many of them the target had
    missing: list[MissingVersion] = field(default_factory=list)  # versions that were not copied
    packs: int = 0  # that were sent
    pack_bytes: int = 0
    # packs that the store copied by itself, so that their bytes were not looked at
    by_store: int = 0
    from_cache: int = 0  # packs that came from the cache, because the source has none that is sound
    claims: int = 0  # that were copied
    claims_present: int = 0  # that the target had
    # numbers that belong to other content on the target
    conflicts: list[ClaimConflict] = field(default_factory=list)
    damaged_claims: list[str] = field(default_factory=list)  # of the source, that cannot be read
    # claimed versions that no ref of this clone has, so they were not copied
    unknown: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether the target now has all that was asked for."""
        return not (self.missing or self.conflicts or self.damaged_claims)


def copy_remote(
    project: Project,
    *,
    source: str | None = None,
    target: str | None = None,
    dry_run: bool = False,
    verify: bool = False,
) -> CopyReport:
    """Copy what history names, with the claims of the project.

    The ends are as in `both_ends`. With `verify` every pack is read and checked, also where the store
    could copy it by itself.

    Raises UsageError if an end has to be named, or the target is used by another project of this name,
    UntrustedRemoteError if an address is not trusted in this clone, RepositoryError if old commits are
    not in this clone, RemoteError if a remote cannot be used, NoSpaceError if the target is full.
    """
    start, to = both_ends(project, source, target)
    versions = all_versions(project)
    report = CopyReport(start.remote.url, to.remote.url, dry_run)
    with _Ends(project, start, to, dry_run=dry_run) as stores:
        _Copy(project, stores, to, versions, report, verify=verify).run()
    return report


class _Ends:
    """Opens both ends; closes those that the project does not close."""

    def __init__(
        self, project: Project, source: RemoteEnd, target: RemoteEnd, *, dry_run: bool
    ) -> None:
        self._project = project
        self._ends = (source, target)
        self._dry_run = dry_run
        self._opened: list[tuple[RemoteEnd, ObjectStore]] = []

    def __enter__(self) -> tuple[ObjectStore, ObjectStore]:
        source, target = self._ends
        writes = not self._dry_run
        self._opened.append((source, self._open(source, upload=False, create=False)))
        self._opened.append((target, self._open(target, upload=writes, create=writes)))
        return self._opened[0][1], self._opened[1][1]

    def __exit__(self, *_: object) -> None:
        for end, store in self._opened:
            if end.name is None:
                store.close()

    def _open(self, end: RemoteEnd, *, upload: bool, create: bool) -> ObjectStore:
        return open_end(self._project, end, upload=upload, create=create)


class _Copy:
    """One copy; `run` fills the report."""

    def __init__(
        self,
        project: Project,
        stores: tuple[ObjectStore, ObjectStore],
        end: RemoteEnd,
        versions: Sequence[HistoricVersion],
        report: CopyReport,
        *,
        verify: bool,
    ) -> None:
        self._project = project
        self._source, self._target = stores
        self._end = end
        self._versions = versions
        self._report = report
        self._owners: dict[tuple[str, int], Claim] = {}  # of the target
        self._copy = VersionCopy(
            *stores,
            project.cache,
            progress=project.context.progress,
            uploads=project.settings.verify_uploads,
            verify=verify,
        )

    def run(self) -> None:
        """Copy packs, manifests and claims."""
        self._require_source()
        copy, report = self._copy, self._report
        copy.plan(dict.fromkeys(version.digest for version in self._versions))
        if report.dry_run:
            self._look_only()
        else:
            self._send()
        report.versions = len({version.digest for version in self._versions})
        report.present = len(copy.present)
        report.copied = len(copy.digests) - len(copy.present)
        missing = {
            MissingVersion(v.name, v.version, str(v.digest), str(copy.failed[v.digest])): None
            for v in self._versions
            if v.digest in copy.failed
        }
        report.missing = list(missing)

    def _require_source(self) -> None:
        with suppress(DamagedObjectError):  # the marker is not what is copied
            if self._source.marker() is None:
                raise RemoteMissingError(
                    f"{self._source.url} has no store of gitmodel",
                    hint="gitmodel remote list",
                )

    def _look_only(self) -> None:
        report, copy = self._report, self._copy
        try:
            copy.look(NO_SWEEP)
            self._copy_claims(self._target, write=False)
        except RemoteMissingError:
            if self._end.remote.scheme != "file":
                raise
            copy.look_at_nothing()  # the folder would be made
            self._copy_claims(None, write=False)
        copy.look_at_source()
        report.packs = len(copy.missing)
        report.pack_bytes = sum(size for _, size in copy.missing)
        if can_copy(self._source, self._target):
            report.by_store = report.packs

    def _send(self) -> None:
        project, copy, target = self._project, self._copy, self._target
        config = project.config
        with suppress(RemoteDeniedError):  # listing is a permission of its own
            if other_projects(target, config.project, config.project_id):
                raise UsageError(
                    f"another project called {config.project!r} uses {target.url} already, and the two "
                    "would take each other's version numbers",
                    hint="gitmodel remote copy --to URL, with another prefix or folder",
                )
        if target.marker() is None:
            check_exclusive_creation(target, project.context.random(16))
        marker = target.ensure_marker(project.context.random(16))
        write_intent(
            target,
            project.context.random(16),
            digests=copy.digests,
            packs=copy.packs,
            at=project.context.timestamp(),
        )
        copy.look(read_sweep(target))
        copy.send()
        url = project.repository.remote_url("origin") or ""
        register(target, config.project, config.project_id, url)
        self._copy_claims(target, write=True)
        self._note_known(marker.store_id)
        count = copy.count
        self._report.packs = count.packs
        self._report.pack_bytes = count.pack_bytes
        self._report.by_store = count.by_store
        self._report.from_cache = count.from_cache

    def _copy_claims(self, target: ObjectStore | None, *, write: bool) -> None:
        report = self._report
        known = {(version.name, version.version) for version in self._versions}
        found = copy_claims(
            self._source, target, self._project.config.project, known=known, write=write
        )
        self._owners = found.owners
        report.claims = len(found.created)
        report.claims_present = len(found.owners) - len(found.created) - len(found.conflicts)
        report.conflicts = found.conflicts
        report.damaged_claims = found.damaged
        unknown = sorted(found.claimed - known)
        report.unknown = [f"{name}@{number}" for name, number in unknown]
        if write and self._end.name == PRIMARY:
            remember(self._project, found.owners.values())

    def _note_known(self, store_id: str) -> None:
        """Spare the next push a look at what was just copied."""
        if self._end.name is None:
            return
        there = set(self._copy.digests)
        ledger = self._project.ledger(self._end.name)
        ledger.belongs_to(store_id)
        ledger.note_whole(there)
        ledger.confirm(
            version.blob
            for version in self._versions
            if version.digest in there and self._is_claimed(version)
        )

    def _is_claimed(self, version: HistoricVersion) -> bool:
        owner = self._owners.get((version.name, version.version))
        return owner is not None and owner.digest == version.digest


def left_behind(project: Project, name: str = PRIMARY) -> list[str]:
    """The versions of history whose manifest a remote lacks, as `name@number`; a request for each.

    Where old commits are not in this clone, the person is told that they were not looked at. Raises
    RemoteError if the remote cannot be used.
    """
    from gitmodel.store.layout import manifest_key

    try:
        versions = all_versions(project)
    except RepositoryError as error:
        project.context.note(f"not checked for older versions: {error}; run: {error.hint}")
        return []
    backend = project.store(name).backend
    absent: set[Digest] = set()

    def look(digest: Digest) -> None:
        if backend.size(manifest_key(digest)) is None:
            absent.add(digest)

    for_each(look, list(dict.fromkeys(version.digest for version in versions)))
    return list(dict.fromkeys(f"{v.name}@{v.version}" for v in versions if v.digest in absent))
