"""Members of a zip archive, by name: their bytes within a bound, or a reader of one that is not compressed.

Guarantee: an archive with two members of one name, or one with two headers that differ, raises ValueError;
decompression ends at the bound, whatever the archive says about sizes.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from gitmodel.formats.header import HeaderReader, UnrecognizedFormatError
from gitmodel.formats.zip_directory import DEFLATED, STORED, data_offset, read_directory

if TYPE_CHECKING:
    from collections.abc import Iterable


class ZipMembers:
    """Reads members of one archive. Raises ValueError, also later, if it is none."""

    def __init__(self, source: HeaderReader) -> None:
        self._source = source
        self.directory = read_directory(source)
        found = self.directory.entries
        self._members = {entry.name.decode("utf-8", "backslashreplace"): entry for entry in found}
        if len(self._members) != len(found):
            raise UnrecognizedFormatError("two members have one name")

    @property
    def names(self) -> Iterable[str]:
        """Names of all members, in the order of the directory."""
        return self._members.keys()

    def read(self, name: str, limit: int) -> bytes:
        """Return the bytes of a member, if they are at most `limit`.

        Raises LookupError without such a member, ValueError if it is larger, damaged, or compressed in
        another way than by deflate.
        """
        entry = self._members[name]
        raw = self._source.take(data_offset(self._source, entry), min(entry.size, limit + 1))
        if entry.method == DEFLATED:
            unpacking = zlib.decompressobj(-15)
            try:
                raw = unpacking.decompress(raw, limit + 1)
            except zlib.error as error:
                raise UnrecognizedFormatError("a member is damaged") from error
        elif entry.method != STORED:
            raise UnrecognizedFormatError("a member is compressed in an unknown way")
        if len(raw) > limit:
            raise UnrecognizedFormatError("a member is too large")
        return raw

    def reader(self, name: str) -> HeaderReader | None:
        """Return a reader of a member's bytes; None if they are compressed.

        Raises LookupError without such a member.
        """
        entry = self._members[name]
        if entry.method != STORED:
            return None
        begin = data_offset(self._source, entry)
        self._source.take(begin, 0)
        end = min(begin + entry.size, self._source.size)

        def read(offset: int, count: int) -> bytes:
            start = min(begin + offset, end)
            return self._source.take(start, min(count, end - start))

        return HeaderReader(read, entry.size)
