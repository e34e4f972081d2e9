"""Opens and writes files: below a folder without following links, and atomically.

A path of a pointer or a manifest comes from a stranger. Between a check of the path and an open by name a
link can be put in the way, so each part is opened below the handle of the one before it with O_NOFOLLOW
(openat(2)). New content is written to a temporary name and renamed, so that a reader sees the old
bytes or the new ones: by `NewFile` below a handle, by `PendingFile` at a path that is trusted.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from gitmodel.errors import NoSpaceError, UnsafePathError, WeightsError
from gitmodel.files.os_errors import named, nearest
from gitmodel.files.shared_folders import adopt, make_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gitmodel.files.temporary_folder import Scratch

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Bytes written at a time. From 2 MiB on Linux takes huge pages for the page cache, which a virtual
# machine may have to get from its host: 1.3 s a GiB instead of 0.35 (measured).
_PIECE = 1 << 20
_WORTH_RESERVING = 4 << 20  # 4 MiB
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def folder_handle(root: str, parts: Sequence[str], *, create: bool = False) -> Iterator[int]:
    """Open the folder `root/parts`; no part below the trusted root is followed if it is a link.

    The parts were checked by `safe_parts`. Raises FileNotFoundError if one is missing and `create` is not
    set, UnsafePathError if one is a link or not a folder.
    """
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            handle = _step(handle, part, create=create)
        yield handle
    finally:
        os.close(handle)


def _step(handle: int, part: str, *, create: bool) -> int:
    """Open a folder in a folder; closes the handle of the outer one on success."""
    if create:
        with suppress(FileExistsError):
            os.mkdir(part, dir_fd=handle)
    try:
        below = os.open(part, _FOLDER_FLAGS, dir_fd=handle)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise UnsafePathError(
                f"{part!r} is a link or a file where a folder is needed"
            ) from error
        raise
    os.close(handle)
    return below


def open_file(handle: int, name: str) -> int:
    """Open a plain file in a folder for reading, not through a link.

    Raises FileNotFoundError if it is not there, UnsafePathError if it is a link, WeightsError if it is not
    a plain file.
    """
    try:
        descriptor = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=handle
        )
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnsafePathError(
                f"{name!r} is a symbolic link", hint="gitmodel add --follow PATH"
            ) from error
        if error.errno == errno.ENXIO:  # a socket
            raise WeightsError(f"{name!r} is not a plain file") from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise WeightsError(
                f"{name!r} cannot be read: permission denied", hint="ls -l shows who may read it"
            ) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise WeightsError(f"{name!r} is not a plain file")
    return descriptor


class NewFile:
    """A file written under a temporary name in an open folder; `place` renames it.

    Use as a context manager: a file that was not placed is removed.
    """

    def __init__(self, handle: int, name: str) -> None:
        from gitmodel.files.temporary_folder import sweep_once
        from gitmodel.files.temporary_names import new_name

        self._handle = os.dup(handle)
        self._name = name
        self._temporary: str | None = new_name()
        sweep_once(handle)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self.descriptor = os.open(self._temporary, flags, 0o666, dir_fd=self._handle)
        except OSError:
            os.close(self._handle)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)
        if self._temporary is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._temporary, dir_fd=self._handle)
        os.close(self._handle)

    def set_back(self) -> os.stat_result:
        """Set the modification time three seconds back; returns the stat.

        Any later write then changes it, even on file systems that count in steps of two seconds, so
        the stat can be trusted at once (see `records.CachedDigest.holds_for`).
        """
        modified = time.time_ns() - 3_000_000_000
        os.utime(self.descriptor, ns=(modified, modified))
        return os.fstat(self.descriptor)

    def keep(self) -> str:
        """Keep the file under its temporary name; the caller renames or removes it."""
        if self._temporary is None:
            raise ValueError("already placed")
        name, self._temporary = self._temporary, None
        return name

    def place(self) -> os.stat_result:
        """Rename to the final name; a link that has the name is replaced, not its target."""
        if self._temporary is None:
            raise ValueError("already placed")
        os.rename(self._temporary, self._name, src_dir_fd=self._handle, dst_dir_fd=self._handle)
        self._temporary = None
        return os.fstat(self.descriptor)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write every byte, also after short writes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view[:_PIECE]) :]


def write_at(descriptor: int, data: memoryview, offset: int) -> None:
    """Write every byte at an offset of a file, also after short writes."""
    while data:
        count = os.pwrite(descriptor, data[:_PIECE], offset)
        data = data[count:]
        offset += count


def reserve(descriptor: int, size: int) -> None:
    """Allocate `size` bytes of disk for a file before they are written; raises OSError if the disk is full.

    Writing into allocated blocks takes half the time (measured on ext4: 0.11 s against 0.17 to 0.28 s a
    GiB). Nothing happens on a file system without fallocate(2): `os.posix_fallocate` would write to every
    block there.
    """
    if size < _WORTH_RESERVING:
        return
    import ctypes

    system = ctypes.CDLL(None, use_errno=True)
    fallocate = getattr(system, "fallocate64", None)  # not in every libc, and on Linux only
    if fallocate is None:
        return
    fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    if fallocate(descriptor, 0, 0, size) and ctypes.get_errno() in _FULL:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class PendingFile:
    """A file that gets its name only when it is complete; for folders that are trusted.

    It gets mode and group of a shared folder (see `shared_folders`). The folder of the final name is made,
    and has the unfinished file too, unless `scratch` has it.
    """

    def __init__(self, path: str, scratch: Scratch | None = None) -> None:
        folder = os.path.dirname(path)
        make_folders(folder)
        self._path = path
        if scratch is None:
            from gitmodel.files.temporary_folder import new_file, sweep_once

            sweep_once(folder)
            self.descriptor, self._temporary = new_file(folder)
        else:
            self.descriptor, self._temporary = scratch.new_file(folder)

    @classmethod
    def holding(cls, path: str, data: bytes | memoryview, scratch: Scratch | None = None) -> Self:
        """Write all bytes of a file; if that raises OSError, it is removed."""
        file = cls(path, scratch)
        try:
            with named(path):
                reserve(file.descriptor, len(data))
                write_all(file.descriptor, data)
        except BaseException:
            file.discard()
            raise
        return file

    def commit(self, *, durable: bool) -> None:
        """Take the final name, replacing the file that has it; `durable` flushes the bytes to disk first."""
        try:
            self._close(durable=durable)
            os.replace(self._temporary, self._path)
        except BaseException:
            self._remove()
            raise

    def commit_new(self) -> None:
        """Flush the bytes to disk, then take the final name if it is free.

        Raises FileExistsError if it is not, OSError if the file cannot be written, or the file system has
        no hard links.
        """
        try:
            self._close(durable=True)
            os.link(self._temporary, self._path)
        finally:
            self._remove()

    def _close(self, *, durable: bool) -> None:
        try:
            if durable:
                with named(self._path):
                    os.fsync(self.descriptor)
        finally:
            os.close(self.descriptor)  # network shares report a full disk only here

    def discard(self) -> None:
        """Remove the file."""
        os.close(self.descriptor)
        self._remove()

    def _remove(self) -> None:
        with suppress(OSError):
            os.unlink(self._temporary)


def replace_file(path: str, data: bytes) -> None:
    """Replace a file atomically, without a flush; makes its folder.

    Of two writers at once the last one wins. If it raises OSError, the old file stays.
    """
    PendingFile.holding(path, data).commit(durable=False)


def append_lines(path: str, lines: Iterable[str]) -> None:
    """Append lines to a text file that several processes append to; makes it and its folder.

    A last line that a kill has torn is ended and marked first, so that it is not read as a whole one.
    """
    folder = os.path.dirname(path)
    make_folders(folder)
    with open(path, "ab+", buffering=0) as stream:
        adopt(stream.fileno(), os.stat(folder))
        torn = stream.seek(0, os.SEEK_END) and os.pread(stream.fileno(), 1, stream.tell() - 1)
        start = " torn\n" if torn and torn != b"\n" else ""
        text = start + "".join(f"{line}\n" for line in lines)
        with named(path):
            write_all(stream.fileno(), text.encode())


def remember_lines(path: str, lines: Sequence[str]) -> None:
    """Append lines as `append_lines` does, and ignore errors: the file is only a cache.

    A file that only another user may write is replaced.
    """
    with suppress(OSError):
        try:
            append_lines(path, lines)
        except PermissionError:
            replace_file(path, "".join(f"{line}\n" for line in lines).encode())


def require_space(folder: str, size: int) -> None:
    """Raise NoSpaceError unless `size` bytes fit on the file system of `folder`, which need not exist yet."""
    place = nearest(folder)
    status = os.statvfs(place)
    free = status.f_bavail * status.f_frsize
    if size > free:
        from shlex import quote

        raise NoSpaceError(
            f"no space left in {folder}: {size:,} bytes are needed, {free:,} are free",
            hint=f"make room there (df -h {quote(place)} shows it), then run the same command again",
        )
