"""The packs and manifests of one push: check them on the remote, and upload those that are missing or damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cache.remote_packs import RemotePacks
from gitmodel.cache.transfer import Plan, push_packs
from gitmodel.errors import (
    DamagedObjectError,
    NewerFormatError,
    ObjectMissingError,
    PointerError,
    UnsafePathError,
)
from gitmodel.project.publishing.manifest_choice import Content, ManifestSelector
from gitmodel.project.publishing.missing_weights import damaged_pack_error
from gitmodel.project.publishing.weight_sources import decoding_error
from gitmodel.store.pack_presence import Presence
from gitmodel.store.parallel import beside, for_each
from gitmodel.store.push_intents import read_sweep, write_intent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.project.project import Project
    from gitmodel.project.publishing.outgoing import Outgoing
    from gitmodel.store.objects import ObjectStore
    from gitmodel.store.pack_presence import Pack


class Upload:
    """Makes the contents of a push complete on a remote.

    With `full` it reads every pack on the remote, instead of only its size. `sent` has the packs that were
    uploaded (name: size in bytes), `presence` those found on the remote.
    """

    def __init__(
        self,
        project: Project,
        store: ObjectStore,
        outgoing: Sequence[Outgoing],
        *,
        remote: str,
        full: bool = False,
    ) -> None:
        self._project = project
        self._cache = project.cache
        self._store = store
        self._remote = remote
        self._ledger = project.ledger(remote)
        self._journal = self._ledger.journal()
        self._suspects = self._ledger.bad()
        self._full = full
        wanted: dict[Digest, Outgoing] = {}
        for item in sorted(outgoing, key=lambda entry: not entry.required):
            wanted.setdefault(item.pointer.digest, item)
        self.contents = [_content(project, item) for item in wanted.values()]
        self.presence = Presence(
            store,
            full=full,
            suspects=self._suspects,
            progress=project.context.progress if full else None,
        )
        self.sent: dict[str, int] = {}

    def run(self) -> None:
        """Upload the packs and manifests that the remote lacks.

        The order matters: first write the intent, then read the sweep flag, then look up objects. A garbage
        collection cannot delete any object found after that. Raises ObjectMissingError or
        DamagedObjectError if a required content cannot be made complete, RemoteError if the remote cannot
        be used.
        """
        earlier = self._earlier()
        self._write_intent(earlier)
        selector = ManifestSelector(
            self._project,
            self._store,
            remote=self._remote,
            presence=self.presence,
            sweep=read_sweep(self._store),
        )
        self.sent = selector.sent
        self._read_manifests(self.contents)
        self._look(earlier, selector)
        for content in self.contents:
            self._verify_suspect(content)
        while not self._is_done(selector):
            pass
        self._journal.clear()

    def _is_done(self, selector: ManifestSelector) -> bool:
        """Select, upload, write; False if it must be repeated.

        Each repetition follows a damaged pack removed from the cache or a new manifest on the remote, so the
        loop ends.
        """
        for content in self.contents:
            selector.decide(content)
        return self._send(selector) and self._write_manifests()

    def _earlier(self) -> dict[Digest, Manifest | None]:
        """The manifests of previous versions, whose packs may already be on the remote."""
        before = {
            content.item.pointer.previous.digest
            for content in self.contents
            if content.item.pointer.previous is not None
        }
        wanted = {content.digest for content in self.contents}
        return {digest: self._cache.manifest(digest) for digest in before - wanted}

    def _write_intent(self, earlier: Iterable[Digest]) -> None:
        local = [content.local for content in self.contents if content.local is not None]
        write_intent(
            self._store,
            self._project.context.random(16),
            digests=[*(content.digest for content in self.contents), *earlier],
            packs={name for manifest in local for name in manifest.packs},
            at=self._project.context.timestamp(),
        )

    def _read_manifests(self, contents: Sequence[Content]) -> None:
        """Read the remote's manifests of these contents in parallel."""

        def read(content: Content) -> None:
            content.on_remote, content.fault = None, None
            try:
                content.on_remote = self._store.manifest(content.digest)
            except DamagedObjectError as error:
                content.fault = error
            except (NewerFormatError, UnsafePathError) as error:
                content.error = error.about(content.item.pointer.name)
            if content.on_remote is not None and _other_size(content):
                content.fault = DamagedObjectError(
                    f"the manifest of {content.digest.short} on {self._store.url} lists "
                    f"{content.on_remote.total_size:,} bytes of weights, not "
                    f"{content.item.pointer.size:,}"
                )
                content.on_remote = None

        for_each(read, contents)

    def _look(self, earlier: dict[Digest, Manifest | None], selector: ManifestSelector) -> None:
        """Look up packs that the remote may have, and upload packs that are new at the same time.

        A pack is new if this clone has just made it.
        """
        may_be_on_remote = set(self._journal.packs())
        for digest, manifest in earlier.items():
            known = manifest or self._remote_manifest_of(digest)
            may_be_on_remote.update(() if known is None else known.packs)
        look: list[Pack] = []
        new: list[Pack] = []
        for content in self.contents:
            if content.on_remote is not None:
                look += content.on_remote.sized_packs
            elif content.local is not None:
                for pack in content.local.sized_packs:
                    is_new = pack[0] not in may_be_on_remote and self._cache.has_pack(*pack)
                    (new if is_new and content.error is None else look).append(pack)
        plan = Plan(tuple(sorted({*new} - {*look})))
        if self._full or not plan.packs:  # reading every pack reports its own progress
            self.presence.look(look)
            return
        with beside(lambda: self.presence.look(look)):
            sent = self._send_new(plan)
        selector.sent.update(sent)
        self.presence.arrived(sent)

    def _send_new(self, plan: Plan) -> tuple[Pack, ...]:
        """Upload new packs; on a read error, `_send` uploads them and reports the version."""
        from gitmodel.cache.reader import DamagedPackError

        try:
            self._upload(plan)
        except (DamagedPackError, ObjectMissingError):
            return ()
        return plan.packs

    def _verify_suspect(self, content: Content) -> None:
        """Decode a suspect manifest of the remote; discard it if it does not match its weights."""
        on_remote = content.on_remote
        suspect = content.digest.hex in self._suspects
        if on_remote is None or not (suspect or (self._full and on_remote != content.local)):
            return
        if not all(map(self.presence.has, on_remote.sized_packs)):
            return  # the missing packs are reported instead
        error = decoding_error(self._project, on_remote, RemotePacks(self._store, [on_remote]))
        if error is not None:
            content.on_remote = None
            content.fault = DamagedObjectError(
                f"the manifest of {content.digest.short} on {self._store.url} does not match its "
                f"weights: {error.message}"
            )

    def _remote_manifest_of(self, digest: Digest) -> Manifest | None:
        """The remote's manifest of a previous version that the cache does not have."""
        if not any(content.local is not None for content in self.contents):
            return None
        try:
            return self._store.manifest(digest)
        except DamagedObjectError:
            return None

    def _send(self, selector: ManifestSelector) -> bool:
        """Upload the packs of all chosen manifests that the remote lacks; False if some cannot be read."""
        from gitmodel.cache.reader import DamagedPackError

        packs: dict[str, int] = {}
        for content in self.contents:
            if content.chosen is not None:
                packs.update(selector.lacking(content.chosen))
        plan = Plan(tuple(packs.items()))
        try:
            self._upload(plan)
        except DamagedPackError as error:
            self._cache.set_aside(error.pack)  # storing the weights again creates a new pack
            for content in self._reopen([error.pack]):
                content.blame = damaged_pack_error(self._project, error, content.item)
            return False
        except ObjectMissingError:
            gone = [name for name, size in plan.packs if not self._cache.has_pack(name, size)]
            if not self._reopen(gone):
                raise
            return False
        selector.sent.update(packs)
        self.presence.arrived(plan.packs)
        return True

    def _upload(self, plan: Plan) -> None:
        """Upload packs of the cache; raises as `push_packs` does."""
        progress = self._project.context.progress
        if plan.packs:
            progress.start(f"uploading to {self._store.url}", plan.total_bytes)
        try:
            push_packs(
                self._cache,
                self._store,
                plan,
                progress=progress,
                verify=self._project.settings.verify_uploads,
                arrived=self._journal.arrived,
            )
        finally:
            progress.finish()
        self._ledger.note_bytes(good=(name for name, _ in plan.packs))

    def _reopen(self, packs: Sequence[str]) -> list[Content]:
        """Select again for the contents that need these packs."""
        gone = set(packs)
        found = [c for c in self.contents if c.chosen is not None and gone & set(c.chosen.packs)]
        for content in found:
            content.chosen = None
        return found

    def _write_manifests(self) -> bool:
        """Write the chosen manifests; False if another client wrote one first."""
        late: list[Content] = []

        def write(content: Content) -> None:
            if content.chosen is None:
                return
            if content.replace:
                self._store.replace_manifest(content.chosen)
            elif not self._store.create_manifest(content.chosen):
                late.append(content)

        for_each(write, [c for c in self.contents if c.replace or c.chosen is not c.on_remote])
        done = [c for c in self.contents if c.chosen is not None and c not in late]
        for content in done:
            content.on_remote, content.replace = content.chosen, False
        self._ledger.note_bytes(good=(content.digest.hex for content in done))
        self._read_manifests(late)
        for content in late:  # the other manifest is valid if its packs are present
            content.chosen = None
            self.presence.look(() if content.on_remote is None else content.on_remote.sized_packs)
        return not late


def _content(project: Project, item: Outgoing) -> Content:
    """A content with the cache's manifest, checked against its pointer."""
    pointer = item.pointer
    local = project.cache.manifest(pointer.digest)
    content = Content(item, local)
    if local is not None and local.total_size != pointer.size:
        content.error = PointerError(
            f"{item.path} in commit {item.commit[:10]} states {pointer.size:,} bytes, but the "
            f"weights {pointer.digest.short} have {local.total_size:,}",
            hint=f"set size: {local.total_size} in {item.path}, and commit it",
            model=pointer.name,
        )
    return content


def _other_size(content: Content) -> bool:
    return (
        content.on_remote is not None and content.on_remote.total_size != content.item.pointer.size
    )
