"""The local store: packs and manifests as on a remote, in a folder of this machine.

Worktrees, clones and users can share it without locks: names are content hashes, every object is written to a
temporary name and renamed, and every read is checked. Deleting the folder loses only weights that were
never pushed.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from gitmodel.domain.digest import Digest
from gitmodel.encoding.manifest.manifest import MAX_MANIFEST, Manifest
from gitmodel.encoding.pack import PACK_MAX, pack_name
from gitmodel.errors import (
    DamagedObjectError,
    FileSystemError,
    GitmodelError,
    NewerFormatError,
    ObjectMissingError,
    StoreError,
    UnsafePathError,
)
from gitmodel.files.os_errors import disk_errors
from gitmodel.files.safe_open import PendingFile
from gitmodel.files.shared_folders import make_folders
from gitmodel.files.temporary_folder import Scratch
from gitmodel.files.temporary_names import PREFIX, sweep
from gitmodel.store.layout import manifest_key, pack_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gitmodel.files.write_back import WriteBackQueue

_OPEN_PACKS = 32  # file descriptors kept open for reading
_MOST_BAD = 8  # damaged packs kept for inspection


class Cache:
    """Packs and manifests in a folder, which is made on the first write."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._open: dict[str, int] = {}
        self._scratch = Scratch(root)
        self._lock = threading.Lock()

    def tidy(self) -> None:
        """Remove the unfinished files of killed processes; never fails."""
        self._scratch.tidy()

    def path(self, key: str) -> str:
        """The path of an object."""
        return os.path.join(self.root, key)

    def has_pack(self, name: str, size: int) -> bool:
        """Whether the cache has a pack of that name and size; its bytes are checked when they are read."""
        path = self.path(pack_key(name))
        try:
            # A pack that only another user may read counts as missing, and is fetched again.
            return os.stat(path).st_size == size and os.access(path, os.R_OK)
        except OSError:
            return False

    def has_sound_pack(self, name: str, size: int) -> bool:
        """Whether the cache has a pack with the right bytes; reads them."""
        if not self.has_pack(name, size):
            return False
        try:
            return pack_name(self.read_pack(name)) == name
        except (ObjectMissingError, OSError):
            return False

    def manifest(self, digest: Digest) -> Manifest | None:
        """The manifest of a digest, None if it is missing, damaged or not readable."""
        try:
            with open(self.path(manifest_key(digest)), "rb") as stream:
                if os.fstat(stream.fileno()).st_size > MAX_MANIFEST:
                    return None
                return Manifest.from_bytes(stream.read(MAX_MANIFEST), expected=digest)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return None
        except (DamagedObjectError, NewerFormatError, UnsafePathError):
            return None

    def has_manifest(self, manifest: Manifest) -> bool:
        """Whether the cache has this manifest, not another one of its digest."""
        place = self.path(manifest_key(manifest.digest))
        with suppress(OSError), open(place, "rb") as stream:
            if stream.read(MAX_MANIFEST) == manifest.to_bytes():  # no need to parse it again
                return True
        return self.manifest(manifest.digest) == manifest

    def packs_here(self, manifest: Manifest) -> list[bool]:
        """Whether the cache has each pack of a manifest, by number; one stat(2) each."""
        return [self.has_pack(name, size) for name, size in manifest.sized_packs]

    def missing_packs(self, manifest: Manifest) -> list[tuple[str, int]]:
        """Packs (name, size in bytes) of a manifest that the cache lacks."""
        return [pack for pack in manifest.sized_packs if not self.has_pack(*pack)]

    def digests(self) -> Iterator[Digest]:
        """The digests of all manifests, in no order; no manifest is read."""
        for folder in _listing(self.path("manifests")):
            for name in _listing(self.path(f"manifests/{folder}")):
                with suppress(GitmodelError):
                    yield Digest.from_hex(name)

    def holds(self, digest: Digest) -> bool:
        """Whether the cache has the manifest and all packs of a digest."""
        manifest = self.manifest(digest)
        return manifest is not None and not self.missing_packs(manifest)

    def holds_sound(self, digest: Digest) -> bool:
        """Whether the cache has the manifest and valid packs of a digest; reads every pack."""
        manifest = self.manifest(digest)
        return manifest is not None and all(
            self.has_sound_pack(name, size) for name, size in manifest.sized_packs
        )

    def write_pack(
        self, name: str, data: bytes | memoryview, *, flushing: WriteBackQueue | None = None
    ) -> None:
        """Store a pack under its name, the hex of the BLAKE3 of its bytes, which is not checked.

        Given a queue that flushes it, it has its name only after `wait_for`; otherwise at once,
        unflushed.
        """
        with self._writing():
            file = self._written(pack_key(name), data)
            if flushing is None:
                file.commit(durable=False)
                self._forget(name)  # an open one may be damaged and was replaced now
            else:
                flushing.begin(file)

    def wait_for(self, flushing: WriteBackQueue) -> None:
        """Wait until the objects of a queue are flushed and have their names.

        Raises NoSpaceError or StoreError if they cannot be written.
        """
        with self._writing():
            flushing.wait()
        self._close_packs()  # open ones may be damaged and were replaced now

    def write_manifest(self, manifest: Manifest, *, flushing: WriteBackQueue | None = None) -> None:
        """Store a manifest; call it only after all its packs are stored. `flushing` is as in `write_pack`."""
        with self._writing():
            file = self._written(manifest_key(manifest.digest), manifest.to_bytes())
            if flushing is None:
                file.commit(durable=False)
            else:
                flushing.begin(file)

    def sync_folders(self, keys: Iterable[str]) -> None:
        """Flush the folders of these objects, so that their names survive a power loss.

        The folders above too: another process may have created one, and not flushed its name yet.
        """
        folders = {os.path.dirname(self.path(key)) for key in keys}
        kinds = {os.path.dirname(folder) for folder in folders}
        above = {self.root, os.path.dirname(self.root)} if folders else set()
        for folder in sorted(folders | kinds | above):
            _sync_folder(folder)

    def read_pack(self, name: str) -> bytes:
        """Read a whole pack, unchecked. Raises ObjectMissingError."""
        try:
            with open(self.path(pack_key(name)), "rb") as stream:
                return stream.read(PACK_MAX + 1)
        except (FileNotFoundError, PermissionError) as error:
            raise ObjectMissingError(f"pack {name[:12]} cannot be read from the cache") from error

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        """Read a part of a pack, unchecked: the caller checks chunks by their hash.

        Fewer bytes are returned only if the pack is cut short. Raises ObjectMissingError.
        """
        with self._opened(name) as descriptor:
            return os.pread(descriptor, size, offset)

    def read_into(self, name: str, offset: int, buffers: Sequence[memoryview]) -> int:
        """Fill buffers, at most 1,024 (IOV_MAX), with consecutive bytes of a pack, unchecked as in `read_at`.

        Returns the number of bytes, less than the buffers hold only if the pack is cut short. Raises
        ObjectMissingError.
        """
        with self._opened(name) as descriptor:
            return os.preadv(descriptor, buffers, offset)

    @contextmanager
    def _opened(self, name: str) -> Iterator[int]:
        """A descriptor of a pack that no other thread closes during the block."""
        with self._lock:
            descriptor = self._open.get(name)
            if descriptor is None:
                descriptor = self._open_pack(name)
            duplicate = os.dup(descriptor)
        try:
            yield duplicate
        finally:
            os.close(duplicate)

    def _open_pack(self, name: str) -> int:
        """Open a pack and keep its descriptor; the caller holds the lock."""
        try:
            descriptor = os.open(self.path(pack_key(name)), os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, PermissionError) as error:
            raise ObjectMissingError(f"pack {name[:12]} cannot be read from the cache") from error
        while len(self._open) >= _OPEN_PACKS:
            os.close(self._open.pop(next(iter(self._open))))
        self._open[name] = descriptor
        return descriptor

    def _forget(self, name: str) -> None:
        with self._lock:
            descriptor = self._open.pop(name, None)
            if descriptor is not None:
                os.close(descriptor)

    def set_aside(self, name: str) -> None:
        """Move a damaged pack aside, so that it can be fetched again; the last few are kept."""
        self._forget(name)
        aside = self.path(f"bad/{name}")
        with self._writing(), suppress(FileNotFoundError):
            make_folders(os.path.dirname(aside))
            os.replace(self.path(pack_key(name)), aside)
            os.utime(aside)
        _keep_newest(self.path("bad"), _MOST_BAD)

    def set_manifest_aside(self, manifest: Manifest) -> None:
        """Move a manifest aside whose chunks are not those of its digest.

        Another manifest of that digest stays. A cache that cannot be written keeps the manifest.
        """
        if self.has_manifest(manifest):
            aside = self.path(f"bad/manifest-{manifest.digest.hex}")
            with suppress(OSError):
                make_folders(os.path.dirname(aside))
                os.replace(self.path(manifest_key(manifest.digest)), aside)

    def close(self) -> None:
        """Close all packs, and remove the folder of unfinished files; idempotent."""
        self._close_packs()
        self._scratch.leave()

    def _close_packs(self) -> None:
        with self._lock:
            while self._open:
                os.close(self._open.popitem()[1])

    def sweep_temporary(self) -> None:
        """Remove the unfinished files of killed processes in every folder, which a write does not."""
        for folder, _, names in os.walk(self.root):
            if any(name.startswith(PREFIX) for name in names):
                sweep(folder)

    def _written(self, key: str, data: bytes | memoryview) -> PendingFile:
        """Write an object that has no name yet."""
        return PendingFile.holding(self.path(key), data, self._scratch)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Raise errors of the system as errors of the cache, with a hint to use another one."""
        try:
            with disk_errors(self.root):
                yield
        except FileSystemError as error:
            raise StoreError(
                f"the cache {self.root} cannot be written: {error.message}",
                hint=f"{error.hint}; or use another cache: git config gitmodel.cache DIR",
            ) from error
        except OSError as error:
            raise StoreError(
                f"the cache {self.root} cannot be written: {error.strerror}",
                hint="git config gitmodel.cache DIR",
            ) from error


def _listing(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # EINVAL on network file systems that cannot flush a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keep_newest(folder: str, most: int) -> None:
    """Remove the oldest files of a folder; keep so many."""
    with suppress(OSError):
        paths = [os.path.join(folder, name) for name in _listing(folder)]
        for path in sorted(paths, key=lambda path: os.stat(path).st_mtime_ns)[:-most]:
            os.unlink(path)
