"""Reads files below a folder of a stranger, within bounds.

Guarantee: no link is followed, only plain files are opened, and bytes, entries, depth and time are bounded.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.errors import TextError, TrackerError, UnsafePathError, WeightsError
from gitmodel.files.safe_open import folder_handle, open_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

_MAX_SECONDS = 30
_MAX_BYTES = 1 << 30  # 1 GiB in one call
_MAX_ENTRIES = 500_000  # in one call
_MAX_DEPTH = 126  # of the key `a/a/...` of 250 characters, which MLflow permits
_BLOCK = 1 << 20
_HINT = "record the metrics of this version from a file"


class Found(NamedTuple):
    """One entry of a tree.

    Attributes:
        key: Path below the folder.
        handle: Open folder that contains it.
        name: Its name there.
        plain: Whether it is a plain file; otherwise it is a link, a pipe or a folder too deep.
    """

    key: str
    handle: int
    name: str
    plain: bool


class FolderReader:
    """Reads below one folder during one call.

    Args:
        root: The folder.
        where: What it is, the beginning of every message.
    """

    def __init__(self, root: str, where: str) -> None:
        self._root = root
        self._where = where
        self._end = time.monotonic() + _MAX_SECONDS
        self._bytes = _MAX_BYTES
        self._entries = _MAX_ENTRIES

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Raise what goes wrong below the folder as an error of the tracker.

        Raises:
            TrackerError: The folder cannot be read.
        """
        try:
            yield
        except (UnsafePathError, WeightsError, TextError) as error:
            raise TrackerError(f"{self._where}: {error.message}", hint=error.hint) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not a valid path"
            raise TrackerError(
                f"{self._where} cannot be read: {reason}", hint="check the address of the store"
            ) from error

    def folder(self, *parts: str) -> AbstractContextManager[int]:
        """Open a folder below the root."""
        return folder_handle(self._root, parts)

    def folders(self, *parts: str) -> list[str]:
        """Names of the folders in a folder, in order; none if it is missing."""
        with suppress(FileNotFoundError), folder_handle(self._root, parts) as handle:
            return [name for name, kind in self._scan(handle) if kind == "folder"]
        return []

    def read(self, handle: int, name: str, limit: int) -> bytes | None:
        """Read a whole file; None if it is missing, or longer than `limit` bytes."""
        pieces, length = [], 0
        with suppress(FileNotFoundError):
            for block in self.blocks(handle, name):
                length += len(block)
                if length > limit:
                    return None
                pieces.append(block)
            return b"".join(pieces)
        return None

    def blocks(self, handle: int, name: str) -> Iterator[bytes]:
        """Read a file in blocks.

        Raises:
            FileNotFoundError: It is missing.
        """
        descriptor = open_file(handle, name)
        try:
            while block := os.read(descriptor, _BLOCK):
                self._bytes -= len(block)
                self._check()
                yield block
        finally:
            os.close(descriptor)

    def tree(self, parts: Sequence[str]) -> Iterator[Found]:
        """All files below a folder, sorted in each folder; none if the folder is missing."""
        with suppress(FileNotFoundError), folder_handle(self._root, parts) as handle:
            yield from self._tree(handle, "", 1)

    def _tree(self, handle: int, prefix: str, depth: int) -> Iterator[Found]:
        for name, kind in self._scan(handle):
            key = prefix + name
            if kind != "folder" or depth >= _MAX_DEPTH:
                yield Found(key, handle, name, kind == "file")
                continue
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            below = os.open(name, flags, dir_fd=handle)
            try:
                yield from self._tree(below, f"{key}/", depth + 1)
            finally:
                os.close(below)

    def _scan(self, handle: int) -> list[tuple[str, str]]:
        """Names and kinds in a folder, sorted by name."""
        found = []
        with os.scandir(handle) as entries:
            for entry in entries:
                self._entries -= 1
                self._check()
                kind = "other"
                if entry.is_dir(follow_symlinks=False):
                    kind = "folder"
                elif entry.is_file(follow_symlinks=False):
                    kind = "file"
                found.append((entry.name, kind))
        return sorted(found)

    def _check(self) -> None:
        if time.monotonic() > self._end:
            raise TrackerError(
                f"reading {self._where} takes more than {_MAX_SECONDS} seconds", hint=_HINT
            )
        if self._bytes < 0 or self._entries < 0:
            raise TrackerError(f"{self._where} is too large to be read", hint=_HINT)
