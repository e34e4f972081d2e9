"""File, have and pointer: one outcome for every combination, written out row by row.

`test_versions` proves the rules over all digests; this is the table that people read. A row is one
kind of file against one kind of record and one way in which the pointer came to be what it is.
"""

from __future__ import annotations

from enum import Enum, auto
from itertools import product

import pytest

from gitmodel.domain.digest import Digest
from gitmodel.domain.versions import Observation, Verdict, decide

POINTER, HAVE, KNOWN, UNKNOWN = (Digest.from_hex(letter * 64) for letter in "abcd")


class File(Enum):
    """What lies on disk."""

    MISSING = auto()
    AS_POINTER = auto()
    AS_HAVE = auto()
    UNKNOWN = auto()  # content that no pointer in history names
    KNOWN = auto()  # content of an earlier version, neither the pointer's nor the record's
    CHANGING = auto()  # half-written: it changed while it was hashed


class Have(Enum):
    """What gitmodel last added or checked out here."""

    NONE = auto()
    AS_POINTER = auto()
    OTHER = auto()


class Pointer(Enum):
    """Where the digest of the pointer in this commit comes from.

    A pointer edited by hand beside its digest counts as `AS_HEAD`. One that is in conflict or broken
    never comes to a decision: bump leaves the first to Git and refuses the second.
    """

    AS_HEAD = auto()  # at whatever path
    MERGING = auto()  # the same, while a merge, rebase, cherry-pick or revert is under way
    MOVED = auto()  # by stash, reset, revert, cherry-pick, merge or `gitmodel add`: not HEAD's
    FIRST = auto()  # HEAD has no such pointer


F, H, P, V = File, Have, Pointer, Verdict
ANY = tuple(Pointer)
NOT_MOVED = (P.AS_HEAD, P.MERGING)
TABLE = [
    # file          have                                  pointer    verdict
    (F.MISSING, tuple(Have), ANY, V.MISSING),
    (F.CHANGING, tuple(Have), ANY, V.CHANGING),
    (F.AS_POINTER, tuple(Have), ANY, V.CLEAN),
    (F.AS_HAVE, (H.AS_POINTER,), ANY, V.CLEAN),  # the three are one
    (F.AS_HAVE, (H.OTHER,), ANY, V.STALE),
    (F.UNKNOWN, (H.AS_POINTER,), ANY, V.BUMP),
    (F.UNKNOWN, (H.OTHER,), ANY, V.CHOOSE),
    (F.UNKNOWN, (H.NONE,), NOT_MOVED, V.BUMP),
    (F.UNKNOWN, (H.NONE,), (P.MOVED, P.FIRST), V.CHOOSE),
    (F.KNOWN, (H.AS_POINTER,), (P.AS_HEAD, P.MOVED, P.FIRST), V.KNOWN),
    (F.KNOWN, (H.AS_POINTER,), (P.MERGING,), V.STALE),
    (F.KNOWN, (H.OTHER,), (P.AS_HEAD, P.MOVED, P.FIRST), V.CHOOSE),
    (F.KNOWN, (H.OTHER,), (P.MERGING,), V.STALE),
    (F.KNOWN, (H.NONE,), ANY, V.STALE),
]
IMPOSSIBLE = {(F.AS_HAVE, H.NONE, pointer) for pointer in Pointer}  # there is no record to equal
ROWS = [
    (file, have, pointer, verdict)
    for file, haves, origins, verdict in TABLE
    for have, pointer in product(haves, origins)
]


def observation(file: File, have: Have, pointer: Pointer) -> Observation:
    record = {H.NONE: None, H.AS_POINTER: POINTER, H.OTHER: HAVE}[have]
    content = {
        F.MISSING: None,
        F.AS_POINTER: POINTER,
        F.AS_HAVE: record,
        F.UNKNOWN: UNKNOWN,
        F.KNOWN: KNOWN,
        F.CHANGING: None,
    }[file]
    return Observation(
        file=content,
        changing=file is F.CHANGING,
        have=record,
        pointer=POINTER,
        as_head=pointer in NOT_MOVED,
        known=content in (KNOWN, HAVE, POINTER),
        merging=pointer is P.MERGING,
    )


def test_every_combination_is_in_exactly_one_row() -> None:
    covered = [(file, have, pointer) for file, have, pointer, _ in ROWS]

    assert len(covered) == len(set(covered))
    assert set(covered) | IMPOSSIBLE == set(product(File, Have, Pointer))
    assert not set(covered) & IMPOSSIBLE


@pytest.mark.parametrize(
    ("file", "have", "pointer", "verdict"),
    ROWS,
    ids=[f"{f.name}-{h.name}-{p.name}".lower() for f, h, p, _ in ROWS],
)
def test_the_row(file: File, have: Have, pointer: Pointer, verdict: Verdict) -> None:
    assert decide(observation(file, have, pointer)) is verdict
