"""The part of a stat by which a file counts as unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import os


class FileStat(NamedTuple):
    """Size, times and identity of a file; all must stay equal for it to count as unchanged."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileStat:
        """Take it from the result of stat(2)."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
