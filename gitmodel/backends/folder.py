"""Objects as files below a folder: a disk, a network share, the local cache.

fsspec's own local writer is neither atomic nor exclusive (measured: it ignores `mode="create"`, and a
kill leaves an empty file under the final name), so this is written against the system directly.

Guarantee: a file under its final name is complete and flushed to disk, and so is its name. An object has the
mode and the group of the root (see `shared_folders`), whatever the umask. An object that is being written is
in the folder `.unfinished`. Files that a killed process left there are never read or listed, and the next
process that writes an object removes them.
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
# ENOTDIR: a file stands where the key has a folder. ELOOP: O_NOFOLLOW met a link, see `_open`.
_MISSING = {errno.ENOENT, errno.ENOTDIR}
# What file systems without hard links answer to link(): FAT, some SMB and FUSE mounts.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}


class FolderBackend:
    """Objects as files.

    Args:
        root: The folder; must exist, because an unmounted share must not be taken for an empty store.
        create_root: Create it instead.

    Raises:
        RemoteDeniedError: `create_root` and the folder cannot be created.
        NoSpaceError: The same, for lack of space.
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
        """The folder."""
        return self.root

    def read(self, key: str, *, limit: int) -> bytes:
        """See `Backend.read`."""
        with self._open(key) as (descriptor, size):
            if size > limit:
                raise DamagedObjectError(
                    f"{self._path(key)} has {size:,} bytes, at most {limit:,} are possible"
                )
            return self._read_exactly(key, descriptor, 0, size)

    def read_range(self, key: str, start: int, size: int) -> bytes:
        """See `Backend.read_range`."""
        with self._open(key) as (descriptor, _size):
            return self._read_exactly(key, descriptor, start, size)

    def read_back(self, key: str, *, limit: int) -> bytes:
        """See `Backend.read_back`: asks the disk or the file server, where the system can be told to.

        What was flushed is given up by the page cache. Where it was not flushed, or on a file system
        that does not know the advice, the answer comes from memory and proves nothing.
        """
        with self._open(key) as (descriptor, _size):
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        return self.read(key, limit=limit)

    def create(self, key: str, data: bytes | memoryview) -> bool:
        """See `Backend.create`."""
        path = self._path(key)
        with self._errors(path):
            file = self._pending(path, data)
            try:
                file.commit_new()
            except FileExistsError:
                # Also the answer to one's own success whose reply a network share lost.
                return self._holds(key, data)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                if not self._create_without_links(path, data):
                    return self._holds(key, data)
            self._flush_folder(os.path.dirname(path))
        return True

    def write(self, key: str, data: bytes | memoryview) -> bool:
        """See `Backend.write`: the word of the system, which says when it cannot write or flush."""
        path = self._path(key)
        with self._errors(path):
            self._pending(path, data).commit(durable=True)
            self._flush_folder(os.path.dirname(path))
        return True

    def size(self, key: str) -> int | None:
        """See `Backend.size`."""
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
        """See `Backend.list`."""
        check_prefix(prefix)
        self._require_root()
        folder = prefix.rpartition("/")[0]
        for info in self._walk(folder):
            if info.key.startswith(prefix):
                yield info

    def delete(self, key: str) -> None:
        """See `Backend.delete`. Folders stay: another process may be about to write into them."""
        path = self._path(key)
        with contextlib.suppress(ObjectMissingError), self._errors(path):
            os.unlink(path)

    def prove_checks(self) -> dict[str, bool]:
        """See `Backend.prove_checks`: a folder has none."""
        return {}

    def close(self) -> None:
        """See `Backend.close`; nothing is kept open between calls."""
        self._scratch.leave()

    def _path(self, key: str) -> str:
        return os.path.join(self.root, *check_key(key).split("/"))

    @contextlib.contextmanager
    def _errors(self, path: str) -> Iterator[None]:
        """Turn what the system says about `path` into the errors of a backend."""
        try:
            yield
        except OSError as error:
            if error.errno in _MISSING:
                self._require_root()
                raise ObjectMissingError(f"{path} is not there") from error
            raise _translated(error, path) from error

    def _require_root(self) -> None:
        if not os.path.isdir(self.root):
            raise RemoteMissingError(
                f"The folder {self.root} is not there",
                hint="mount it, or name another one: gitmodel remote add PATH --replace",
            )

    @contextlib.contextmanager
    def _open(self, key: str) -> Iterator[tuple[int, int]]:
        """Open a regular file for reading: descriptor and size.

        A link could lead out of the store and a pipe would block for ever, so neither is opened.
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
        while len(data) < size:  # the system may return less at once, e.g. above 2 GiB
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
        except DamagedObjectError:  # longer than ours, so it is not ours
            return False

    def _pending(self, path: str, data: bytes | memoryview) -> PendingFile:
        """An object with these bytes that has no name yet."""
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):  # or it was removed since this process last saw it
            self._known_folders.clear()
        self._make_folder(folder)
        return PendingFile.holding(path, data, self._scratch)

    def _create_without_links(self, path: str, data: bytes | memoryview) -> bool:
        """Create exclusively where hard links are unknown: here a reader can see a partial file.

        It then fails the check against its name or does not parse, which is an error and not wrong
        bytes. Returns False if the name is taken.
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
                os.close(descriptor)  # network shares report a full disk only here
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(path)  # it is ours: it was created exclusively
            raise
        return True

    def _make_folder(self, folder: str) -> None:
        """Create a folder below the root, and flush the names of those that were created."""
        if folder in self._known_folders:
            return
        if folder == self.root:
            self._require_root()
        else:
            self._make_folder(os.path.dirname(folder))
            make_folder(folder, always=True)
            # Also if it was there: whoever created it may not have come to flush its name yet.
            self._flush_folder(os.path.dirname(folder))
        self._known_folders.add(folder)

    def _flush_folder(self, folder: str) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        except OSError as error:
            # Some network file systems cannot flush a folder and say so; borg tolerates the same.
            if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF}:
                raise
        finally:
            os.close(descriptor)

    def _walk(self, folder: str) -> Iterator[ObjectInfo]:
        """Yield the objects below a folder, given relative to the root."""
        place = os.path.join(self.root, folder) if folder else self.root
        try:
            with self._errors(place), os.scandir(place) as entries:
                found = [entry for entry in entries if not entry.name.startswith(RESERVED)]
        except ObjectMissingError:
            return  # no object has this prefix, or the folder went while we walked
        for entry in found:
            key = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(key)
            elif entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):  # deleted while we walked
                    yield _information(key, entry.stat(follow_symlinks=False))


def _information(key: str, found: os.stat_result) -> ObjectInfo:
    # Size and time to the nanosecond: all that a file system has to tell two writes apart.
    etag = f"{found.st_size:x}-{found.st_mtime_ns:x}"
    return ObjectInfo(key=key, size=found.st_size, modified=found.st_mtime, etag=etag)


def _translated(error: OSError, path: str) -> GitmodelError:
    reason = error.strerror or str(error)
    found = explained(error, path)
    if found is not None and error.errno in _DENIED:
        return RemoteDeniedError(found.message, hint=found.hint)
    if found is not None:
        return found
    if error.errno == errno.ELOOP:
        return DamagedObjectError(f"{path} is a link, not a file")
    return StoreError(f"The system failed at {path}: {reason}", hint="gitmodel doctor")
