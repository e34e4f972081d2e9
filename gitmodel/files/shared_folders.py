"""Who may read and write what a store's folder holds: people who share it share everything in it.

A folder is shared where its group may write to it, or where it hands its group on (setgid), as Git makes it
in a repository that is shared. What is written below it gets its bits and its group, whatever the umask of
the person says: an object that only its writer can read is a hole for everybody else.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

_EXACT = 0o3777  # a folder's own bits, with setgid and the sticky bit
_SHARED = stat.S_ISGID | stat.S_IWGRP


def file_mode(folder: int) -> int:
    """The mode of a file in a folder of this mode: its reader's bits, and no writing by strangers."""
    return (folder & 0o664) | 0o600


def folder_mode(folder: int) -> int:
    """The mode of a folder in a folder of this mode; it hands the group on where the group may write."""
    group = stat.S_ISGID if folder & stat.S_IWGRP else 0
    return (folder & _EXACT) | 0o700 | group


def is_shared(path: str) -> bool:
    """Whether a folder is there, and shared."""
    try:
        return bool(os.stat(path).st_mode & _SHARED)
    except OSError:
        return False


def adopt(target: int, folder: os.stat_result, *, always: bool = False) -> None:
    """Give a file or folder that was just made the bits and the group of the folder it is in.

    Nothing is changed where the folder is not shared, or where the system does not allow it: some
    network shares know no modes.

    Args:
        target: Its descriptor.
        folder: Of the folder.
        always: Do so if it is not shared either.
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
    """Make one folder, if it is not there; `adopt` for the folder it is in.

    One that this person made under another umask, or before the folder was shared, gets its bits now.

    Raises:
        OSError: It cannot be made.
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
    """Make a folder and those above it, as `make_folder` does.

    Raises:
        OSError: One cannot be made.
    """
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above not in ("", path):
        make_folders(above)
    make_folder(path)


def share(path: str, bits: int) -> None:
    """Make a folder that is shared as `core.sharedRepository` says, or give one's own these bits.

    Args:
        path: The folder.
        bits: Of files, such as 0o660.
    """
    wanted = bits | (bits & 0o444) >> 2 | stat.S_ISGID | 0o700
    with suppress(OSError):
        os.makedirs(path, exist_ok=True)
        if _is_ones_own(path) and stat.S_IMODE(os.stat(path).st_mode) & wanted != wanted:
            os.chmod(path, stat.S_IMODE(os.stat(path).st_mode) | wanted)


def _is_ones_own(path: str) -> bool:
    return os.stat(path).st_uid == os.geteuid()
