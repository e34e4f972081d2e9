"""Version numbers, and what `git commit` does about weights: the decision as one table.

A number never names two contents, content whose version is known keeps its number, and gaps are
fine. The decision looks at three digests: *file* (the weights on disk now), *have* (the weights as
gitmodel last added or checked them out at that path) and *pointer* (what the commit would record).

Guarantee: `decide` is total, and it never answers BUMP for weights that gitmodel itself put there.
That is what keeps a pull, a rebase or a forgotten checkout from registering an old file as a new
version.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.domain.digest import Digest


def next_version(known: Iterable[int]) -> int:
    """Return 1 + the greatest number of `known`, or 1.

    Args:
        known: Numbers in the history of all local and remote-tracking refs, and of the claims last
            seen. A clone that lacks history may guess low; the claim then says so before refs move.
    """
    return 1 + max(known, default=0)


def numbers_of_two(known: Iterable[tuple[int, Digest]]) -> dict[int, list[Digest]]:
    """Return the numbers that name two contents or more, each of which has no number of its own.

    A content that was given a number which names nothing else is settled: `renumber` and `resolve` do
    that in a new commit, and the commits before it stay in history.

    Args:
        known: Versions found in pointers, as pairs of number and digest.
    """
    contents: dict[int, list[Digest]] = {}
    for number, digest in known:
        named = contents.setdefault(number, [])
        if digest not in named:
            named.append(digest)
    settled = {named[0] for named in contents.values() if len(named) == 1}
    open_ones = {n: [d for d in named if d not in settled] for n, named in contents.items()}
    return {number: named for number, named in open_ones.items() if len(named) > 1}


@unique
class Verdict(StrEnum):
    """What a commit does about one model."""

    CLEAN = "clean"  # the pointer describes the file: nothing to do
    STALE = "stale"  # the file is older weights: leave the pointer, warn
    BUMP = "bump"  # the file is new weights: a new version
    KNOWN = "known"  # the file is an earlier version: the pointer goes back to it
    MISSING = "missing"  # no weights on disk: nothing to do
    CHANGING = "changing"  # the file changed while it was hashed: refuse, try again
    CHOOSE = "choose"  # file, have and pointer all differ: refuse, a person chooses


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was seen of one model at the time of a commit.

    Attributes:
        file: Digest of the weights on disk; None if there are none.
        changing: The weights changed while they were hashed, so `file` means nothing.
        have: Digest last added or checked out at this path of this worktree; None if there is no
            record of this path. A record of another path is none.
        pointer: Digest in the pointer that this commit would contain.
        as_head: That pointer has version and digest of HEAD's pointer of the name, at whatever path.
        known: `file` is the content of a version that some pointer in history names.
        merging: A merge, rebase, cherry-pick or revert is under way, in which Git moves pointers.
    """

    file: Digest | None
    changing: bool
    have: Digest | None
    pointer: Digest
    as_head: bool
    known: bool
    merging: bool


def decide(seen: Observation) -> Verdict:
    """Return what to do about one model; the first row that matches counts.

    | file     | have             | further                          | verdict  |
    | -------- | ---------------- | -------------------------------- | -------- |
    | changing | any              |                                  | CHANGING |
    | none     | any              |                                  | MISSING  |
    | pointer  | any              |                                  | CLEAN    |
    | = have   | any              |                                  | STALE    |
    | differs  | = pointer        | file is a known version, merging | STALE    |
    | differs  | = pointer        | file is a known version          | KNOWN    |
    | differs  | = pointer        |                                  | BUMP     |
    | differs  | none             | file is a known version          | STALE    |
    | differs  | none             | pointer is as HEAD's             | BUMP     |
    | differs  | none             | pointer is not HEAD's            | CHOOSE   |
    | differs  | other            |                                  | CHOOSE   |

    Without a record (a fresh clone, a copied worktree, a model that was moved without gitmodel) known
    content is taken for stale and not for a wish to go back: the cautious reading loses nothing, and
    `gitmodel add` says the other. The same in the middle of a merge: who wants an older version then
    says so by `gitmodel checkout NAME@VERSION`.
    """
    if seen.changing:
        return Verdict.CHANGING
    if seen.file is None:
        return Verdict.MISSING
    if seen.file == seen.pointer:
        return Verdict.CLEAN
    return _without_record(seen) if seen.have is None else _with_record(seen)


def _with_record(seen: Observation) -> Verdict:
    if seen.file == seen.have:
        return Verdict.STALE
    if seen.have != seen.pointer:
        return Verdict.CHOOSE
    if not seen.known:
        return Verdict.BUMP
    return Verdict.STALE if seen.merging else Verdict.KNOWN


def _without_record(seen: Observation) -> Verdict:
    if seen.known:
        return Verdict.STALE
    return Verdict.BUMP if seen.as_head else Verdict.CHOOSE
