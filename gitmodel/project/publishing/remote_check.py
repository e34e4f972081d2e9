"""Check versions on a remote: manifests and pack sizes, or on request every byte.

Sizes do not reveal an object altered in place. The full check reads every pack and decodes every version, as a
checkout does, without using the cache.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.errors import (
    DamagedObjectError,
    GitmodelError,
    ObjectMissingError,
    StoreError,
    UnsafePathError,
)
from gitmodel.project.fetching.session import check_size
from gitmodel.project.project import PRIMARY
from gitmodel.project.publishing.weight_sources import decoding_error
from gitmodel.store.pack_presence import OTHER_BYTES, Presence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project
    from gitmodel.store.pack_presence import Pack


class RemoteCheck:
    """Checks versions on a remote, and records the result in the ledger.

    With `full` it reads every pack and decodes every version, instead of comparing sizes. `problems` has
    one error for each problem; `bytes_read` counts the bytes of the packs that were read.
    """

    def __init__(self, project: Project, *, remote: str, full: bool) -> None:
        self._project = project
        self._remote = remote
        self._store = project.store(remote)
        self._ledger = project.ledger(remote)
        self._full = full
        self._found: dict[str, Manifest] = {}  # by digest
        self._wrong: set[str] = set()  # digests
        self._misleading: set[str] = set()  # digests whose manifests do not decode to their weights
        self._presence = Presence(
            self._store,
            full=full,
            suspects=self._ledger.bad(),
            progress=project.context.progress,
        )
        self.problems: list[GitmodelError] = []
        self.bytes_read = 0

    @property
    def packs(self) -> int:
        """The number of packs checked."""
        return self._presence.seen

    def check(self, models: Sequence[Model]) -> None:
        """Check these versions. Raises RemoteError if the remote cannot be used."""
        from gitmodel.store.parallel import for_each

        for_each(self._read_manifest, list(models))
        undecoded = self._decode_all(models) if self._full else {}
        self._look_at_packs(models)
        for model in models:
            error = undecoded.get(model.pointer.digest.hex)
            if error is not None and model.pointer.digest.hex not in self._wrong:
                self._misleading.add(model.pointer.digest.hex)
                self._fail(model, self._manifest_error(model, error))
        self._remember(models)

    def _read_manifest(self, model: Model) -> None:
        digest = model.pointer.digest
        try:
            manifest = self._store.manifest(digest)
            if manifest is None:
                raise ObjectMissingError(
                    f"the weights of version {model.pointer.version} ({digest.short}) are not on "
                    f"{self._store.url}",
                    hint="gitmodel push, in a clone that has them",
                )
            check_size(model, manifest)
        except (StoreError, UnsafePathError) as error:
            if self._project.cache.holds(digest):
                error.hint = self._push
            self._fail(model, error)
        else:
            self._found[digest.hex] = manifest

    def _look_at_packs(self, models: Sequence[Model]) -> None:
        packs: dict[Pack, Model] = {}
        for model in models:
            manifest = self._found.get(model.pointer.digest.hex)
            for pack in () if manifest is None else manifest.sized_packs:
                packs.setdefault(pack, model)
        progress = self._project.context.progress
        progress.start("checking packs", sum(size for _, size in packs) if self._full else 0)
        try:
            self._presence.look(packs)
        finally:
            progress.finish()
        self.bytes_read += self._presence.bytes_read
        for pack, model in packs.items():
            if not self._presence.has(pack):
                self._fail(model, self._pack_error(pack))
        for model in models:
            manifest = self._found.get(model.pointer.digest.hex)
            if manifest is not None and not all(map(self._presence.has, manifest.sized_packs)):
                self._wrong.add(model.pointer.digest.hex)

    def _pack_error(self, pack: Pack) -> GitmodelError:
        name, fault = pack[0][:12], self._presence.fault(pack)
        url = self._store.url
        is_cached = self._project.cache.has_sound_pack(*pack)
        if fault == OTHER_BYTES:
            elsewhere = "gitmodel push --full, in a clone that has the weights"
            message = f"pack {name} on {url} is damaged: its bytes do not match its name"
            return DamagedObjectError(message, hint=self._push if is_cached else elsewhere)
        hint = self._push if is_cached else "gitmodel push, in a clone that has the weights"
        if fault.startswith("has "):
            return DamagedObjectError(f"pack {name} on {url} is damaged: it {fault}", hint=hint)
        return ObjectMissingError(f"pack {name} is missing on {url}", hint=hint)

    def _decode_all(self, models: Sequence[Model]) -> dict[str, GitmodelError]:
        """Decode versions, which verifies their manifests; returns errors by digest.

        The packs read here count as present. A damaged pack is reported by the check of all packs.
        """
        from gitmodel.cache.remote_packs import RemotePacks

        manifests = list(self._found.values())
        packs = RemotePacks(self._store, manifests)
        errors: dict[str, GitmodelError] = {}
        for model in models:
            manifest = self._found.get(model.pointer.digest.hex)
            if manifest is not None:
                error = decoding_error(self._project, manifest, packs)
                if error is not None:
                    errors[manifest.digest.hex] = error
        self.bytes_read += packs.bytes_read
        every = {pack for manifest in manifests for pack in manifest.sized_packs}
        self._presence.arrived(pack for pack in every if pack[0] in packs.fetched)
        return errors

    def _manifest_error(self, model: Model, error: GitmodelError) -> DamagedObjectError:
        is_cached = self._project.cache.holds(model.pointer.digest)
        return DamagedObjectError(
            f"the manifest of version {model.pointer.version} ({model.pointer.digest.short}) on "
            f"{self._store.url} does not match its weights: {error.message}",
            hint=self._push
            if is_cached
            else "gitmodel push --full, in a clone that has the weights",
        )

    def _fail(self, model: Model, error: GitmodelError) -> None:
        self._wrong.add(model.pointer.digest.hex)
        self.problems.append(error.about(model.name))

    @property
    def _push(self) -> str:
        return (
            "gitmodel push" if self._remote == PRIMARY else f"gitmodel push --remote {self._remote}"
        )

    def _remember(self, models: Sequence[Model]) -> None:
        """Update the ledger; errors of the cache are ignored, because they are not problems of the remote."""
        with suppress(GitmodelError, OSError):
            bad = {*self._presence.damaged, *self._misleading}
            good = [name for name in self._ledger.bad() if self._presence.is_sound(name)]
            good += self._found.keys() - self._wrong if self._full else ()
            self._ledger.note_bytes(bad=bad, good=good)
            whole = [m.pointer.digest for m in models if m.pointer.digest.hex not in self._wrong]
            self._ledger.note_whole(whole)
            for model in models:
                pointer = model.pointer
                if pointer.digest.hex in self._wrong:
                    blob = self._project.repository.blob_id(model.raw)
                    name = f"{pointer.name}@{pointer.version}"
                    self._ledger.note_hole(blob, pointer.digest, name)
