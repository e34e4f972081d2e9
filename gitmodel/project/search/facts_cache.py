"""The facts of pointers, cached by blob id in `<common folder>/gitmodel/facts/1`.

Parsing 100,000 pointers takes 8 s, reading their facts from the cache less than one. There are no locks: a segment
is created by rename under a unique name and never changed. It is removed after it was merged into another one, if it
is damaged, or if another version of gitmodel wrote it. The folder may be deleted at any time.

Guarantee: the facts are those of `Pointer.from_text`. Files that cannot be read or written are treated as missing.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.files.safe_open import replace_file
from gitmodel.git.history.segment import DamagedSegmentError
from gitmodel.project.search.facts import PointerFacts
from gitmodel.project.search.facts_segment import FactsSegment, to_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gitmodel.git.repository import Repository

# The last part is the format version; other versions have their own folder.
_FOLDER = ("gitmodel", "facts", "1")
_SUFFIX = ".facts"
SEGMENT_ROWS = 2**15  # a segment of as many is not merged into another: that would take memory
_WORTH_KEEPING = 256  # pointers; parsing as many takes 20 ms


class FactsCache:
    """The cached facts of one repository; `worth_keeping` new pointers are worth a segment."""

    def __init__(self, repository: Repository, *, worth_keeping: int = _WORTH_KEEPING) -> None:
        self._path = os.path.join(repository.common_dir, *_FOLDER)
        self._oid_length = 32 if repository.object_format == "sha256" else 20
        self._worth_keeping = worth_keeping

    def read(self, fields: Collection[str]) -> dict[str, PointerFacts | None]:
        """All cached facts by blob id, with these fields; None for a blob that is no pointer."""
        found: dict[str, PointerFacts | None] = {}
        for name in self._names():
            with suppress(OSError):
                try:
                    found |= self._rows(name, fields)
                except DamagedSegmentError:
                    self._remove(name)
        return found

    def write(self, new: Mapping[str, PointerFacts | None], wanted: Collection[str]) -> bool:
        """Cache facts if they are many; merges small segments, without the blobs that are not wanted.

        Returns whether they were written.
        """
        if len(new) < self._worth_keeping:
            return False
        rows = dict(new)
        merged = []
        for count, name in sorted(self._sizes()):
            # What is left is more than twice as large as all smaller ones together.
            if count > 2 * len(rows) or count >= SEGMENT_ROWS:
                break
            with suppress(OSError, DamagedSegmentError):
                old = self._rows(name, PointerFacts._fields)
                rows |= {oid: facts for oid, facts in old.items() if oid in wanted}
            merged.append(name)
        data = to_bytes(rows, oid_length=self._oid_length)
        try:
            replace_file(os.path.join(self._path, f"{os.urandom(16).hex()}{_SUFFIX}"), data)
        except OSError:  # a full disk or a read-only repository
            return False
        for name in merged:
            self._remove(name)
        return True

    def _rows(self, name: str, fields: Collection[str]) -> dict[str, PointerFacts | None]:
        with open(os.path.join(self._path, name), "rb") as stream:
            return FactsSegment(stream, name, oid_length=self._oid_length).rows(fields)

    def _sizes(self) -> list[tuple[int, str]]:
        """The number of blobs and the name of each segment."""
        found = []
        for name in self._names():
            with (
                suppress(OSError, DamagedSegmentError),
                open(os.path.join(self._path, name), "rb") as stream,
            ):
                segment = FactsSegment(stream, name, oid_length=self._oid_length)
                found.append((segment.count, name))
        return found

    def _names(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._path) if name.endswith(_SUFFIX)]
        except OSError:
            return []

    def _remove(self, name: str) -> None:
        with suppress(OSError):
            os.unlink(os.path.join(self._path, name))
