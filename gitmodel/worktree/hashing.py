"""Files of the work tree that were listed are opened and hashed, or found to have changed since.

Somebody may write, replace or remove them at any moment: training does.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.domain.digest import FileHasher
from gitmodel.errors import ChangedWhileReadError, UnsafePathError, WeightsError
from gitmodel.files.file_stat import FileStat
from gitmodel.files.safe_open import folder_handle, open_file
from gitmodel.files.sparse import SparseReader
from gitmodel.worktree.records import CachedDigest, now_ns

if TYPE_CHECKING:
    from gitmodel.worktree.scan import Found

_READ = 4 * 2**20  # bytes


def open_listed(root: str, whole: tuple[str, ...], *, follow: bool = False) -> int:
    """Open a file that was a plain one when it was listed; returns a descriptor.

    Args:
        root: The top of the work tree.
        whole: Parts of its path.
        follow: Links are followed.

    Raises:
        ChangedWhileReadError: It is gone, or something else now.
        WeightsError: It cannot be read.
    """
    try:
        if follow:
            return os.open(os.path.join(root, *whole), os.O_RDONLY | os.O_CLOEXEC)
        with folder_handle(root, whole[:-1]) as handle:
            return open_file(handle, whole[-1])
    except (FileNotFoundError, WeightsError, UnsafePathError) as error:
        full = os.path.join(root, *whole)
        if os.path.isfile(full) and not os.path.islink(full):
            raise
        raise ChangedWhileReadError(
            f"{'/'.join(whole)} was removed while it was read", hint="gitmodel status"
        ) from error


def hash_listed(descriptor: int, file: Found, name: str) -> CachedDigest:
    """Read an open file to its end, and close it.

    Args:
        descriptor: Of the file, just opened.
        file: As it was listed.
        name: What a model of one file is called in messages.

    Raises:
        ChangedWhileReadError: It changed since it was listed, or while it was read.
    """
    started = now_ns()
    try:
        before = FileStat.of(os.fstat(descriptor))
        hasher = FileHasher()
        buffer = memoryview(bytearray(min(_READ, before.size + 1)))
        size = 0
        reader = SparseReader(descriptor)
        # No further than a step beyond its size: a file may grow as fast as it is read.
        while size <= before.size and (count := reader.read_into(buffer)):
            hasher.update(buffer[:count])
            size += count
        after = FileStat.of(os.fstat(descriptor))
    finally:
        os.close(descriptor)
    if before != after or size != after.size or after != file.stat:
        raise ChangedWhileReadError(
            f"{file.path or name} changed while it was read",
            hint="wait until training has finished writing, then run the same command again",
        )
    return CachedDigest(after, started, hasher.result())


def has_hole(descriptor: int, size: int) -> bool:
    """Whether a part of an open file is not on the disk, and close it; costs no look at its bytes.

    What was reserved for it and never written counts as a hole. Source: lseek(2), SEEK_HOLE.
    """
    try:
        return os.lseek(descriptor, 0, os.SEEK_HOLE) < size
    except OSError:  # an empty file, or a file system that does not say
        return False
    finally:
        os.close(descriptor)
