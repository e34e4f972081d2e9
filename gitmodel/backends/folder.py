"""Objects as files in a folder: a disk, a network share, the local cache.

fsspec's local file system is not used, because its writes are neither atomic nor exclusive (measured: it ignores
`mode="create"`, and a killed process leaves an empty file under the final name).

Guarantee: a file under its final name is complete, and file and name are flushed to disk. An object has the mode
and the group of the root (`shared_folders`), whatever the umask. Unfinished objects are in the folder
`.unfinished`, where they are never read or listed. The next process that writes an object removes old ones.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

from gitmodel.backends.backend import ObjectInfo
from gitmodel.backends.keys import RESERVED, check_key, check_prefix
from gitmodel.errors import (
    DamagedObjectError,
    GitmodelError,
    ObjectMissingError,
    RemoteDeniedError,
    RemoteMissingError,
    StoreError,
)
from gitmodel.files.os_errors import explained
from gitmodel.files.safe_open import PendingFile, write_all
from gitmodel.files.shared_folders import adopt, make_folder, make_folders
from gitmodel.files.temporary_folder import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
# ENOTDIR: a parent folder of the key is a file.
_MISSING = {errno.ENOENT, errno.ENOTDIR}
# Errors of link() on file systems without hard links: FAT, some SMB and FUSE mounts.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}


class FolderBackend:
    """Objects as files below a folder, which must exist: an unmounted share would look like an empty store.

    `create_root` makes it; raises RemoteDeniedError if it cannot be created, NoSpaceError if the disk is
    full.
    """

    def __init__(self, root: str, *, create_root: bool = False) -> None:
        self.root = os.path.abspath(root)
        self._known_folders: set[str] = set()
        self._scratch = Scratch(self.root, always=True)
        if create_root:
            with self._errors(self.root):
                make_folders(self.root)

    @property
    def url(self) -> str:
        """Path of the folder."""
        return self.root

    def read(self, key: str, *, limit: int) -> bytes:
        with self._open(key) as (descriptor, size):
            if size > limit:
                raise DamagedObjectError(
                    f"{self._path(key)} has {size:,} bytes, at most {limit:,} are possible"
                )
            return self._read_exactly(key, descriptor, 0, size)

    def read_range(self, key: str, start: int, size: int) -> bytes:
        with self._open(key) as (descriptor, _size):
            return self._read_exactly(key, descriptor, start, size)

    def read_back(self, key: str, *, limit: int) -> bytes:
        """Read from the disk or file server, if the system can drop flushed pages from its cache.

        On a file system that ignores the advice the content comes from memory.
        """
        with self._open(key) as (descriptor, _size):
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        return self.read(key, limit=limit)

    def create(self, key: str, data: bytes | memoryview) -> bool:
        path = self._path(key)
        with self._errors(path):
            file = self._pending(path, data)
            try:
                file.commit_new()
            except FileExistsError:
                # Also the error if a network share lost the response to a successful link().
                return self._holds(key, data)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                if not self._create_without_links(path, data):
                    return self._holds(key, data)
            self._flush_folder(os.path.dirname(path))
        return True

    def write(self, key: str, data: bytes | memoryview) -> bool:
        """Write and flush; the system reports failures of both."""
        path = self._path(key)
        with self._errors(path):
            self._pending(path, data).commit(durable=True)
            self._flush_folder(os.path.dirname(path))
        return True

    def size(self, key: str) -> int | None:
        path = self._path(key)
        try:
            with self._errors(path):
                found = os.lstat(path)
        except ObjectMissingError:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise DamagedObjectError(f"{path} is not a regular file")
        return found.st_size

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        self._require_root()
        folder = prefix.rpartition("/")[0]
        for info in self._walk(folder):
            if info.key.startswith(prefix):
                yield info

    def delete(self, key: str) -> None:
        """Delete the file; folders stay, because another process may be writing into them."""
        path = self._path(key)
        with contextlib.suppress(ObjectMissingError), self._errors(path):
            os.unlink(path)

    def prove_checks(self) -> dict[str, bool]:
        """There is no server."""
        return {}

    def close(self) -> None:
        """Remove the temporary folder of this process."""
        self._scratch.leave()

    def _path(self, key: str) -> str:
        return os.path.join(self.root, *check_key(key).split("/"))

    @contextlib.contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        """Turn system errors at `path` into errors of a backend."""
        try:
            yield
        except OSError as error:
            if error.errno in _MISSING:
                self._require_root()
                raise ObjectMissingError(f"{path} does not exist") from error
            raise _store_error(error, path) from error

    def _require_root(self) -> None:
        if not os.path.isdir(self.root):
            raise RemoteMissingError(
                f"the folder {self.root} does not exist",
                hint="mount it, or use another folder: gitmodel remote add PATH --replace",
            )

    @contextlib.contextmanager
    def _open(self, key: str) -> Iterator[tuple[int, int]]:
        """Open a regular file for reading: descriptor and size.

        Links are refused because they can leave the store, pipes because they block.
        """
        path = self._path(key)
        with self._errors(path):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode):
                    raise DamagedObjectError(f"{path} is not a regular file")
                yield descriptor, found.st_size
            finally:
                os.close(descriptor)

    def _read_exactly(self, key: str, descriptor: int, start: int, size: int) -> bytes:
        data = os.pread(descriptor, size, start)
        while len(data) < size:  # one call returns at most 2 GiB
            more = os.pread(descriptor, size - len(data), start + len(data))
            if not more:
                raise DamagedObjectError(
                    f"{self._path(key)} ended after {start + len(data):,} bytes, "
                    f"{start + size:,} were expected"
                )
            data += more
        return data

    def _holds(self, key: str, data: bytes | memoryview) -> bool:
        try:
            return self.read(key, limit=len(data)) == data
        except DamagedObjectError:  # longer, so it is another object
            return False

    def _pending(self, path: str, data: bytes | memoryview) -> PendingFile:
        """Write an unnamed file with these bytes."""
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):  # it may have been removed since it was recorded
            self._known_folders.clear()
        self._make_folder(folder)
        return PendingFile.holding(path, data, self._scratch)

    def _create_without_links(self, path: str, data: bytes | memoryview) -> bool:
        """Create exclusively without hard links; returns False if the name exists.

        A reader can see a partial file. It then fails the digest check or does not parse.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(path, flags, 0o666)
        except FileExistsError:
            return False
        try:
            try:
                adopt(descriptor, os.stat(os.path.dirname(path)), always=True)
                write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)  # network shares report a full disk only on close
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(path)  # this process created it
            raise
        return True

    def _make_folder(self, folder: str) -> None:
        """Create a folder and its parents below the root, and flush their names."""
        if folder in self._known_folders:
            return
        if folder == self.root:
            self._require_root()
        else:
            self._make_folder(os.path.dirname(folder))
            make_folder(folder, always=True)
            # Also an existing folder: the process that created it may not have flushed its name yet.
            self._flush_folder(os.path.dirname(folder))
        self._known_folders.add(folder)

    def _flush_folder(self, folder: str) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        except OSError as error:
            # Some network file systems cannot flush folders; borg tolerates the same errors.
            if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF}:
                raise
        finally:
            os.close(descriptor)

    def _walk(self, folder: str) -> Iterator[ObjectInfo]:
        """Yield the objects below a folder, whose path is relative to the root."""
        path = os.path.join(self.root, folder) if folder else self.root
        try:
            with self._errors(path), os.scandir(path) as entries:
                found = [entry for entry in entries if not entry.name.startswith(RESERVED)]
        except ObjectMissingError:
            return  # no object has this prefix, or the folder was deleted
        for entry in found:
            key = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(key)
            elif entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):  # deleted in the meantime
                    yield _object_info(key, entry.stat(follow_symlinks=False))


def _object_info(key: str, found: os.stat_result) -> ObjectInfo:
    # A file system distinguishes two writes by size and nanoseconds only.
    etag = f"{found.st_size:x}-{found.st_mtime_ns:x}"
    return ObjectInfo(key=key, size=found.st_size, modified=found.st_mtime, etag=etag)


def _store_error(error: OSError, path: str) -> GitmodelError:
    reason = error.strerror or str(error)
    found = explained(error, path)
    if found is not None and error.errno in _DENIED:
        return RemoteDeniedError(found.message, hint=found.hint)
    if found is not None:
        return found
    if error.errno == errno.ELOOP:
        return DamagedObjectError(f"{path} is a link, not a file")
    return StoreError(f"system error at {path}: {reason}", hint="gitmodel doctor")
