"""A journal of the folders of a work tree that have unfinished files, so that they are removed after a kill.

A checkout writes weights in their final folder, which may be any folder of a large tree. Before its first file
in a folder it adds the folder to a journal, whose file name identifies the process. The next command in the
work tree finds the files of ended processes by the journals, whose folder is nearly always missing.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Self

from gitmodel.files.safe_open import append_lines
from gitmodel.files.temporary_names import PREFIX, is_abandoned, new_name, sweep


class Unfinished:
    """The folders in which this process is writing weights; use as a context manager.

    Without a folder for `journals` none is written.
    """

    def __init__(self, journals: str | None, root: str) -> None:
        self._path = None if journals is None else os.path.join(journals, new_name())
        self._root = root
        self._noted: set[tuple[str, ...]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._path is not None and self._noted:
            with suppress(OSError):
                os.unlink(self._path)
                os.rmdir(os.path.dirname(self._path))  # not empty while other processes write

    def note(self, folder: tuple[str, ...]) -> None:
        """Add a folder to the journal before a file is made in it."""
        if self._path is None or folder in self._noted:
            return
        self._noted.add(folder)
        with suppress(OSError):  # a full disk, say; the next write reports it
            append_lines(self._path, [os.path.join(self._root, *folder)])


def sweep_unfinished(journals: str | None) -> None:
    """Remove the unfinished files of ended processes; never fails."""
    if journals is None:
        return
    try:
        names = os.listdir(journals)
    except OSError:
        return
    for name in names:
        path = os.path.join(journals, name)
        with suppress(OSError):
            modified = os.stat(path).st_mtime
            if not name.startswith(PREFIX) or not is_abandoned(name, modified=modified):
                continue
            with open(path, encoding="utf-8", errors="surrogateescape") as stream:
                folders = stream.read().split("\n")[:-1]
            for folder in folders:
                sweep(folder)
            os.unlink(path)
    with suppress(OSError):
        os.rmdir(journals)
