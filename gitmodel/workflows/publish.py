"""Bringing pointers' weights and claims to a remote, in the one order that is safe.

Claims are read, the intent is written, the sweep flag is read, and only then is anything on the
remote relied on; packs, then manifests, then claims; the ledger last. Everything can be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import weights_path
from gitmodel.errors import DamagedObjectError, ObjectMissingError, RemoteError, VersionTakenError
from gitmodel.git.url import without_user_info
from gitmodel.workflows.owners import remember
from gitmodel.workflows.project import PRIMARY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.encoding.manifest import Manifest
    from gitmodel.store.claims import Claim
    from gitmodel.store.objects import ObjectStore
    from gitmodel.store.reader import DamagedPackError
    from gitmodel.workflows.outgoing import Outgoing
    from gitmodel.workflows.project import Project

_CLAIM_TEXT = 1000  # characters of a name in a claim; readers take 64 KiB in all


@dataclass(slots=True)
class PushReport:
    """What a push did.

    Attributes:
        versions: (name, version) published or confirmed now.
        packs: Packs uploaded.
        uploaded_bytes: Their bytes.
        remote: Where to.
        looked: Whether the remote had to be asked at all.
    """

    versions: list[tuple[str, int]] = field(default_factory=list)
    packs: int = 0
    uploaded_bytes: int = 0
    remote: str = ""
    looked: bool = False

    def add(self, more: PushReport) -> None:
        """Count what another part of the same push did."""
        self.versions = sorted({*self.versions, *more.versions})
        self.packs += more.packs
        self.uploaded_bytes += more.uploaded_bytes


def publish(
    project: Project,
    outgoing: Sequence[Outgoing],
    *,
    git_url: str = "",
    remote: str = PRIMARY,
) -> PushReport:
    """Bring weights and claims of pointers to a remote.

    Order: claims are read; the intent is written, then the sweep flag is read; packs, manifests,
    claims; the ledger last.

    Raises: as `push_updates`.
    """
    report = PushReport(remote=project.address(remote).url)
    if not outgoing:
        return report
    report.looked = True
    try:
        store = project.store(remote, upload=True)
        marker = store.ensure_marker(project.context.random(16))
        project.ledger(remote).belongs_to(marker.store_id)
        if remote == PRIMARY:
            _refuse_taken(project, store, outgoing)
        _Upload(project, store, outgoing, report, remote=remote).run()
        if remote == PRIMARY:
            _register_repository(project, store, git_url)
            _claim_all(project, store, outgoing)
    except RemoteError as error:
        if error.hint is None:
            error.hint = "git push, when it can be reached again"
        elif "git push" not in error.hint:
            error.hint += "; then git push"
        raise
    ledger = project.ledger(remote)
    ledger.note_stored(item.pointer.digest for item in outgoing)
    ledger.confirm(item.blob for item in outgoing)
    report.versions = sorted({(i.pointer.name, i.pointer.version) for i in outgoing})
    return report


class _Upload:
    """Packs and manifests of one push."""

    def __init__(
        self,
        project: Project,
        store: ObjectStore,
        outgoing: Sequence[Outgoing],
        report: PushReport,
        *,
        remote: str,
    ) -> None:
        self._project = project
        self._remote = remote
        self._store = store
        self._report = report
        self._wanted = {item.pointer.digest: item for item in outgoing}
        self._confirmed: dict[Digest, Manifest] = {}

    def run(self) -> None:
        """Upload what the remote lacks.

        The intent is written before the sweep flag is read, and only after that is anything on the
        remote looked at: what is found then cannot be deleted any more.
        """
        from gitmodel.store.intents import read_sweep, write_intent

        cache = self._project.cache
        local = {digest: cache.manifest(digest) for digest in self._wanted}
        digests = [*self._wanted, *self._earlier()]
        write_intent(
            self._store,
            self._project.context.random(16),
            digests=digests,
            packs={name for m in local.values() if m is not None for name in m.packs},
            at=self._project.context.timestamp(),
        )
        sweep = read_sweep(self._store)
        self._confirm(digests)
        doomed = {
            digest: manifest
            for digest, manifest in self._confirmed.items()
            if digest.hex in sweep.manifests or not sweep.packs.isdisjoint(manifest.packs)
        }
        for digest in doomed:
            del self._confirmed[digest]
        missing = [digest for digest in self._wanted if digest not in self._confirmed]
        manifests = [self._required(d, local[d], doomed.get(d)) for d in missing]
        self._send(manifests, sweep.packs, doomed.keys())

    def _earlier(self) -> list[Digest]:
        """Versions before the wanted ones, whose packs need not be sent if the remote has them."""
        before = {
            item.pointer.previous.digest
            for item in self._wanted.values()
            if item.pointer.previous is not None
        }
        return [digest for digest in before if digest not in self._wanted]

    def _confirm(self, digests: Iterable[Digest]) -> None:
        """Read the manifests that the remote has, several at a time."""
        from gitmodel.store.transfer import for_each

        def look(digest: Digest) -> None:
            try:
                manifest = self._store.manifest(digest)
            except DamagedObjectError as error:
                item = self._wanted.get(digest)
                if item is None:
                    return
                raise error.about(item.pointer.name) from error
            if manifest is not None:
                self._confirmed[digest] = manifest

        for_each(look, list(digests))

    def _required(
        self, digest: Digest, manifest: Manifest | None, doomed: Manifest | None
    ) -> Manifest:
        """What to upload: as the cache has it, else as the remote has it for the moment."""
        cache = self._project.cache
        if doomed is not None and (manifest is None or cache.missing_packs(manifest)):
            from gitmodel.store.transfer import plan_fetch
            from gitmodel.workflows.fetch import run_plan

            run_plan(self._project, self._remote, plan_fetch(cache, [doomed]))
            cache.write_manifest(doomed, durable=False)
            return doomed
        if manifest is not None:
            return manifest
        raise self._nowhere(self._wanted[digest])

    def _nowhere(self, item: Outgoing) -> ObjectMissingError:
        pointer = item.pointer
        return ObjectMissingError(
            f"the weights of version {pointer.version} ({pointer.digest.short}) are neither in the "
            f"cache nor on {self._store.url}, so {item.path} may not be pushed",
            hint=f"gitmodel add {self._project.typed(weights_path(item.path, pointer))}, where the "
            "weights are; or gitmodel push, in the clone that has them",
            model=pointer.name,
        )

    def _damaged(self, error: DamagedPackError, owner: Outgoing) -> DamagedObjectError:
        """Put the pack out of the way, so that adding the weights stores it again."""
        self._project.cache.set_aside(error.pack)
        typed = self._project.typed(weights_path(owner.path, owner.pointer))
        error.hint = f"gitmodel add {typed}, which stores the weights again"
        error.model = owner.pointer.name
        return error

    def _send(
        self, manifests: list[Manifest], doomed: frozenset[str], replace: Collection[Digest]
    ) -> None:
        from gitmodel.store.reader import DamagedPackError  # brings the codecs
        from gitmodel.store.transfer import for_each, plan_push, push_packs, without_arrived

        journal = self._project.ledger(self._remote).journal()
        present = {name for m in self._confirmed.values() for name in m.packs} - doomed
        plan = plan_push(manifests, present=present)
        plan = without_arrived(self._store, plan, journal.packs() - doomed)
        cache = self._project.cache
        owners = {name: self._wanted[m.digest] for m in manifests for name in m.packs}
        progress = self._project.context.progress
        if plan.packs:
            progress.start(f"uploading to {self._store.url}", plan.total_bytes)
        try:
            push_packs(
                cache,
                self._store,
                plan,
                progress=progress,
                verify=self._project.settings.verify_uploads,
                arrived=journal.arrived,
            )
        except DamagedPackError as error:
            raise self._damaged(error, owners[error.pack]) from error
        except ObjectMissingError as error:
            gone = [name for name, size in plan.packs if not cache.has_pack(name, size)]
            if not gone:
                raise
            raise self._nowhere(owners[gone[0]]) from error
        finally:
            progress.finish()

        def publish_manifest(manifest: Manifest) -> None:
            if manifest.digest in replace:
                self._store.replace_manifest(manifest)
            else:
                self._store.create_manifest(manifest)

        for_each(publish_manifest, manifests)
        journal.clear()
        self._report.packs += len(plan.packs)
        self._report.uploaded_bytes += plan.total_bytes


def _refuse_taken(project: Project, store: ObjectStore, outgoing: Sequence[Outgoing]) -> None:
    """Refuse before anything moves if a number at a tip belongs to other content."""
    from gitmodel.store.claims import read_claim
    from gitmodel.store.transfer import for_each

    mine: dict[tuple[str, int], Outgoing] = {}
    for item in outgoing:
        if not item.tip:
            continue
        other = mine.setdefault((item.pointer.name, item.pointer.version), item)
        if other.pointer.digest != item.pointer.digest:
            raise VersionTakenError(
                f"version {item.pointer.version} names two contents in this push: "
                f"{other.pointer.digest.short} in {other.commit[:10]}, "
                f"{item.pointer.digest.short} in {item.commit[:10]}",
                hint=f"gitmodel renumber {item.pointer.name}, on one of the branches",
                model=item.pointer.name,
            )
    owners: list[Claim] = []
    taken: list[tuple[Outgoing, Claim]] = []

    def look(item: Outgoing) -> None:
        pointer = item.pointer
        claim = read_claim(store, project.config.project, pointer.name, pointer.version)
        if claim is not None:
            owners.append(claim)
            if claim.digest != pointer.digest:
                taken.append((item, claim))

    for_each(look, list(mine.values()))
    remember(project, owners)
    if taken:
        raise _taken(taken)


def _taken(found: Sequence[tuple[Outgoing, Claim]]) -> VersionTakenError:
    item, claim = min(found, key=lambda pair: pair[0].pointer.name)
    name = item.pointer.name
    who = f", pushed by {claim.by}" if claim.by else ""
    when = f" on {claim.at}" if claim.at else ""
    run = f", run {claim.run_id}" if claim.run_id else ""
    further = sorted(f"{i.pointer.name}@{i.pointer.version}" for i, _ in found if i is not item)
    also = f"; the same of {', '.join(further)}" if further else ""
    which = "" if further else f" {name}"  # without a name: all that are taken
    return VersionTakenError(
        f"version {claim.version} is other content already: {claim.digest.short}{who}{when}{run}; "
        f"yours is {item.pointer.digest.short}{also}. Nothing was pushed",
        hint=f"gitmodel renumber{which} --commit, then git push",
        model=name,
    )


def _claim_all(project: Project, store: ObjectStore, outgoing: Sequence[Outgoing]) -> None:
    """Claim the numbers: of the tips it must succeed, below them only where they are free."""
    from gitmodel.store.claims import Claim, claim_version
    from gitmodel.store.transfer import for_each

    by = project.repository.identity()
    at = project.context.timestamp()
    branch = project.repository.branch() or ""
    owners: list[Claim] = []
    lost: list[tuple[Outgoing, Claim]] = []
    unique: dict[tuple[str, int], Outgoing] = {}
    for item in sorted(outgoing, key=lambda entry: not entry.tip):
        unique.setdefault((item.pointer.name, item.pointer.version), item)

    def take(item: Outgoing) -> None:
        mine = Claim(
            name=item.pointer.name,
            version=item.pointer.version,
            digest=item.pointer.digest,
            by=by[:_CLAIM_TEXT],
            at=at,
            commit=item.commit,
            ref=branch[:_CLAIM_TEXT],
            run_id=(item.pointer.run_id or "")[:_CLAIM_TEXT],
        )
        owner = claim_version(store, project.config.project, mine)
        owners.append(owner)
        if owner.digest != mine.digest and item.tip:
            lost.append((item, owner))

    for_each(take, list(unique.values()))
    remember(project, owners)
    if lost:
        raise _taken(lost)


def _register_repository(project: Project, store: ObjectStore, git_url: str) -> None:
    """Leave word that this repository uses the store, so that a collection asks it first."""
    from gitmodel.store.projects import register

    url = without_user_info(git_url) if git_url else ""
    register(store, project.config.project, project.config.project_id, url)
