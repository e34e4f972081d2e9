r"""One file of cached facts: what pointers say, by blob id, in columns.

The facts of a blob never change, so a segment is never stale: it can be merged with others or lost without changing
a result. A row without a name is a blob that is no pointer. Facts are read by column, because a search needs few.

Layout, numbers little-endian:

    line            b"gitmodel facts 1 VERSION\n", the version of gitmodel that parsed the pointers
    1 byte          length of an object id: 20 or 32
    15 times        u64 length of a section, and the first 16 bytes of its BLAKE3
    16 bytes        the first bytes of the BLAKE3 of all before
    15 sections     the blob ids; the digests, 32 bytes each; then a column for each other field, zlib of
                    JSON: `{"rows": [...]}`, or `{"values": [...], "rows": [...]}` with indices into values

Guarantee: what is read is what was written, or `DamagedSegmentError` is raised.
"""

from __future__ import annotations

import json
import zlib
from itertools import repeat
from typing import TYPE_CHECKING, Any

from gitmodel.git.history.segment import DamagedSegmentError, SectionedFile, sectioned, split_ids
from gitmodel.project.search.facts import ABSENT, PointerFacts
from gitmodel.version import __version__

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import IO

_MAGIC = f"gitmodel facts 1 {__version__}\n".encode()
# The digest has a section of its own.
_COLUMNS = tuple(name for name in PointerFacts._fields if name != "digest")
_SECTIONS = 2 + len(_COLUMNS)
_LEVEL = 1  # zlib level; numbers and digests do not compress much at any level
_DIGEST = 32  # bytes


def to_bytes(rows: Mapping[str, PointerFacts | None], *, oid_length: int) -> bytes:
    """A segment with these facts; None for a blob that is no pointer."""
    facts = rows.values()
    digests = b"".join(
        bytes(_DIGEST) if one is None else bytes.fromhex(one.digest) for one in facts
    )
    sections = [bytes.fromhex("".join(rows)), digests]
    for name in _COLUMNS:
        values = [None if one is None else getattr(one, name) for one in facts]
        sections.append(zlib.compress(_column(values).encode("ascii"), _LEVEL))
    return sectioned(_MAGIC, sections, oid_length=oid_length)


def _column(values: Sequence[object]) -> str:
    """JSON of a column; equal values are written once if that is shorter."""
    texts = [json.dumps(value) for value in values]
    numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    if 2 * len(numbers) > len(texts):
        return f'{{"rows": [{", ".join(texts)}]}}'
    indices = ",".join(str(numbers[text]) for text in texts)
    return f'{{"values": [{", ".join(numbers)}], "rows": [{indices}]}}'


class FactsSegment(SectionedFile):
    """A segment in an open stream; `count` is the number of blobs. Raises DamagedSegmentError if the file is not one."""

    __slots__ = ()

    def __init__(self, stream: IO[bytes], name: str, *, oid_length: int) -> None:
        super().__init__(stream, name, _MAGIC, _SECTIONS, oid_length=oid_length)

    def rows(self, fields: Collection[str]) -> dict[str, PointerFacts | None]:
        """The facts by blob id; fields of a pointer that are not asked for are absent. Raises DamagedSegmentError."""
        oids = split_ids(self._section(0), self._oid_length)
        columns = [self._values(name) if name in fields else None for name in _COLUMNS]
        digests = split_ids(self._section(1), _DIGEST)
        absent = [[ABSENT.get(name)] * len(oids) for name in _COLUMNS]
        filled = [
            one if one is not None else other for one, other in zip(columns, absent, strict=True)
        ]
        filled.insert(PointerFacts._fields.index("digest"), digests)
        if any(len(column) != len(oids) for column in filled):
            raise DamagedSegmentError(self.name)
        # As `PointerFacts._make`, without a call in Python for each of 100,000 rows.
        made = map(tuple.__new__, repeat(PointerFacts), zip(*filled, strict=True))
        names = filled[0]
        return {
            oid: facts if name is not None else None
            for oid, name, facts in zip(oids, names, made, strict=True)
        }

    def _values(self, name: str) -> list[Any]:
        section = self._section(2 + _COLUMNS.index(name))
        try:
            column = json.loads(zlib.decompress(section))
            rows: list[Any] = column["rows"]
            if "values" not in column:
                return rows
            values = column["values"]
            return [values[number] for number in rows]
        except (ValueError, KeyError, IndexError, TypeError, RecursionError, zlib.error) as error:
            raise DamagedSegmentError(self.name) from error
