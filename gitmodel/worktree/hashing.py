"""Opens and hashes files of the work tree that were listed, and detects changes since then.

Training may write, replace or remove a file at any moment.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.domain.digest import FileHasher
from gitmodel.errors import ChangedWhileReadError, UnsafePathError, WeightsError
from gitmodel.files.file_stat import FileStat
from gitmodel.files.safe_open import folder_handle, open_file
from gitmodel.worktree.records import CachedDigest, now_ns

if TYPE_CHECKING:
    from gitmodel.worktree.scan import Found

_READ = 4 * 2**20  # bytes


def open_listed(root: str, whole: tuple[str, ...], *, follow: bool = False) -> int:
    """Open a listed file by the parts of its path below `root`; returns a descriptor.

    Raises ChangedWhileReadError if it was removed or is no plain file any more, WeightsError if it cannot
    be read.
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
    """Hash an open file from its start, and close it. `name` stands for a model of one file in messages.

    Raises ChangedWhileReadError if it changed since it was listed, or while it was read.
    """
    started = now_ns()
    try:
        before = FileStat.of(os.fstat(descriptor))
        hasher = FileHasher()
        buffer = memoryview(bytearray(min(_READ, before.size + 1)))
        size = 0
        from gitmodel.files.sparse import SparseReader

        reader = SparseReader(descriptor)
        # At most a step beyond its size: a file may grow as fast as it is read.
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
    """Whether an open file has a hole; closes it, and reads none of its bytes.

    Blocks that were allocated and never written count as a hole. Source: lseek(2), SEEK_HOLE.
    """
    try:
        return os.lseek(descriptor, 0, os.SEEK_HOLE) < size
    except OSError:  # an empty file, or a file system that does not report holes
        return False
    finally:
        os.close(descriptor)
