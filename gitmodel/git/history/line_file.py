r"""The on-disk index of one first-parent line: its commits, their times, and what they did to gitmodel's files.

Layout, numbers little-endian, commits numbered from the oldest, 0:

    16 bytes        b"gitmodel line 2\n"
    1 byte          length of an object id: 20 or 32
    16 bytes        the first bytes of the BLAKE3 of all that follows
    259 times       u64 length of a section
    259 sections    the ids of the commits; their times, u64 Unix seconds each; the changes of alias files; the
                    other changes in 256 buckets, by the CRC-32 of the stem of the file's name

A section of changes is zlib of 13 texts a change, newest first, NUL between all: number of the commit, path, blob
("" if gone), committer time, author time, author, subject, "merge" or "", committer; then commit, author, author
time and subject of its origin, all "" if that is the commit itself.

Guarantee: a `StoredLine` has what was written; other bytes raise `DamagedSegmentError`.
"""

from __future__ import annotations

import os
import struct
import sys
import zlib
from array import array
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

from gitmodel.git.history.line_log import (
    ALIASES,
    SUFFIXES,
    LineChange,
    LineRecord,
    Origin,
)
from gitmodel.git.history.segment import CHECK, DamagedSegmentError, check_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MAGIC = b"gitmodel line 2\n"
_BUCKETS = 256
_IDS, _TIMES, _ALIASES, _FIRST_BUCKET = range(4)
_SECTIONS = _FIRST_BUCKET + _BUCKETS
_LENGTHS = struct.Struct(f"<{_SECTIONS}Q")
_START = len(_MAGIC) + 1 + CHECK
_FIELDS = 13
_LEVEL = 1  # zlib level; object ids do not compress at any level


def stem_of(path: str) -> str:
    """The name of a file without the endings of gitmodel: `fraud` for `models/fraud.model.yaml`.

    An alias file keeps its alias: `fraud.production`.
    """
    name = path.rpartition("/")[2]
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


class StoredLine:
    """A line as it was stored. Raises DamagedSegmentError if the bytes are not whole."""

    def __init__(self, data: bytes, *, oid_length: int) -> None:
        expected = _MAGIC + bytes([oid_length])
        view = memoryview(data)
        first = _START + _LENGTHS.size
        if len(data) < first or view[:_START] != expected + check_of(view[_START:]):
            raise DamagedSegmentError
        self._data = view
        self._oid_length = oid_length
        lengths = _LENGTHS.unpack_from(data, _START)
        self._starts = list(accumulate(lengths, initial=first))
        self._ids = bytes(self._section(_IDS))
        self._times = _unpacked(self._section(_TIMES))
        self.count = len(self._ids) // oid_length
        if len(self._times) != self.count or not self.count:
            raise DamagedSegmentError

    @property
    def tip(self) -> str:
        """The newest commit."""
        return self.commit(self.count - 1)

    def commit(self, number: int) -> str:
        """The id of a commit."""
        return self._ids[number * self._oid_length : (number + 1) * self._oid_length].hex()

    def time(self, number: int) -> int:
        """The time of a commit, by the clock of the line."""
        return self._times[number]

    def find(self, commit: str) -> int | None:
        """The number of a commit, None if the line does not have it."""
        wanted, at = bytes.fromhex(commit), -1
        while (at := self._ids.find(wanted, at + 1)) >= 0:
            if at % self._oid_length == 0:
                return at // self._oid_length
        return None

    def aliases(self, count: int) -> list[LineRecord]:
        """The changes that the oldest `count` commits made to alias files, newest first."""
        return self._records(_ALIASES, count)

    def of_stem(self, stem: str, count: int) -> list[LineRecord]:
        """As `aliases`, to the other files with a stem."""
        start = os.fsencode(f"{stem}.")
        return [
            record
            for fields in self.fields(_FIRST_BUCKET + _bucket(stem), count)
            if fields[1].rpartition(b"/")[2].startswith(start)
            and stem_of((record := self._record(fields)).change.path) == stem
        ]

    def all(self, least: int, count: int) -> list[LineRecord]:
        """As `aliases`, to all files, without those of the oldest `least` commits."""
        found = [
            self._record(fields)
            for section in range(_ALIASES, _SECTIONS)
            for fields in self.fields(section, count, least=least)
        ]
        return sorted(found, key=lambda record: -record.number)

    def first_at(self, time: int, count: int) -> int:
        """The number of the first of the oldest `count` commits with this time or a later one; else `count`."""
        return bisect_left(self._times, time, hi=count)

    def fields(self, section: int, count: int, *, least: int = 0) -> list[tuple[bytes, ...]]:
        """The changes in one section that commits from `least` to before `count` made, as they are stored."""
        packed = self._section(section)
        if not packed:
            return []
        fields = iter(zlib.decompress(packed).split(b"\0"))
        records = list(zip(*[fields] * _FIELDS, strict=True))
        if least or count < self.count:
            records = [one for one in records if least <= int(one[0]) < count]
        return records

    def ids_and_times(self, count: int) -> tuple[bytes, array[int]]:
        """The sections of the oldest `count` commits."""
        return self._ids[: count * self._oid_length], self._times[:count]

    def _records(self, section: int, count: int) -> list[LineRecord]:
        return [self._record(fields) for fields in self.fields(section, count)]

    def _record(self, fields: tuple[bytes, ...]) -> LineRecord:
        number, path, oid, committed, when, author, subject, merge, committer, *origin = fields
        change = LineChange(
            commit=self.commit(int(number)),
            path=os.fsdecode(path),
            oid=oid.decode() or None,
            committed=int(committed),
            when=int(when),
            author=author.decode(),
            subject=subject.decode(),
            is_merge=bool(merge),
            committer=committer.decode(),
        )
        itself = Origin(change.commit, change.author, change.when, change.subject)
        by, who, since, about = origin
        brought = Origin(by.decode(), who.decode(), int(since or b"0"), about.decode())
        return LineRecord(change, int(number), self._times[int(number)], brought if by else itself)

    def _section(self, number: int) -> memoryview:
        return self._data[self._starts[number] : self._starts[number + 1]]


def packed_line(
    base: StoredLine | None,
    kept: int,
    line: Sequence[str],
    times: Mapping[str, int],
    records: Iterable[LineRecord],
    *,
    oid_length: int,
) -> bytes:
    """The file of the oldest `kept` commits of a stored line and of those above it.

    `line` has the commits above, newest first, with their times and changes.
    """
    ids, known = (b"", array("Q")) if base is None else base.ids_and_times(kept)
    above = list(reversed(line))
    known.extend(times[commit] for commit in above)
    sections = [b""] * _SECTIONS
    sections[_IDS] = ids + bytes.fromhex("".join(above))
    sections[_TIMES] = _little(known).tobytes()
    fresh: dict[int, list[bytes]] = {}
    for record in records:
        path = record.change.path
        section = _ALIASES if path.endswith(ALIASES) else _FIRST_BUCKET + _bucket(stem_of(path))
        fields = _fields(record)
        fresh.setdefault(section, []).append(b"\0".join(fields))
    for section in range(_ALIASES, _SECTIONS):
        old = [] if base is None else base.fields(section, kept)
        data = b"\0".join([*fresh.get(section, ()), *(b"\0".join(fields) for fields in old)])
        sections[section] = zlib.compress(data, _LEVEL) if data else b""
    body = b"".join((_LENGTHS.pack(*map(len, sections)), *sections))
    return _MAGIC + bytes([oid_length]) + check_of(body) + body


def _fields(record: LineRecord) -> tuple[bytes, ...]:
    change, number, _, origin = record
    by: tuple[bytes, ...] = (b"", b"", b"", b"")
    if origin.commit != change.commit:
        by = (
            origin.commit.encode(),
            origin.author.encode(),
            b"%d" % origin.when,
            origin.subject.encode(),
        )
    return (
        b"%d" % number,
        os.fsencode(change.path),
        (change.oid or "").encode(),
        b"%d" % change.committed,
        b"%d" % change.when,
        change.author.encode(),
        change.subject.encode(),
        b"merge" if change.is_merge else b"",
        change.committer.encode(),
        *by,
    )


def _bucket(stem: str) -> int:
    return zlib.crc32(os.fsencode(stem)) % _BUCKETS


def _unpacked(section: memoryview) -> array[int]:
    times = array("Q")
    if len(section) % times.itemsize:
        raise DamagedSegmentError
    times.frombytes(section)
    return _little(times)


def _little(times: array[int]) -> array[int]:
    if sys.byteorder == "big":
        times = times[:]
        times.byteswap()
    return times
