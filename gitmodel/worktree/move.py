"""Moves weights to another path of the work tree, also across devices.

Within one device a rename moves all files at once. Across devices each file is copied to a temporary name,
flushed, read back and compared. The copy gets its name when it is complete, and then the original is removed.
Whenever the move ends, one complete set of the weights exists.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from gitmodel.domain.digest import FileHasher
from gitmodel.domain.paths import safe_parts
from gitmodel.errors import ChangedWhileReadError, UnsafePathError, WeightsError
from gitmodel.files.os_errors import disk_errors
from gitmodel.files.safe_open import NewFile, folder_handle, open_file, write_all
from gitmodel.files.temporary_names import new_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.domain.digest import Digest

_READ = 4 << 20  # bytes
_INSIDE_ITSELF = errno.EINVAL


def move_entry(root: str, old: str, new: str) -> bool:
    """Move an entry of the work tree to a free path, whose folder is made; False if it does not exist.

    Paths are relative to `root`, with `/`. Raises WeightsError if the system refuses the move,
    NoSpaceError if the other device is full, ChangedWhileReadError if the weights changed during the
    copy; then nothing was moved.
    """
    old_parts, new_parts = safe_parts(old), safe_parts(new)
    if not os.path.lexists(os.path.join(root, *old_parts)):
        return False
    try:
        with (
            disk_errors(os.path.join(root, *new_parts[:-1])),
            folder_handle(root, old_parts[:-1]) as source,
            folder_handle(root, new_parts[:-1], create=True) as target,
        ):
            move_between(source, old_parts[-1], target, new_parts[-1])
    except FileNotFoundError:  # meanwhile
        return False
    except OSError as error:
        if error.errno == _INSIDE_ITSELF:
            raise UnsafePathError(
                f"{new} is inside {old}", hint="choose a path outside of that folder"
            ) from error
        raise WeightsError(
            f"{old} cannot be moved to {new}: {(error.strerror or 'refused').lower()}",
            hint="ls -ld shows who may write there",
        ) from error
    return True


def move_between(source: int, name: str, target: int, becomes: str) -> None:
    """Move an entry from one folder (by its handle) to a free name in another, maybe on another device.

    Raises OSError from `os.rename`.
    """
    try:
        os.rename(name, becomes, src_dir_fd=source, dst_dir_fd=target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    else:
        return
    _copy(source, name, target, becomes)
    os.fsync(target)
    _remove_copied(source, name, target, becomes)


def _copy(source: int, name: str, target: int, becomes: str) -> None:
    mode = os.stat(name, dir_fd=source, follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink(name, dir_fd=source), becomes, dir_fd=target)
    elif stat.S_ISDIR(mode):
        _copy_folder(source, name, target, becomes)
    else:
        _copy_file(source, name, target, becomes)


def _copy_folder(source: int, name: str, target: int, becomes: str) -> None:
    """Copy a folder to a temporary name, and rename the complete copy."""
    temporary = new_name()
    os.mkdir(temporary, dir_fd=target)
    try:
        with folder_below(source, name) as below, folder_below(target, temporary) as copy:
            for entry in os.listdir(below):
                _copy(below, entry, copy, entry)
            os.fsync(copy)
        os.rename(temporary, becomes, src_dir_fd=target, dst_dir_fd=target)
    except BaseException:
        _remove(target, temporary)
        raise


def _copy_file(source: int, name: str, target: int, becomes: str) -> None:
    descriptor = open_file(source, name)
    try:
        before = os.fstat(descriptor)
        with NewFile(target, becomes) as copy:
            read = _digest_of(descriptor, before.st_size, copy.descriptor)
            os.fsync(copy.descriptor)
            os.lseek(copy.descriptor, 0, os.SEEK_SET)
            written = _digest_of(copy.descriptor, before.st_size)
            after = os.fstat(descriptor)
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise ChangedWhileReadError(
                    f"{name} changed while it was copied",
                    hint="wait until training has finished writing, then run the same command again",
                )
            if read != written:
                raise WeightsError(
                    f"the copy of {name} has other bytes than were written",
                    hint="look at that disk",
                )
            os.fchmod(copy.descriptor, stat.S_IMODE(before.st_mode))
            os.utime(copy.descriptor, ns=(before.st_atime_ns, before.st_mtime_ns))
            copy.place()
    finally:
        os.close(descriptor)


def _digest_of(descriptor: int, size: int, copy: int | None = None) -> Digest:
    """Hash at most so many bytes of a file, and write them to another file if one is given."""
    hasher = FileHasher()
    while data := os.read(descriptor, min(_READ, size)):
        size -= len(data)
        hasher.update(data)
        if copy is not None:
            write_all(copy, data)
    return hasher.result()


def _remove_copied(source: int, name: str, target: int, copy: str) -> None:
    """Remove the copied files; a file that was added or changed since then stays."""
    with suppress(OSError):
        there = os.stat(name, dir_fd=source, follow_symlinks=False)
        here = os.stat(copy, dir_fd=target, follow_symlinks=False)
        if stat.S_ISDIR(there.st_mode):
            with folder_below(source, name) as below, folder_below(target, copy) as copied:
                for entry in os.listdir(copied):
                    _remove_copied(below, entry, copied, entry)
            os.rmdir(name, dir_fd=source)
        elif stat.S_ISLNK(there.st_mode) or (there.st_size, there.st_mtime_ns) == (
            here.st_size,
            here.st_mtime_ns,
        ):
            os.unlink(name, dir_fd=source)


@contextmanager
def folder_below(handle: int, name: str) -> Iterator[int]:
    """Open a folder in a folder, not through a link."""
    below = os.open(
        name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=handle
    )
    try:
        yield below
    finally:
        os.close(below)


def _remove(folder: int, name: str) -> None:
    """Remove a file, a link, or a folder with its content; errors are ignored."""
    try:
        os.unlink(name, dir_fd=folder)
    except (IsADirectoryError, PermissionError):
        with suppress(OSError):
            with folder_below(folder, name) as below:
                for entry in os.listdir(below):
                    _remove(below, entry)
            os.rmdir(name, dir_fd=folder)
    except FileNotFoundError:
        pass
