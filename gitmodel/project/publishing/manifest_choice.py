"""Select the manifest that a remote shall have for each content of a push.

Candidates are the remote's manifest, the cache's, one made by storing the weights again, and another remote's.
A candidate is valid if each of its packs was found on this remote during this push or can be uploaded; this
includes packs shared with older versions and packs that hold delta bases. It replaces an existing manifest only
after its packs were decoded to the digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.project.publishing.missing_weights import MissingWeights, MissingWeightsErrors
from gitmodel.project.publishing.weight_sources import (
    decodes_to_digest,
    fetch_from_another_remote,
    fetch_whole,
    lists_same_chunks,
    store_again,
)

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.errors import DamagedObjectError, GitmodelError
    from gitmodel.project.project import Project
    from gitmodel.project.publishing.outgoing import Outgoing
    from gitmodel.store.objects import ObjectStore
    from gitmodel.store.pack_presence import Pack, Presence
    from gitmodel.store.push_intents import Sweep


@dataclass(slots=True)
class Content:
    """One digest of a push, and its manifests."""

    item: Outgoing  # a pointer that names it; a required one if there is any
    local: Manifest | None  # in the cache
    on_remote: Manifest | None = None
    fault: DamagedObjectError | None = None  # why the remote's manifest is not valid
    chosen: Manifest | None = None  # the one that the remote shall have; None until selected
    replace: bool = False  # the chosen manifest replaces one on the remote
    blame: GitmodelError | None = None  # in the cache; may explain why `on_remote` is not valid
    error: GitmodelError | None = None  # why no manifest can be selected

    @property
    def digest(self) -> Digest:
        """The digest of the weights."""
        return self.item.pointer.digest

    @property
    def is_open(self) -> bool:
        """Whether no manifest has been selected yet and on_remote is no error."""
        return self.chosen is None and self.error is None


class ManifestSelector:
    """Selects manifests for the contents of one push.

    `presence` has the packs found on the remote; others are looked up when needed. `sweep` is the garbage
    collection in progress there. `sent` has the packs (name: size in bytes) that this push has uploaded.
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
        self._missing_weights = MissingWeightsErrors(project, store, remote=remote)
        self.presence = presence
        self.sent: dict[str, int] = {}

    def decide(self, content: Content) -> None:
        """Select the manifest that the remote shall have, or set the error that says what is missing."""
        ways = (self._as_it_is, self._from_cache, self._fetched, self._again, self._from_elsewhere)
        if content.is_open and not any(way(content) for way in ways):
            content.error = content.blame or self._refusal(content)
        if content.error is not None and content.item.required:
            raise content.error

    def _as_it_is(self, content: Content) -> bool:
        """Select the remote's manifest, if the cache has the packs that the remote lacks."""
        on_remote = content.on_remote
        if on_remote is None or not lists_same_chunks(
            on_remote, content.item.pointer, content.local
        ):
            return False
        return self._choose(content, on_remote, replace=content.digest.hex in self._sweep.manifests)

    def _from_cache(self, content: Content) -> bool:
        """Select the cache's manifest; verify it first if it would replace another one."""
        if content.local is None:
            return False
        replace = content.on_remote is not None or content.fault is not None
        packs = content.local.sized_packs
        self.presence.look(p for p in packs if replace or not self._cache.has_pack(*p))
        if not self._can_send(content.local):
            return False
        if replace and not self._is_proved(content.local):
            content.local = None
            return False
        return self._choose(content, content.local, replace=replace)

    def _is_proved(self, manifest: Manifest) -> bool:
        return fetch_whole(self._project, manifest, self._remote) and decodes_to_digest(
            self._project, manifest
        )

    def _fetched(self, content: Content) -> bool:
        """Fetch and select the remote's manifest, if its packs are marked for deletion or must be verified."""
        on_remote = content.on_remote
        if on_remote is None or not all(self.presence.has(pack) for pack in on_remote.sized_packs):
            return False
        if not fetch_whole(self._project, on_remote, self._remote):
            return False
        doubted = not lists_same_chunks(on_remote, content.item.pointer, content.local)
        if doubted and not decodes_to_digest(self._project, on_remote):
            return False
        self._cache.write_manifest(on_remote)
        return self._choose(content, on_remote, replace=content.digest.hex in self._sweep.manifests)

    def _again(self, content: Content) -> bool:
        """Store the weights of the work tree again, and select their manifest."""
        return self._use(content, store_again(self._project, content.item))

    def _from_elsewhere(self, content: Content) -> bool:
        """Fetch the version from another remote, and select that manifest."""
        found = fetch_from_another_remote(self._project, content.item, self._remote)
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
        """Packs that the remote lacks, and those that a garbage collection is about to delete."""
        marked_for_deletion = self._sweep.packs
        return [
            pack
            for pack in manifest.sized_packs
            if pack[0] not in self.sent
            and (pack[0] in marked_for_deletion or not self.presence.has(pack))
        ]

    def _refusal(self, content: Content) -> GitmodelError:
        manifest = content.on_remote or content.local
        lacking = [] if manifest is None else self.lacking(manifest)
        gone = [pack for pack in lacking if not self._cache.has_pack(*pack)]
        lack = MissingWeights(
            item=content.item,
            is_nowhere=content.on_remote is None
            and (manifest is None or len(gone) == len(manifest.sized_packs)),
            fault=content.fault,
            faults={pack[0]: self.presence.fault(pack) for pack in gone},
        )
        return self._missing_weights.refusal(lack)
