"""Which manifest the remote shall have of each content of a push, and where its bytes can be had.

There is one: the remote's own, or the cache's, or that of weights that were stored again from the work tree,
or another remote's. It counts only if each of its packs was seen on this remote during this push, or can be
sent: also packs that older versions share, and packs that hold bases. A manifest takes the place of another
one only after its packs were decoded to the digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.project.publishing.missing_weights import MissingWeights, Wanting
from gitmodel.project.publishing.weight_sources import (
    agrees,
    fetch_whole,
    from_another_remote,
    is_proved,
    packs_of,
    stored_again,
)

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.errors import DamagedObjectError, GitmodelError
    from gitmodel.project.project import Project
    from gitmodel.project.publishing.outgoing import Outgoing
    from gitmodel.store.objects import ObjectStore
    from gitmodel.store.presence import Pack, Presence
    from gitmodel.store.push_intents import Sweep


@dataclass(slots=True)
class Content:
    """One digest of a push, and what is to become of it on the remote.

    Attributes:
        item: A pointer that names it; a required one if there is any.
        local: The cache's manifest.
        there: The remote's manifest.
        fault: Why the remote's manifest is none.
        chosen: The manifest that the remote shall have; None until that is decided.
        replace: It takes the place of one that is there.
        blame: What was found wrong here on the way.
        error: Why there can be none.
    """

    item: Outgoing
    local: Manifest | None
    there: Manifest | None = None
    fault: DamagedObjectError | None = None
    chosen: Manifest | None = None
    replace: bool = False
    blame: GitmodelError | None = None
    error: GitmodelError | None = None

    @property
    def digest(self) -> Digest:
        """The digest."""
        return self.item.pointer.digest

    @property
    def is_open(self) -> bool:
        """Whether it is still to be decided which manifest the remote shall have."""
        return self.chosen is None and self.error is None


class Chooser:
    """Decides about the contents of one push.

    Args:
        project: The project.
        store: The remote.
        remote: Its name.
        presence: What was seen there; more is looked at where that decides.
        sweep: The collection under way there.

    Attributes:
        sent: Packs (name: size in bytes) that this push has uploaded.
    """

    def __init__(
        self,
        project: Project,
        store: ObjectStore,
        *,
        remote: str,
        presence: Presence,
        sweep: Sweep,
    ) -> None:
        self._project = project
        self._cache = project.cache
        self._remote = remote
        self._sweep = sweep
        self._wanting = Wanting(project, store, remote=remote)
        self.presence = presence
        self.sent: dict[str, int] = {}

    def decide(self, content: Content) -> None:
        """Choose the manifest that the remote shall have; where there is none, say what is missing."""
        ways = (self._as_it_is, self._from_cache, self._fetched, self._again, self._from_elsewhere)
        if content.is_open and not any(way(content) for way in ways):
            content.error = content.blame or self._refusal(content)
        if content.error is not None and content.item.required:
            raise content.error

    def _as_it_is(self, content: Content) -> bool:
        """The remote's manifest, if what it lacks of its packs is in the cache."""
        there = content.there
        if there is None or not agrees(there, content.item.pointer, content.local):
            return False
        return self._choose(content, there, replace=content.digest.hex in self._sweep.manifests)

    def _from_cache(self, content: Content) -> bool:
        """The cache's manifest; it takes the place of another one only after it was proved."""
        if content.local is None:
            return False
        replace = content.there is not None or content.fault is not None
        packs = packs_of(content.local)
        self.presence.look(p for p in packs if replace or not self._cache.has_pack(*p))
        if not self._can_send(content.local):
            return False
        if replace and not self._is_proved(content.local):
            content.local = None
            return False
        return self._choose(content, content.local, replace=replace)

    def _is_proved(self, manifest: Manifest) -> bool:
        return fetch_whole(self._project, manifest, self._remote) and is_proved(
            self._project, manifest
        )

    def _fetched(self, content: Content) -> bool:
        """The remote's manifest, fetched: its packs are about to be deleted, or it has to be proved."""
        there = content.there
        if there is None or not all(self.presence.has(pack) for pack in packs_of(there)):
            return False
        if not fetch_whole(self._project, there, self._remote):
            return False
        doubted = not agrees(there, content.item.pointer, content.local)
        if doubted and not is_proved(self._project, there):
            return False
        self._cache.write_manifest(there, durable=False)
        return self._choose(content, there, replace=content.digest.hex in self._sweep.manifests)

    def _again(self, content: Content) -> bool:
        """Weights of the work tree, stored in the cache again."""
        return self._use(content, stored_again(self._project, content.item))

    def _from_elsewhere(self, content: Content) -> bool:
        """What another remote of this project has, fetched into the cache."""
        found = from_another_remote(self._project, content.item, self._remote)
        return self._use(content, found)

    def _use(self, content: Content, manifest: Manifest | None) -> bool:
        if manifest is None:
            return False
        content.local = manifest
        return self._as_it_is(content) or self._from_cache(content)

    def _choose(self, content: Content, manifest: Manifest, *, replace: bool) -> bool:
        if not self._can_send(manifest):
            return False
        content.chosen, content.replace = manifest, replace
        return True

    def _can_send(self, manifest: Manifest) -> bool:
        return all(self._cache.has_pack(*pack) for pack in self.lacking(manifest))

    def lacking(self, manifest: Manifest) -> list[Pack]:
        """Packs that were neither seen nor sent, and those that a collection is about to delete."""
        marked_for_deletion = self._sweep.packs
        return [
            pack
            for pack in packs_of(manifest)
            if pack[0] not in self.sent
            and (pack[0] in marked_for_deletion or not self.presence.has(pack))
        ]

    def _refusal(self, content: Content) -> GitmodelError:
        manifest = content.there or content.local
        lacking = [] if manifest is None else self.lacking(manifest)
        gone = [pack for pack in lacking if not self._cache.has_pack(*pack)]
        lack = MissingWeights(
            item=content.item,
            is_nowhere=content.there is None
            and (manifest is None or len(gone) == len(packs_of(manifest))),
            fault=content.fault,
            faults={pack[0]: self.presence.fault(pack) for pack in gone},
        )
        return self._wanting.refusal(lack)
