"""Packs and manifests of one push: looked at on the remote, and sent where they are not as they must be."""

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
from gitmodel.project.publishing.manifest_choice import Chooser, Content
from gitmodel.project.publishing.missing_weights import damaged_here
from gitmodel.project.publishing.weight_sources import decoding_error, packs_of
from gitmodel.store.parallel import beside, for_each
from gitmodel.store.presence import Presence
from gitmodel.store.push_intents import read_sweep, write_intent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.project.project import Project
    from gitmodel.project.publishing.outgoing import Outgoing
    from gitmodel.store.objects import ObjectStore
    from gitmodel.store.presence import Pack


class Upload:
    """Contents on their way to being whole on a remote.

    Args:
        project: The project.
        store: The remote.
        outgoing: Which pointers' contents.
        remote: The remote's name.
        full: Read every pack on the remote, instead of asking for its size.

    Attributes:
        sent: Packs that were uploaded.
        presence: What was seen.
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
        """Upload what the remote lacks.

        The intent is written before the sweep flag is read, and only after that is anything on the
        remote looked at: what is found then cannot be deleted any more.

        Raises:
            ObjectMissingError, DamagedObjectError: A required content cannot be made whole.
            RemoteError: The remote cannot be used.
        """
        earlier = self._earlier()
        self._intend(earlier)
        chooser = Chooser(
            self._project,
            self._store,
            remote=self._remote,
            presence=self.presence,
            sweep=read_sweep(self._store),
        )
        self.sent = chooser.sent
        self._read_manifests(self.contents)
        self._look(earlier, chooser)
        for content in self.contents:
            self._doubt(content)
        while not self._is_done(chooser):
            pass
        self._journal.clear()

    def _is_done(self, chooser: Chooser) -> bool:
        """Decide, send, write; False where something that was decided did not hold.

        That ends: each time a pack of the cache was put aside, or a manifest appeared on the remote.
        """
        for content in self.contents:
            chooser.decide(content)
        return self._send(chooser) and self._write_manifests()

    def _earlier(self) -> dict[Digest, Manifest | None]:
        """Versions before the wanted ones, as the cache has them: their packs may be there already."""
        before = {
            content.item.pointer.previous.digest
            for content in self.contents
            if content.item.pointer.previous is not None
        }
        wanted = {content.digest for content in self.contents}
        return {digest: self._cache.manifest(digest) for digest in before - wanted}

    def _intend(self, earlier: Iterable[Digest]) -> None:
        local = [content.local for content in self.contents if content.local is not None]
        write_intent(
            self._store,
            self._project.context.random(16),
            digests=[*(content.digest for content in self.contents), *earlier],
            packs={name for manifest in local for name in manifest.packs},
            at=self._project.context.timestamp(),
        )

    def _read_manifests(self, contents: Sequence[Content]) -> None:
        """Read the manifests that the remote has of these contents, several at a time."""

        def read(content: Content) -> None:
            content.there, content.fault = None, None
            try:
                content.there = self._store.manifest(content.digest)
            except DamagedObjectError as error:
                content.fault = error
            except (NewerFormatError, UnsafePathError) as error:
                content.error = error.about(content.item.pointer.name)
            if content.there is not None and _other_size(content):
                content.fault = DamagedObjectError(
                    f"the manifest of {content.digest.short} on {self._store.url} is of weights of "
                    f"{content.there.total_size:,} bytes, not {content.item.pointer.size:,}"
                )
                content.there = None

        for_each(read, contents)

    def _look(self, earlier: dict[Digest, Manifest | None], chooser: Chooser) -> None:
        """Look at packs that the remote may have, and send meanwhile what it cannot have.

        It cannot have a pack that this clone has just made.
        """
        maybe = set(self._journal.packs())
        for digest, manifest in earlier.items():
            known = manifest or self._earlier_there(digest)
            maybe.update(() if known is None else known.packs)
        look: list[Pack] = []
        new: list[Pack] = []
        for content in self.contents:
            if content.there is not None:
                look += packs_of(content.there)
            elif content.local is not None:
                for pack in packs_of(content.local):
                    is_new = pack[0] not in maybe and self._cache.has_pack(*pack)
                    (new if is_new and content.error is None else look).append(pack)
        plan = Plan(tuple(sorted({*new} - {*look})))
        if self._full or not plan.packs:  # reading every pack has a progress of its own
            self.presence.look(look)
            return
        with beside(lambda: self.presence.look(look)):
            sent = self._send_new(plan)
        chooser.sent.update(sent)
        self.presence.arrived(sent)

    def _send_new(self, plan: Plan) -> tuple[Pack, ...]:
        """Upload packs; what cannot be read here is left to `_send`, which knows whose it is."""
        from gitmodel.cache.reader import DamagedPackError

        try:
            self._upload(plan)
        except (DamagedPackError, ObjectMissingError):
            return ()
        return plan.packs

    def _doubt(self, content: Content) -> None:
        """Decode what is there, where bytes are to be read: a manifest may lead to other weights."""
        there = content.there
        suspect = content.digest.hex in self._suspects
        if there is None or not (suspect or (self._full and there != content.local)):
            return
        if not all(map(self.presence.has, packs_of(there))):
            return  # what is to blame is known
        error = decoding_error(self._project, there, RemotePacks(self._store, [there]))
        if error is not None:
            content.there = None
            content.fault = DamagedObjectError(
                f"the manifest of {content.digest.short} on {self._store.url} does not lead to its "
                f"weights: {error.message}"
            )

    def _earlier_there(self, digest: Digest) -> Manifest | None:
        """What the remote has of an earlier version that the cache does not know."""
        if not any(content.local is not None for content in self.contents):
            return None
        try:
            return self._store.manifest(digest)
        except DamagedObjectError:
            return None

    def _send(self, chooser: Chooser) -> bool:
        """Upload the packs of all chosen manifests that the remote lacks; False if some cannot be."""
        from gitmodel.cache.reader import DamagedPackError

        packs: dict[str, int] = {}
        for content in self.contents:
            if content.chosen is not None:
                packs.update(chooser.lacking(content.chosen))
        plan = Plan(tuple(packs.items()))
        try:
            self._upload(plan)
        except DamagedPackError as error:
            self._cache.set_aside(error.pack)  # storing the weights again makes it anew
            for content in self._reopen([error.pack]):
                content.blame = damaged_here(self._project, error, content.item)
            return False
        except ObjectMissingError:
            gone = [name for name, size in plan.packs if not self._cache.has_pack(name, size)]
            if not self._reopen(gone):
                raise
            return False
        chooser.sent.update(packs)
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
        """Decide again about contents that were to send these packs."""
        gone = set(packs)
        found = [c for c in self.contents if c.chosen is not None and gone & set(c.chosen.packs)]
        for content in found:
            content.chosen = None
        return found

    def _write_manifests(self) -> bool:
        """Make the chosen manifests visible; False where somebody else's came first."""
        late: list[Content] = []

        def write(content: Content) -> None:
            if content.chosen is None:
                return
            if content.replace:
                self._store.replace_manifest(content.chosen)
            elif not self._store.create_manifest(content.chosen):
                late.append(content)

        for_each(write, [c for c in self.contents if c.replace or c.chosen is not c.there])
        done = [c for c in self.contents if c.chosen is not None and c not in late]
        for content in done:
            content.there, content.replace = content.chosen, False
        self._ledger.note_bytes(good=(content.digest.hex for content in done))
        self._read_manifests(late)
        for content in late:  # as good as ours, if its packs are there
            content.chosen = None
            self.presence.look(() if content.there is None else packs_of(content.there))
        return not late


def _content(project: Project, item: Outgoing) -> Content:
    """A content as the cache knows it, and whether its pointer can be right."""
    pointer = item.pointer
    local = project.cache.manifest(pointer.digest)
    content = Content(item, local)
    if local is not None and local.total_size != pointer.size:
        content.error = PointerError(
            f"{item.path} in commit {item.commit[:10]} says {pointer.size:,} bytes, but the weights "
            f"{pointer.digest.short} have {local.total_size:,}",
            hint=f"write size: {local.total_size} into {item.path}, and commit it",
            model=pointer.name,
        )
    return content


def _other_size(content: Content) -> bool:
    return content.there is not None and content.there.total_size != content.item.pointer.size
