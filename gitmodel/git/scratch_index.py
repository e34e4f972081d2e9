"""A temporary index beside Git's own, to find out what a command is about to stage.

Each process has its own folder below the git folder and holds a lock in it. The next process removes folders of
killed processes, whose lock is free.

Guarantee: Git's own index is not changed, and a folder in use is never removed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from gitmodel.git.index import Index

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gitmodel.git.repository import Repository

_FOLDER = os.path.join("gitmodel", "scratch-index")  # in the git folder of the work tree
_LOCK = "lock"


@contextmanager
def scratch_index(repository: Repository, paths: Sequence[str]) -> Iterator[Index]:
    """An index of these files as they are in the work tree, as `git add` would create it.

    Paths that do not exist are not in it. One process. Raises GitCommandError if a file cannot be staged,
    OSError if the git folder cannot be written.
    """
    above = os.path.join(repository.git_dir, _FOLDER)
    os.makedirs(above, exist_ok=True)
    folder = os.path.join(above, f"{os.getpid()}-{os.urandom(4).hex()}")
    with _locked(os.path.join(above, _LOCK)):
        _remove_abandoned(above)
        os.mkdir(folder, 0o700)
        held = _open_lock(os.path.join(folder, _LOCK))
        _lock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        index = Index(repository, {"GIT_INDEX_FILE": os.path.join(folder, "index")})
        index.stage(paths)
        yield index
    finally:
        os.close(held)
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(above: str) -> None:
    """Remove the folders that no process has locked."""
    with os.scandir(above) as entries:
        folders = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    for folder in folders:
        with suppress(OSError):
            held = _open_lock(os.path.join(folder, _LOCK))
            try:
                if _lock(held, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(held)


@contextmanager
def _locked(path: str) -> Iterator[None]:
    descriptor = _open_lock(path)
    try:
        _lock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open_lock(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _lock(descriptor: int, how: int) -> bool:
    """Whether the lock was acquired; False on a file system without locks."""
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        return False
    return True
