"""Mode and group of files in a store's folder that several users share.

A folder is shared if its group may write to it or if it has setgid, as in a shared Git repository. Everything
written below it gets its mode and group, whatever the umask: an object that only its writer can read is
missing for everybody else.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

_EXACT = 0o3777  # permissions, setgid and the sticky bit
_SHARED = stat.S_ISGID | stat.S_IWGRP


def file_mode(folder: int) -> int:
    """The mode of a file in a folder of this mode; others may never write."""
    return (folder & 0o664) | 0o600


def folder_mode(folder: int) -> int:
    """The mode of a folder in a folder of this mode; with setgid if the group may write."""
    group = stat.S_ISGID if folder & stat.S_IWGRP else 0
    return (folder & _EXACT) | 0o700 | group


def is_shared(path: str) -> bool:
    """Whether a folder exists and is shared."""
    try:
        return bool(os.stat(path).st_mode & _SHARED)
    except OSError:
        return False


def adopt(target: int, folder: os.stat_result, *, always: bool = False) -> None:
    """Give a new file or folder, by its descriptor, the mode and group of the folder it is in.

    Nothing changes if the folder is not shared (unless `always`), or if the system refuses: some network
    shares know no modes.
    """
    if not always and not folder.st_mode & _SHARED:
        return
    found = os.fstat(target)
    is_folder = stat.S_ISDIR(found.st_mode)
    wanted = folder_mode(folder.st_mode) if is_folder else file_mode(folder.st_mode)
    with suppress(OSError):
        if found.st_gid != folder.st_gid and folder.st_mode & _SHARED:
            os.fchown(target, -1, folder.st_gid)
    with suppress(OSError):
        if stat.S_IMODE(os.fstat(target).st_mode) != wanted:
            os.fchmod(target, wanted)


def make_folder(path: str, *, always: bool = False) -> None:
    """Make a folder if it is missing, with mode and group by `adopt`; raises OSError.

    An existing folder of this user also gets them: the folder above may have been shared later.
    """
    above = os.stat(os.path.dirname(path) or ".")
    try:
        os.mkdir(path)
    except FileExistsError:
        if not above.st_mode & _SHARED or not _is_ones_own(path):
            return
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            adopt(handle, above, always=always)
        finally:
            os.close(handle)


def make_folders(path: str) -> None:
    """Make a folder and those above it, as `make_folder` does."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above not in ("", path):
        make_folders(above)
    make_folder(path)


def share(path: str, bits: int) -> None:
    """Make a shared folder, or make an existing one of this user shared.

    The bits are the mode of files by `core.sharedRepository`, such as 0o660.
    """
    wanted = bits | (bits & 0o444) >> 2 | stat.S_ISGID | 0o700
    with suppress(OSError):
        os.makedirs(path, exist_ok=True)
        if _is_ones_own(path) and stat.S_IMODE(os.stat(path).st_mode) & wanted != wanted:
            os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) | wanted)


def _is_ones_own(path: str) -> bool:
    return os.stat(path).st_uid == os.geteuid()
