r"""One file of the history index: commits that were walked, and what each did to pointers.

What a commit did is a function of the commit, so a segment is never stale: it can be kept, merged
with others, copied or lost without changing an answer. It holds two things: the ids of the commits,
also of those that touched no pointer, and the changes in 256 *buckets*, so that the changes of one
model are read without the others'. A file belongs to the bucket that CRC-32 of its name (the last
part of its path) says.

Layout, numbers little-endian:

    16 bytes        b"gitmodel walk 1\n"
    1 byte          length of an object id: 20 or 32
    257 times       u64 length of a section, and the first 16 bytes of its BLAKE3
    16 bytes        the first bytes of the BLAKE3 of all before
    257 sections    the ids, sorted; then the buckets, each zlib of six texts a change, NUL between
                    all: commit, path, blob ("" if gone), author, seconds, subject

Guarantee: what is read is what was written, or `DamagedSegmentError` is raised.
"""

from __future__ import annotations

import os
import struct
import sys
import zlib
from itertools import chain
from typing import IO, TYPE_CHECKING, TypeAlias

from gitmodel.domain.digest import digest_of
from gitmodel.git.history.walk import Change

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

_MAGIC = b"gitmodel walk 1\n"
BUCKETS = 256
_FIELDS = 6
CHECK = 16  # bytes of a check; it detects accidental damage only
_ROW = struct.Struct(f"<Q{CHECK}s")
_PATHS_ARE_UTF8 = (sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()) == (
    "utf-8",
    "surrogateescape",
)
_LEVEL = 1  # zlib level; object ids do not compress at any level

Record: TypeAlias = "tuple[bytes, ...]"


class DamagedSegmentError(Exception):
    """A file is not a segment of this repository, or is damaged."""


def bucket_of(file_name: str) -> int:
    """The bucket for changes to files with this name."""
    return zlib.crc32(os.fsencode(file_name)) % BUCKETS


class SegmentBuilder:
    """Collects commits for a new segment."""

    def __init__(self) -> None:
        self.commits: set[str] = set()
        self._buckets: list[list[bytes]] = [[] for _ in range(BUCKETS)]

    def add(self, commit: str, changes: Iterable[Change]) -> None:
        """Add a commit and its changes to pointers."""
        self.commits.add(commit)
        for change in changes:
            bucket = bucket_of(change.path.rpartition("/")[2])
            self._buckets[bucket].append(b"\0".join(_fields(change)))

    def to_bytes(
        self, merged: Sequence[Segment], reachable: Container[str], *, oid_length: int
    ) -> bytes:
        """The segment with these commits and the reachable commits of other segments.

        Raises DamagedSegmentError if one of the other segments is damaged.
        """
        for other in merged:
            self.commits.update(oid for oid in other.commits() if oid in reachable)
        sections = [bytes.fromhex("".join(sorted(self.commits)))]
        for number, bucket in enumerate(self._buckets):
            others = chain.from_iterable(other.records(number) for other in merged)
            kept = (b"\0".join(r) for r in others if r[0].decode() in reachable)
            # Two processes may have written the same commit.
            data = b"\0".join(dict.fromkeys([*bucket, *kept]))
            sections.append(zlib.compress(data, _LEVEL) if data else b"")
        return sectioned(_MAGIC, sections, oid_length=oid_length)


def sectioned(magic: bytes, sections: Sequence[bytes], *, oid_length: int) -> bytes:
    """A file of sections: magic bytes, length of an object id, a table of the sections, and these."""
    head = magic + bytes([oid_length])
    head += b"".join(_ROW.pack(len(section), check_of(section)) for section in sections)
    return b"".join((head, check_of(head), *sections))


class SectionedFile:
    """A file that `sectioned` made, open for reading; its first section has object ids.

    Raises DamagedSegmentError if the file is not one with these magic bytes and this number of sections.
    """

    __slots__ = ("_oid_length", "_stream", "_table", "name")

    def __init__(
        self, stream: IO[bytes], name: str, magic: bytes, sections: int, *, oid_length: int
    ) -> None:
        self.name = name
        self._oid_length = oid_length
        self._stream = stream
        size = len(magic) + 1 + sections * _ROW.size + CHECK
        head = stream.read(size)
        body, check = head[:-CHECK], head[-CHECK:]
        if len(head) != size or check != check_of(body):
            raise DamagedSegmentError(name)
        if not body.startswith(magic + bytes([oid_length])):
            raise DamagedSegmentError(name)
        self._table: list[tuple[int, int, bytes]] = []
        start = size
        for length, section_check in _ROW.iter_unpack(body[len(magic) + 1 :]):
            self._table.append((start, length, section_check))
            start += length

    @property
    def count(self) -> int:
        """The number of object ids."""
        return self._table[0][1] // self._oid_length

    def _section(self, number: int) -> bytes:
        start, length, check = self._table[number]
        try:
            self._stream.seek(start)
            section = self._stream.read(length)
        except OSError as error:
            raise DamagedSegmentError(self.name) from error
        if len(section) != length or check_of(section) != check:
            raise DamagedSegmentError(self.name)
        return section

    def close(self) -> None:
        """Close the file; idempotent."""
        self._stream.close()


class Segment(SectionedFile):
    """A segment open for reading; close it. Raises DamagedSegmentError if the file is not one.

    The stream is kept open so that it stays readable if another process removes the file. An object id has
    `oid_length` bytes, and `count` is the number of commits.
    """

    __slots__ = ()

    def __init__(self, stream: IO[bytes], name: str, *, oid_length: int) -> None:
        super().__init__(stream, name, _MAGIC, 1 + BUCKETS, oid_length=oid_length)

    def commits(self) -> list[str]:
        """The ids of its commits. Raises DamagedSegmentError."""
        return split_ids(self._section(0), self._oid_length)

    def records(self, bucket: int) -> list[Record]:
        """The changes in one bucket, each as six fields. Raises DamagedSegmentError."""
        section = self._section(1 + bucket)
        if not section:
            return []
        fields = iter(zlib.decompress(section).split(b"\0"))
        return list(zip(*[fields] * _FIELDS, strict=True))

    def changes(self, bucket: int) -> list[Change]:
        """The changes in one bucket, as `change_of` reads them. Raises DamagedSegmentError."""
        if not _PATHS_ARE_UTF8:
            return [change_of(record) for record in self.records(bucket)]
        section = self._section(1 + bucket)
        if not section:
            return []
        # All at once takes half the time, for 100,000 changes a quarter of a second.
        fields = iter(zlib.decompress(section).decode("utf-8", "surrogateescape").split("\0"))
        return [
            Change(commit, path, oid or None, author, int(when), subject)
            for commit, path, oid, author, when, subject in zip(*[fields] * _FIELDS, strict=True)
        ]


def change_of(record: Record) -> Change:
    """The change stored in a record."""
    commit, path, oid, author, when, subject = record
    return Change(
        commit=commit.decode(),
        path=os.fsdecode(path),
        oid=oid.decode() or None,
        author=author.decode(),
        when=int(when),
        subject=subject.decode(),
    )


def split_ids(data: bytes, oid_length: int) -> list[str]:
    """The object ids in concatenated bytes."""
    text, length = data.hex(), 2 * oid_length
    return [text[start : start + length] for start in range(0, len(text), length)]


def _fields(change: Change) -> Record:
    return (
        change.commit.encode(),
        os.fsencode(change.path),
        (change.oid or "").encode(),
        change.author.encode(),
        b"%d" % change.when,
        change.subject.encode(),
    )


def check_of(data: bytes | memoryview) -> bytes:
    """The first bytes of the BLAKE3 hash of data."""
    return digest_of(data).raw[:CHECK]
