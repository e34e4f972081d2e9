"""Permission problems in a folder that several users share. Nothing is changed."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.files.os_errors import owner_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_INSPECTED = 5_000  # files and folders; a sample is enough


class PermissionProblem(NamedTuple):
    """A problem with permissions, and the command that fixes it."""

    detail: str
    hint: str


def find_problem(root: str) -> PermissionProblem | None:
    """Find what prevents this user, or others with access to a folder, from using its files."""
    try:
        mode = os.stat(root).st_mode
    except OSError:
        return None
    if not os.access(root, os.W_OK | os.X_OK):
        detail = f"{root} belongs to {owner_of(root)} and is not writable by you"
        return PermissionProblem(detail, _chmod_command(root, mode | stat.S_IWGRP))
    if mode & stat.S_ISGID and not mode & stat.S_IWGRP:
        detail = f"{root} is setgid, but its group may not write"
        return PermissionProblem(detail, _chmod_command(root, mode | stat.S_IWGRP))
    hidden = list(_inaccessible(root, mode))
    if hidden:
        path, *_ = hidden
        most = "at least " if len(hidden) >= _MAX_INSPECTED else ""
        detail = (
            f"{most}{len(hidden):,} files or folders are not accessible to other users of {root}, such as "
            f"{path}; its owner {owner_of(path)} can change that"
        )
        return PermissionProblem(detail, _chmod_command(root, mode))
    if mode & stat.S_IWGRP and not mode & stat.S_ISGID:
        detail = f"{root} is writable by its group, but not setgid"
        return PermissionProblem(detail, _chmod_command(root, mode))
    return None


def _chmod_command(root: str, mode: int) -> str:
    """The command with which users give their files in a folder the access of the folder."""
    folders = "g+rwxs" if mode & stat.S_IWGRP else "g+rx" if mode & stat.S_IRGRP else ""
    others = mode & stat.S_IROTH
    bits = (folders, "o+rx" if others else ""), (folders.rstrip("xs"), "o+r" if others else "")
    below, files = (",".join(filter(None, pair)) for pair in bits)
    own = f'find {root} -user "$(id -u)"'
    return f"{own} -type d -exec chmod {below} {{}} +; {own} -type f -exec chmod {files} {{}} +"


def _inaccessible(root: str, mode: int) -> Iterator[str]:
    """Files and folders with less access than the root, among the first few thousand."""
    for path, status in islice(_below(root), _MAX_INSPECTED):
        is_folder = stat.S_ISDIR(status.st_mode)
        wanted = mode & (0o075 if is_folder else 0o044)
        if status.st_mode & wanted != wanted:
            yield path


def _below(root: str) -> Iterator[tuple[str, os.stat_result]]:
    waiting = [root]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        waiting.append(entry.path)
                    if not stat.S_ISLNK(status.st_mode):
                        yield entry.path, status
