"""The folder of a store's unfinished files.

A store has one such folder, so the next process that writes to the store finds all files of killed processes
in it. It exists only during writes. If it cannot be made, a file is written in the folder of its final name.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from gitmodel.files.shared_folders import adopt, make_folder
from gitmodel.files.temporary_names import new_name, sweep

FOLDER = ".unfinished"
_TRIES = 10  # to make the folder and a file in it: another process may remove the folder between
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_swept: set[tuple[int, int]] = set()


def sweep_once(folder: str | int) -> None:
    """Sweep a folder before the process first writes to it."""
    with suppress(OSError):
        found = os.stat(folder)
        if (found.st_dev, found.st_ino) not in _swept:
            _swept.add((found.st_dev, found.st_ino))
            sweep(folder)


def new_file(folder: str, *, always: bool = False) -> tuple[int, str]:
    """Make a file under a temporary name in a folder; returns its descriptor and path. Raises OSError.

    It gets mode and group of the folder if that is shared, or with `always`.
    """
    path = os.path.join(folder, new_name())
    descriptor = os.open(path, _NEW, 0o666)
    with suppress(OSError):
        adopt(descriptor, os.stat(folder), always=always)
    return descriptor, path


class Scratch:
    """The folder for unfinished files of one store, below its root.

    With `always` files get the root's mode even if it is not shared; see `shared_folders`.
    """

    def __init__(self, root: str, *, always: bool = False) -> None:
        self._root = root
        self._folder = os.path.join(root, FOLDER)
        self._always = always
        self._is_used = False

    def new_file(self, beside: str) -> tuple[int, str]:
        """Make a file for an object of the folder `beside`; returns its descriptor and path. Raises OSError."""
        for _ in range(_TRIES):
            try:
                made = self._made()
            except FileNotFoundError:  # another process has just removed the folder
                continue
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE):
                    raise
                break
            # The store may span file systems.
            if os.fstat(made[0]).st_dev == os.stat(beside).st_dev:
                return made
            os.close(made[0])
            os.unlink(made[1])
            break
        sweep_once(beside)
        return new_file(beside, always=self._always)

    def _made(self) -> tuple[int, str]:
        if not self._is_used:
            make_folder(self._folder, always=self._always)
            sweep(self._folder)
        try:
            made = new_file(self._folder, always=self._always)
        except FileNotFoundError:
            self._is_used = False
            raise
        self._is_used = True
        return made

    def tidy(self) -> None:
        """Remove the files of killed processes; never fails."""
        if os.path.isdir(self._folder):
            sweep(self._folder)
            with suppress(OSError):
                os.rmdir(self._folder)

    def leave(self) -> None:
        """Remove the folder if it is empty."""
        if self._is_used:
            self._is_used = False
            with suppress(OSError):
                os.rmdir(self._folder)
