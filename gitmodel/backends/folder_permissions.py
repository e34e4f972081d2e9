"""Whether all who share a folder of a store can use what is in it; looks, and changes nothing."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.files.os_errors import owner_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_LOOKED_AT = (
    5_000  # files and folders: enough to see a habit, and no walk of a million objects
)


class Trouble(NamedTuple):
    """What is wrong with a folder, and the command that mends it."""

    detail: str
    hint: str


def trouble_in(root: str) -> Trouble | None:
    """What keeps this person, or others who may use a folder, from using what is in it."""
    try:
        mode = os.stat(root).st_mode
    except OSError:
        return None
    if not os.access(root, os.W_OK | os.X_OK):
        detail = f"{root} belongs to {owner_of(root)} and is not writable for you"
        return Trouble(detail, _mending(root, mode | stat.S_IWGRP))
    if mode & stat.S_ISGID and not mode & stat.S_IWGRP:
        detail = f"{root} hands its group on (setgid), which may not write there"
        return Trouble(detail, _mending(root, mode | stat.S_IWGRP))
    hidden = list(_hidden(root, mode))
    if hidden:
        path, *_ = hidden
        most = "at least " if len(hidden) >= _MOST_LOOKED_AT else ""
        detail = (
            f"{most}{len(hidden):,} files or folders are closed to people who may use {root}, such as "
            f"{path}; its owner {owner_of(path)} can open it"
        )
        return Trouble(detail, _mending(root, mode))
    if mode & stat.S_IWGRP and not mode & stat.S_ISGID:
        detail = f"{root} is its group's, and does not hand the group on (setgid)"
        return Trouble(detail, _mending(root, mode))
    return None


def _mending(root: str, mode: int) -> str:
    """The command by which a person opens their own files in a folder to whom the folder is open."""
    folders = "g+rwxs" if mode & stat.S_IWGRP else "g+rx" if mode & stat.S_IRGRP else ""
    others = mode & stat.S_IROTH
    bits = (folders, "o+rx" if others else ""), (folders.rstrip("xs"), "o+r" if others else "")
    below, files = (",".join(filter(None, pair)) for pair in bits)
    own = f'find {root} -user "$(id -u)"'
    return f"{own} -type d -exec chmod {below} {{}} +; {own} -type f -exec chmod {files} {{}} +"


def _hidden(root: str, mode: int) -> Iterator[str]:
    """What is closed to whom the folder itself is open; of the first few thousand files and folders."""
    for path, status in islice(_below(root), _MOST_LOOKED_AT):
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
