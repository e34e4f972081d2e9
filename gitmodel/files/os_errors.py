"""Errors of the operating system, explained with path, limit and remedy.

A full disk, a quota, a limit of the shell and a lost share are no defects of gitmodel, and each has another
remedy. The system reports a number; this module finds out which limit it was and who owns the path.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from gitmodel.errors import FileSystemError, GitmodelError, NoSpaceError, OutOfMemoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NOWHERE = "a file that the system does not name"
_AGAIN = "then run the same command again"


def explained(error: OSError, place: str | None = None) -> GitmodelError | None:
    """Explain an error of a system call; None if it is not about the machine.

    The error's own file name is used if that is absolute, else `place`.
    """
    explain = _EXPLAINED.get(error.errno or 0)
    if explain is None:
        return None
    named = error.filename if isinstance(error.filename, str) else ""
    return explain(named if os.path.isabs(named) else place or _NOWHERE)


def out_of_resources(error: BaseException) -> GitmodelError | None:
    """Explain that Python got no memory, or could not start a thread; None for other errors."""
    if isinstance(error, MemoryError):
        return _no_memory("")
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return OutOfMemoryError(
            "the system starts no further thread for this program",
            hint=f"raise the limits (ulimit -u, ulimit -v), {_AGAIN}",
        )
    return None


@contextmanager
def disk_errors(where: str) -> Iterator[None]:
    """Raise errors about the machine as `explained` tells them, and all others unchanged.

    Raises NoSpaceError if the file system is full, or a quota or limit is reached, FileSystemError if it
    refuses the access, or does not work.
    """
    try:
        yield
    except OSError as error:
        found = explained(error, where)
        if found is None:
            raise
        raise found from error


@contextmanager
def named(path: str) -> Iterator[None]:
    """Add the file's name to an `OSError`: calls with a descriptor do not report it."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = path
        raise


def nearest(path: str) -> str:
    """The path itself, or the nearest folder above it that exists."""
    place = os.path.abspath(path)
    while not os.path.exists(place) and place != os.path.dirname(place):
        place = os.path.dirname(place)
    return place


def owner_of(path: str) -> str:
    """The owner of a file: login name, else number; "" if it cannot be read."""
    try:
        number = os.stat(path).st_uid
    except OSError:
        return ""
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _at(where: str) -> str:
    return "" if where is _NOWHERE else f" -T {_quoted(nearest(where))}"


def _quoted(path: str) -> str:
    from shlex import quote

    return quote(path)


def _no_space(where: str) -> GitmodelError:
    if where is _NOWHERE:
        return NoSpaceError("no space left", hint=f"make room (df -h shows each disk), {_AGAIN}")
    folder = nearest(where)
    free, option = "", "-h"
    with suppress(OSError):
        status = os.statvfs(folder)
        free = f" ({status.f_bavail * status.f_frsize:,} bytes free)"
        if status.f_files and not status.f_favail:
            free, option = " (it takes no further file: its inodes are used up)", "-i"
    return NoSpaceError(
        f"no space left in {where}{free}",
        hint=f"make room there (df {option} {_quoted(folder)} shows it), {_AGAIN}",
    )


def _over_quota(where: str) -> GitmodelError:
    return NoSpaceError(
        f"no space left in {where}: your quota there is used up",
        hint=f"make room there (quota -s shows it), {_AGAIN}",
    )


def _too_large(where: str) -> GitmodelError:
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit != resource.RLIM_INFINITY:
        return NoSpaceError(
            f"a file in {where} is larger than the limit of this shell, {limit:,} bytes (ulimit -f)",
            hint=f"ulimit -f unlimited, {_AGAIN}",
        )
    return NoSpaceError(
        f"the file system of {where} does not take a file of this size",
        hint="use a folder on another file system",
    )


def _denied(where: str) -> GitmodelError:
    if where is _NOWHERE:
        return FileSystemError("permission denied", hint="ls -ld . shows who may write here")
    place = nearest(where)
    owner = owner_of(place)
    own = owner and os.stat(place).st_uid == os.geteuid()
    hint = f"chmod u+rwX {_quoted(place)}" if own else f"ls -ld {_quoted(place)}"
    whose = f"; {place} belongs to {owner}" if owner and not own else ""
    return FileSystemError(f"{where} cannot be used: permission denied{whose}", hint=hint)


def _read_only(where: str) -> GitmodelError:
    return FileSystemError(
        f"{where} cannot be written: its file system is read-only",
        hint=f"mount it for writing (findmnt{_at(where)} shows how it is), {_AGAIN}",
    )


def _no_descriptors(where: str) -> GitmodelError:
    import resource

    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return FileSystemError(
        f"{where} cannot be opened: this program may have {limit:,} files open (ulimit -n)",
        hint=f"ulimit -n {min(most, 4096) if most > 0 else 4096}, {_AGAIN}",
    )


def _no_descriptors_at_all(where: str) -> GitmodelError:
    return FileSystemError(
        f"{where} cannot be opened: the machine has no more open files to give",
        hint=f"end other programs (sysctl fs.file-nr shows the number), {_AGAIN}",
    )


def _too_long(where: str) -> GitmodelError:
    return FileSystemError(
        f"{where}: this name or path is longer than its file system takes",
        hint="use a shorter name, or a folder that is less deep",
    )


def _broken(where: str) -> GitmodelError:
    return FileSystemError(
        f"{where}: the disk failed (input/output error)",
        hint="look at the disk (dmesg), then run: gitmodel verify --full",
    )


def _stale(where: str) -> GitmodelError:
    return FileSystemError(
        f"{where}: the share lost this file or folder meanwhile (stale file handle)",
        hint=f"mount the share again (findmnt{_at(where)} shows where from), {_AGAIN}",
    )


def _no_memory(where: str) -> GitmodelError:
    return OutOfMemoryError(
        f"there is not enough memory{f' for {where}' if where else ''}",
        hint=f"end other programs, or raise the limit (ulimit -v), {_AGAIN}",
    )


def _no_answer(where: str) -> GitmodelError:
    return FileSystemError(
        f"{where}: the share does not answer",
        hint=f"mount it again (findmnt{_at(where)} shows where from), {_AGAIN}",
    )


_EXPLAINED: dict[int, Callable[[str], GitmodelError]] = {
    errno.ENOSPC: _no_space,
    errno.EDQUOT: _over_quota,
    errno.EFBIG: _too_large,
    errno.EACCES: _denied,
    errno.EPERM: _denied,
    errno.EROFS: _read_only,
    errno.EMFILE: _no_descriptors,
    errno.ENFILE: _no_descriptors_at_all,
    errno.ENAMETOOLONG: _too_long,
    errno.EIO: _broken,
    errno.EUCLEAN: _broken,
    errno.ESTALE: _stale,
    errno.ENOMEM: _no_memory,
    errno.ENOTCONN: _no_answer,
    errno.EHOSTDOWN: _no_answer,
    errno.ETIMEDOUT: _no_answer,
}
