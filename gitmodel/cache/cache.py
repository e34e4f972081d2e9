"""The local store: the same packs and manifests as on a remote, in a folder of this machine.

It can be shared by worktrees, clones and people without locks: names are content hashes, every
object is written to a temporary name and renamed, and what is read is checked again. Deleting the
folder loses only what was never pushed.
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
_MOST_BAD = 8  # damaged packs kept for whoever wants to know what happened to them


class Cache:
    """Packs and manifests in a folder.

    Args:
        root: The folder; made on the first write.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._open: dict[str, int] = {}
        self._scratch = Scratch(root)
        self._lock = threading.Lock()

    def tidy(self) -> None:
        """Remove what a kill has left behind where objects are written; one look, and no error."""
        self._scratch.tidy()

    def path(self, key: str) -> str:
        """Where an object lies."""
        return os.path.join(self.root, key)

    def has_pack(self, name: str, size: int) -> bool:
        """Whether a pack of that name and size is here; its bytes are checked when they are read."""
        path = self.path(pack_key(name))
        try:
            # One that another person wrote for themselves alone is not here: it is fetched again.
            return os.stat(path).st_size == size and os.access(path, os.R_OK)
        except OSError:
            return False

    def has_sound_pack(self, name: str, size: int) -> bool:
        """Whether a pack is here with the bytes that its name stands for; reads them."""
        if not self.has_pack(name, size):
            return False
        try:
            return pack_name(self.read_pack(name)) == name
        except (ObjectMissingError, OSError):
            return False

    def manifest(self, digest: Digest) -> Manifest | None:
        """The manifest of a digest, None if it is not here.

        One that is damaged, or that may not be read, counts as not here.
        """
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
        """Whether just this manifest is here, and not another one of its digest, or none."""
        place = self.path(manifest_key(manifest.digest))
        with suppress(OSError), open(place, "rb") as stream:
            if stream.read(MAX_MANIFEST) == manifest.to_bytes():  # no need to parse it again
                return True
        return self.manifest(manifest.digest) == manifest

    def packs_here(self, manifest: Manifest) -> list[bool]:
        """Whether each pack of a manifest is here, by its number; one stat(2) each."""
        packs = zip(manifest.packs, manifest.pack_sizes, strict=True)
        return [self.has_pack(name, size) for name, size in packs]

    def missing_packs(self, manifest: Manifest) -> list[tuple[str, int]]:
        """Packs (name, size in bytes) of a manifest that are not here."""
        packs = zip(manifest.packs, manifest.pack_sizes, self.packs_here(manifest), strict=True)
        return [(name, size) for name, size, here in packs if not here]

    def digests(self) -> Iterator[Digest]:
        """The digests of all manifests that are here, in no order; no manifest is read."""
        for folder in _listing(self.path("manifests")):
            for name in _listing(self.path(f"manifests/{folder}")):
                with suppress(GitmodelError):
                    yield Digest.from_hex(name)

    def holds(self, digest: Digest) -> bool:
        """Whether the content of a digest can be restored from here alone."""
        manifest = self.manifest(digest)
        return manifest is not None and not self.missing_packs(manifest)

    def holds_sound(self, digest: Digest) -> bool:
        """Whether the content of a digest can be restored from here alone; reads every pack."""
        manifest = self.manifest(digest)
        return manifest is not None and all(
            self.has_sound_pack(name, size)
            for name, size in zip(manifest.packs, manifest.pack_sizes, strict=True)
        )

    def write_pack(
        self, name: str, data: bytes | memoryview, *, flushing: WriteBackQueue | None = None
    ) -> None:
        """Store a pack whose name has been computed from these bytes.

        Args:
            name: The name.
            data: All its bytes.
            flushing: Queue that flushes it: it has its name only after `wait_for`. Without one it has its
                name at once, and is not flushed.
        """
        with self._writing():
            file = self._written(pack_key(name), data)
            if flushing is None:
                file.commit(durable=False)
                self._forget(name)  # what was open may be a damaged one that has just been replaced
            else:
                flushing.begin(file)

    def wait_for(self, flushing: WriteBackQueue) -> None:
        """Return when the objects given to it are here, their bytes on the disk.

        Raises:
            NoSpaceError, StoreError: They cannot be written.
        """
        with self._writing():
            flushing.wait()
        self._close_packs()  # what was open may be damaged ones that have just been replaced

    def write_manifest(self, manifest: Manifest, *, flushing: WriteBackQueue | None = None) -> None:
        """Store a manifest; call it only after all its packs are here.

        Args:
            manifest: What to store.
            flushing: Queue that flushes it: it has its name only after `wait_for`. Without one it has its
                name at once, and is not flushed.
        """
        with self._writing():
            file = self._written(manifest_key(manifest.digest), manifest.to_bytes())
            if flushing is None:
                file.commit(durable=False)
            else:
                flushing.begin(file)

    def sync_folders(self, keys: Iterable[str]) -> None:
        """Flush the folders of these objects, so that their names survive a power loss.

        The folders above too: whoever created one may not have come to flush its name.
        """
        folders = {os.path.dirname(self.path(key)) for key in keys}
        kinds = {os.path.dirname(folder) for folder in folders}
        above = {self.root, os.path.dirname(self.root)} if folders else set()
        for folder in sorted(folders | kinds | above):
            _sync_folder(folder)

    def read_pack(self, name: str) -> bytes:
        """A whole pack as it lies here, unchecked.

        Raises:
            ObjectMissingError: It is not here.
        """
        try:
            with open(self.path(pack_key(name)), "rb") as stream:
                return stream.read(PACK_MAX + 1)
        except (FileNotFoundError, PermissionError) as error:
            raise ObjectMissingError(f"pack {name[:12]} cannot be read from the cache") from error

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        """A part of a pack, unchecked (the caller checks chunks by their hash).

        Args:
            name: The pack.
            offset: First byte.
            size: Bytes wanted; fewer are returned only at the end of a pack that was cut short.

        Raises:
            ObjectMissingError: The pack is not here.
        """
        with self._opened(name) as descriptor:
            return os.pread(descriptor, size, offset)

    def read_into(self, name: str, offset: int, buffers: Sequence[memoryview]) -> int:
        """Fill buffers with bytes of a pack, one after the other, unchecked as in `read_at`.

        Args:
            name: The pack.
            offset: First byte.
            buffers: At most 1,024 (IOV_MAX).

        Returns:
            Bytes read; fewer than there is room for only at the end of a pack that was cut short.

        Raises:
            ObjectMissingError: The pack is not here.
        """
        with self._opened(name) as descriptor:
            return os.preadv(descriptor, buffers, offset)

    @contextmanager
    def _opened(self, name: str) -> Iterator[int]:
        """A descriptor of a pack that no other thread closes meanwhile."""
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
        """Open a pack and remember it; the lock is held."""
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
        """Move a damaged pack out of the way, so that it can be fetched again; the last few are kept."""
        self._forget(name)
        aside = self.path(f"bad/{name}")
        with self._writing(), suppress(FileNotFoundError):
            make_folders(os.path.dirname(aside))
            os.replace(self.path(pack_key(name)), aside)
            os.utime(aside)
        _keep_newest(self.path("bad"), _MOST_BAD)

    def set_manifest_aside(self, manifest: Manifest) -> None:
        """Move a manifest out of the way that lists other chunks than those of its digest.

        Another one of that digest stays. A cache that cannot be written keeps it.
        """
        if self.has_manifest(manifest):
            aside = self.path(f"bad/manifest-{manifest.digest.hex}")
            with suppress(OSError):
                make_folders(os.path.dirname(aside))
                os.replace(self.path(manifest_key(manifest.digest)), aside)

    def close(self) -> None:
        """Close all packs, and leave the folder of unfinished files; idempotent."""
        self._close_packs()
        self._scratch.leave()

    def _close_packs(self) -> None:
        with self._lock:
            while self._open:
                os.close(self._open.popitem()[1])

    def sweep_temporary(self) -> None:
        """Remove what killed processes left behind, in every folder; writing looks into one only."""
        for folder, _, names in os.walk(self.root):
            if any(name.startswith(PREFIX) for name in names):
                sweep(folder)

    def _written(self, key: str, data: bytes | memoryview) -> PendingFile:
        """An object with these bytes that has no name yet."""
        return PendingFile.holding(self.path(key), data, self._scratch)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Say of what the machine refuses that it is about the cache, which can be elsewhere."""
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
        with suppress(OSError):  # EINVAL on network file systems that have no such thing
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keep_newest(folder: str, most: int) -> None:
    """Remove the oldest files of a folder, but for so many."""
    with suppress(OSError):
        paths = [os.path.join(folder, name) for name in _listing(folder)]
        for path in sorted(paths, key=lambda path: os.stat(path).st_mtime_ns)[:-most]:
            os.unlink(path)
