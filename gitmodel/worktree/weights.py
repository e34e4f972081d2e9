"""The files at the path of a model, with their digests or without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest, ListedFile
    from gitmodel.worktree.scan import EntryKind, Found


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights at the path of a model.

    Attributes:
        kind: File, folder, link or nothing.
        digest: Digest of the whole; None if there is nothing, if it is changing, or if it was not hashed.
        size: Total bytes.
        files: Files with their digests, path "" for a single file.
        changing: A file changed while it was hashed.
        damaged: A file has the stat it had when it was hashed, and other bytes: the machine crashed
            before they were on disk.
    """

    kind: EntryKind
    digest: Digest | None = None
    size: int = 0
    files: tuple[ListedFile, ...] = ()
    changing: bool = False
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """The files at a path at one moment, without their digests."""

    path: str
    kind: EntryKind
    files: tuple[Found, ...]
    at_ns: int  # unix nanoseconds, after the scan
    follow: bool

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.stat.size for file in self.files)
