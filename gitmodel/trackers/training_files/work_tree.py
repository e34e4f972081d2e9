"""Opens the files that lie around weights in a work tree: bounded, and never through a link.

A training may have ended long before its weights are registered, and another one may have written to the
same folder since. `require_same_training` compares modification times for that.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal

from gitmodel.domain.metrics import MAX_FILE_BYTES
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import TrackerError, UnsafePathError, WeightsError
from gitmodel.files.safe_open import folder_handle, open_file
from gitmodel.formats.weight_files import has_name

if TYPE_CHECKING:
    from collections.abc import Mapping

Parts = tuple[str, ...]  # a path below the root, from `safe_parts`

# Weights may be saved after the last metrics of their training, or copied after them.
TOLERANCE_SECONDS: Final = 600
_MAX_ENTRIES = 10_000  # of a folder that is searched for weights


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that was read.

    Attributes:
        path: Below the root, for messages.
        raw: Its bytes.
        modified: Seconds since 1970.
    """

    path: str
    raw: bytes
    modified: float


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights whose training is looked for.

    Attributes:
        parts: Their path.
        folder: The folder they are in, or they themselves if they are a folder.
        is_folder: Whether they are one.
        modified: When the newest of them was written, seconds since 1970; None if no file has the name
            of weights.
    """

    parts: Parts
    folder: Parts
    is_folder: bool
    modified: float | None

    @property
    def name(self) -> str:
        """Their last part."""
        return self.parts[-1]


@dataclass(slots=True)
class WorkTree:
    """A work tree; `notes` collects the files that were not read, and why."""

    root: str
    notes: list[str] = field(default_factory=list)

    def read(self, parts: Parts, *, limit: int = MAX_FILE_BYTES) -> FoundFile | None:
        """Read a file; None if it does not exist, or with a note if it cannot be read."""
        found = self.head(parts, limit + 1)
        if found is not None and len(found.raw) > limit:
            self.notes.append(
                f"{quote_text(found.path, limit=200)} was not read: it has more than"
                f" {limit >> 20} MiB"
            )
            return None
        return found

    def head(self, parts: Parts, count: int) -> FoundFile | None:
        """Read the first bytes of a file, as `read` does."""
        path = "/".join(parts)
        try:
            with folder_handle(self.root, parts[:-1]) as handle:
                descriptor = open_file(handle, parts[-1])
            with os.fdopen(descriptor, "rb") as stream:
                modified = os.fstat(descriptor).st_mtime
                return FoundFile(path, stream.read(count), modified)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (UnsafePathError, WeightsError) as error:
            reason = error.message
        except OSError as error:
            reason = error.strerror or "the system refuses it"
        self.notes.append(f"{quote_text(path, limit=200)} was not read: {reason}")
        return None

    def weights(self, parts: Parts) -> Weights | None:
        """Look at weights; None if they do not exist or are a link."""
        kind, modified = self._look(parts)
        if kind == "file":
            return Weights(parts, parts[:-1], is_folder=False, modified=modified)
        if kind == "folder":
            times = self.weight_files(parts).values()
            return Weights(parts, parts, is_folder=True, modified=max(times, default=None))
        return None

    def weight_files(self, parts: Parts) -> Mapping[str, float]:
        """Names of files in a folder that have the name of weights, and when they were written."""
        try:
            with folder_handle(self.root, parts) as handle, os.scandir(handle) as entries:
                return {
                    entry.name: entry.stat(follow_symlinks=False).st_mtime
                    for entry in islice(entries, _MAX_ENTRIES)
                    if has_name(entry.name) and entry.is_file(follow_symlinks=False)
                }
        except (OSError, UnsafePathError):
            return {}

    def _look(self, parts: Parts) -> tuple[Literal["file", "folder"] | None, float]:
        try:
            with folder_handle(self.root, parts[:-1]) as handle:
                status = os.stat(parts[-1], dir_fd=handle, follow_symlinks=False)
        except (OSError, UnsafePathError):
            return None, 0.0
        if stat.S_ISREG(status.st_mode):
            return "file", status.st_mtime
        return ("folder" if stat.S_ISDIR(status.st_mode) else None), status.st_mtime


def require_same_training(found: FoundFile, weights: Weights) -> None:
    """Check that a file is not much older than the weights, as one of an earlier training is.

    Raises:
        TrackerError: It is.
    """
    if is_stale(found, weights):
        raise TrackerError(
            f"{quote_text(found.path, limit=200)} was written more than"
            f" {TOLERANCE_SECONDS // 60} minutes before the weights, so it may describe others"
        )


def is_stale(found: FoundFile, weights: Weights) -> bool:
    """Whether a file was written long before the weights."""
    return weights.modified is not None and found.modified < weights.modified - TOLERANCE_SECONDS
