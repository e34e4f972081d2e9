"""Copies versions from one store to another; packs are not encoded again.

A version here is a digest; its packs are those that its manifest names. A version is *present* if the target
has a manifest of it and each pack of that manifest with its size. It has *failed* if neither the source nor
the cache has its manifest or one of its packs.

Guarantee: a manifest is created on the target only after all its packs. Packs that pass through this machine
are checked against their names; packs that a store copies by itself are compared by size. A failed version
stops no other one, and every step can be repeated.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from gitmodel.cache.pack_upload import Sender
from gitmodel.domain.config.clone import VerifyUploads
from gitmodel.domain.digest import digest_of
from gitmodel.errors import (
    DamagedObjectError,
    NewerFormatError,
    ObjectMissingError,
    RemoteError,
    UnsafePathError,
)
from gitmodel.files.buffer_pool import keep_freed_blocks
from gitmodel.store.layout import pack_key
from gitmodel.store.parallel import for_each

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.backends.backend import Backend
    from gitmodel.cache.cache import Cache
    from gitmodel.domain.digest import Digest
    from gitmodel.domain.progress import Progress
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.errors import GitmodelError
    from gitmodel.store.objects import ObjectStore
    from gitmodel.store.push_intents import Sweep

Pack = tuple[str, int]  # name and size in bytes, as a manifest says

# Errors about one object, not about a whole store.
_OBJECT_ERRORS = (ObjectMissingError, DamagedObjectError, NewerFormatError, UnsafePathError)


@runtime_checkable
class CopyingBackend(Protocol):
    """A backend that can copy objects without sending them through this machine."""

    def can_copy_from(self, source: Backend) -> bool:
        """Whether the store can copy from another one: same server, same login."""

    def copy_from(self, source: Backend, key: str) -> None:
        """Copy an object of another bucket or prefix under the same key.

        Raises as `Backend.write`, and ObjectMissingError if the source does not have it.
        """


@dataclass(slots=True)
class CopyCount:
    """The packs that a copy has sent."""

    packs: int = 0
    pack_bytes: int = 0
    by_store: int = 0  # how many of them the store copied by itself
    from_cache: int = 0  # how many of them came from the cache, because the source has no valid one


class VersionCopy:
    """One copy of versions: `plan`, `look`, `send`, in this order; each raises RemoteError.

    The cache may have manifests and packs that the source lacks. `progress` receives the number of bytes
    sent. `uploads` says which packs are read back after they were sent. With `verify` every pack is read
    and checked, also if the store could copy it by itself. Afterwards `failed` has the error of each
    version that could not be copied, `present` the versions that the target had before, `missing` the
    packs that the target lacks.
    """

    def __init__(
        self,
        source: ObjectStore,
        target: ObjectStore,
        cache: Cache,
        *,
        progress: Progress,
        uploads: VerifyUploads = VerifyUploads.UNCHECKED,
        verify: bool = False,
    ) -> None:
        self.failed: dict[Digest, GitmodelError] = {}
        self.present: set[Digest] = set()
        self.missing: list[Pack] = []
        self.count = CopyCount()
        self._source = source
        self._target = target
        self._cache = cache
        self._progress = progress
        self._sender = Sender(target, uploads)
        self._by_store = not verify and can_copy(source, target)
        self._lock = threading.Lock()
        self._packs: dict[Pack, Pack] = {}  # each once, however many versions need it
        self._needs: dict[Digest, tuple[Pack, ...]] = {}
        self._theirs: dict[Digest, tuple[Pack, ...]] = {}
        self._replaced: set[Digest] = set()
        self._bad: dict[Pack, GitmodelError] = {}

    @property
    def digests(self) -> list[Digest]:
        """The planned versions that have not failed."""
        return list(self._needs)

    @property
    def packs(self) -> frozenset[str]:
        """Names of all packs that the planned versions need."""
        return frozenset(name for name, _ in self._packs)

    def plan(self, digests: Iterable[Digest]) -> None:
        """Read the manifests of the source, or of the cache if the source has none."""

        def read(digest: Digest) -> None:
            try:
                self._needs[digest] = self._packs_of(self._manifest(digest))
            except _OBJECT_ERRORS as error:
                self.failed[digest] = error

        for_each(read, list(digests))

    def look(self, sweep: Sweep) -> None:
        """Find what the target has; objects marked for deletion do not count."""
        for_each(lambda digest: self._look_at(digest, sweep), self.digests)
        there: dict[str, int | None] = {}

        def measure(name: str) -> None:
            there[name] = None if name in sweep.packs else self._target.pack_size(name)

        for_each(measure, sorted(self.packs))
        missing: dict[Pack, None] = {}
        for digest, needs in self._needs.items():
            theirs = self._theirs.get(digest)
            if theirs is not None and all(there[name] == size for name, size in theirs):
                self.present.add(digest)
                continue
            if theirs is not None and set(theirs) != set(needs):
                self._replaced.add(digest)
            missing.update((pack, None) for pack in needs if there[pack[0]] != pack[1])
        self.missing = list(missing)

    def look_at_nothing(self) -> None:
        """Assume an empty target."""
        self.missing = list(self._packs)

    def look_at_source(self) -> None:
        """Find the versions whose packs neither source nor cache has; sends nothing."""
        for_each(self._look_for, self.missing)
        self.missing += self._packs_of_the_cache()
        for digest in self.digests:
            bad = self._bad_of(digest)
            if bad is not None and digest not in self.present:
                self._fail(digest, bad)
        needed = {p for d in self.digests if d not in self.present for p in self._needs[d]}
        self.missing = [pack for pack in self.missing if pack in needed]

    def send(self) -> None:
        """Send the missing packs, then create the manifests whose packs are all on the target.

        Raises NoSpaceError if the target is full.
        """
        keep_freed_blocks()
        total = sum(size for _, size in self.missing)
        try:
            if total:
                self._progress.start(f"copying to {self._target.url}", total)
            for_each(self._send, self.missing)
            for_each(self._send, self._packs_of_the_cache())
        finally:
            self._progress.finish()
        for_each(self._create_manifest, [d for d in self.digests if d not in self.present])

    def _manifest(self, digest: Digest) -> Manifest:
        """The manifest of the source; of the cache if the source has none or a damaged one."""
        problem: GitmodelError | None = None
        found = None
        try:
            found = self._source.manifest(digest)
        except _OBJECT_ERRORS as error:
            problem = error
        if found is None:
            found = self._cache.manifest(digest)
        if found is None:
            raise problem or ObjectMissingError(
                f"neither {self._source.url} nor this cache has {digest.short}"
            )
        return found

    def _packs_of(self, manifest: Manifest) -> tuple[Pack, ...]:
        return tuple(self._packs.setdefault(pack, pack) for pack in manifest.sized_packs)

    def _look_at(self, digest: Digest, sweep: Sweep) -> None:
        try:
            found = self._target.manifest(digest)
        except DamagedObjectError:
            self._replaced.add(digest)
            return
        except _OBJECT_ERRORS as error:
            self._fail(digest, error)
            return
        if found is not None and digest.hex in sweep.manifests:
            self._replaced.add(digest)
        elif found is not None:
            self._theirs[digest] = self._packs_of(found)

    def _look_for(self, pack: Pack) -> None:
        name, size = pack
        if self._source.pack_size(name) != size and not self._cache.has_pack(name, size):
            self._bad[pack] = ObjectMissingError(
                f"neither {self._source.url} nor this cache has pack {name[:12]} whole"
            )

    def _bad_of(self, digest: Digest) -> GitmodelError | None:
        return next((self._bad[pack] for pack in self._needs[digest] if pack in self._bad), None)

    def _send(self, pack: Pack) -> None:
        name, size = pack
        try:
            by_store = self._copied_by_store(name, size)
            if not by_store:
                self._sender.send(name, self._read(name, size))
        except _OBJECT_ERRORS as error:
            self._bad[pack] = error
            return
        with self._lock:
            self.count.packs += 1
            self.count.pack_bytes += size
            self.count.by_store += by_store
        self._progress.advance(size)

    def _copied_by_store(self, name: str, size: int) -> bool:
        """Whether the store copied a pack; otherwise the pack must go through this machine."""
        target = self._target.backend
        if not self._by_store or not isinstance(target, CopyingBackend):
            return False
        try:
            if self._source.pack_size(name) != size:
                return False
            target.copy_from(self._source.backend, pack_key(name))
            if self._target.pack_size(name) != size:
                return False
        except ObjectMissingError:
            return False
        except RemoteError:  # the permission is missing, or the store does not know the operation
            self._by_store = False
            return False
        return True

    def _read(self, name: str, size: int) -> bytes:
        """A pack of the source; of the cache if the source has none or a damaged one."""
        try:
            return self._source.pack(name, size)
        except _OBJECT_ERRORS:
            if not self._cache.has_pack(name, size):
                raise
            data = self._cache.read_pack(name)
            if digest_of(data).hex != name:
                raise
        with self._lock:
            self.count.from_cache += 1
        return data

    def _packs_of_the_cache(self) -> list[Pack]:
        """The packs in the cache of versions whose packs the source has lost.

        Packs that were not planned are always sent: the intent does not name them, so the target could
        delete its own meanwhile.
        """
        more: dict[Pack, None] = {}
        for digest, needs in list(self._needs.items()):
            if digest in self.present or self._bad.keys().isdisjoint(needs):
                continue
            found = self._cache.manifest(digest)
            if found is None or self._cache.missing_packs(found):
                continue
            more.update((pack, None) for pack in found.sized_packs if pack not in self._packs)
            own = self._packs_of(found)
            if digest in self._theirs and set(self._theirs[digest]) != set(own):
                self._replaced.add(digest)
            self._needs[digest] = own
        return list(more)

    def _create_manifest(self, digest: Digest) -> None:
        needs = self._needs[digest]
        bad = self._bad_of(digest)
        if bad is not None:
            self._fail(digest, bad)
            return
        try:
            manifest = self._manifest(digest)
            # The manifest of the cache was used, or the source has changed.
            if self._packs_of(manifest) != needs:
                cached = self._cache.manifest(digest)
                if cached is None or self._packs_of(cached) != needs:
                    raise DamagedObjectError(
                        f"the manifest of {digest.short} on {self._source.url} has changed meanwhile",
                        hint="run the same command again",
                    )
                manifest = cached
        except _OBJECT_ERRORS as error:
            self._fail(digest, error)
            return
        if digest in self._replaced:
            self._target.replace_manifest(manifest)
        else:
            self._target.create_manifest(manifest)

    def _fail(self, digest: Digest, error: GitmodelError) -> None:
        self.failed[digest] = error
        self._needs.pop(digest, None)


def can_copy(source: ObjectStore, target: ObjectStore) -> bool:
    """Whether the target can copy from the source without this machine."""
    backend = target.backend
    return isinstance(backend, CopyingBackend) and backend.can_copy_from(source.backend)
