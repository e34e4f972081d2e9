"""What must stay the same for a file to count as unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import os


class FileStat(NamedTuple):
    """What must stay the same for a file to count as unchanged."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileStat:
        """From what stat(2) says."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
