"""The folder of the history index: `<common folder>/gitmodel/history/1`.

    *.walk    the segments
    order     what the tips of all refs reached when they were last read, newest first

There are no locks. A segment is created by rename under a unique name, and never changed. It is removed after
it was merged into a larger one, if it is damaged, or if it contains nothing that others lack. The order file is
replaced by rename. The folder may be deleted at any time.

Guarantee: files that cannot be read or written are treated as missing, without an error.
"""

from __future__ import annotations

import io
import os
from contextlib import ExitStack, suppress
from typing import IO, TYPE_CHECKING

from gitmodel.files.safe_open import replace_file
from gitmodel.git.history.segment import CHECK, Segment, check_of, split_ids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.git.history.segment import SegmentBuilder
    from gitmodel.git.repository import Repository

# The last part is the format version; other versions have their own folder.
_FOLDER = ("gitmodel", "history", "1")
_SUFFIX = ".walk"
_ORDER = "order"
_ORDER_MAGIC = b"gitmodel order 1"


class SegmentFolder:
    """The files of one repository's index."""

    def __init__(self, repository: Repository) -> None:
        self._path = os.path.join(repository.common_dir, *_FOLDER)
        self._oid_length = 32 if repository.object_format == "sha256" else 20

    def segments(self, ranks: Mapping[str, int]) -> tuple[list[Segment], list[str]]:
        """Open all segments, largest first; returns them and the loose commits, newest first.

        A segment without a reachable commit of its own is removed. Raises DamagedSegmentError if one is
        damaged.
        """
        useful: list[Segment] = []
        loose = set(ranks)
        with ExitStack() as stack:
            for segment in self._all(stack):
                before = len(loose)
                loose.difference_update(segment.commits())
                if len(loose) < before:
                    useful.append(segment)
                else:
                    segment.close()
                    self.remove(segment.name)
            stack.pop_all()
        return useful, [oid for oid in ranks if oid in loose] if loose else []

    def _all(self, stack: ExitStack) -> list[Segment]:
        found = []
        for name in self._names():
            stream = self._opened(name)
            if stream is not None:
                stack.enter_context(stream)
                found.append(Segment(stream, name, oid_length=self._oid_length))
        return sorted(found, key=lambda segment: (-segment.count, segment.name))

    def _names(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._path) if name.endswith(_SUFFIX)]
        except OSError:
            return []

    def _opened(self, name: str) -> IO[bytes] | None:
        """The file, None if another process has just merged it into a larger one."""
        try:
            return open(os.path.join(self._path, name), "rb")
        except OSError:
            return None

    def write(
        self, builder: SegmentBuilder, merged: Sequence[Segment], ranks: Mapping[str, int]
    ) -> Segment:
        """Write a segment, and remove those merged into it. Raises DamagedSegmentError if one is damaged."""
        data = builder.to_bytes(merged, ranks, oid_length=self._oid_length)
        name = f"{os.urandom(16).hex()}{_SUFFIX}"
        with suppress(OSError):  # a full disk or a read-only repository
            replace_file(os.path.join(self._path, name), data)
            for other in merged:
                self.remove(other.name)
        return Segment(io.BytesIO(data), name, oid_length=self._oid_length)

    def read_order(self, tips: bytes) -> list[str] | None:
        """The commits stored for exactly these tips, None if there are none."""
        try:
            with open(os.path.join(self._path, _ORDER), "rb") as stream:
                data = stream.read()
        except OSError:
            return None
        size = len(_ORDER_MAGIC) + 2 * CHECK
        body = data[size:]
        if data[:size] != self._order_head(tips, body):
            return None
        return split_ids(body, self._oid_length)

    def write_order(self, tips: bytes, commits: Sequence[str]) -> None:
        """Store the commits that these tips reach."""
        body = bytes.fromhex("".join(commits))
        with suppress(OSError):
            replace_file(os.path.join(self._path, _ORDER), self._order_head(tips, body) + body)

    def _order_head(self, tips: bytes, body: bytes) -> bytes:
        return _ORDER_MAGIC + check_of(tips) + check_of(body)

    def remove(self, name: str) -> None:
        """Remove a segment; errors are ignored."""
        with suppress(OSError):
            os.unlink(os.path.join(self._path, name))
