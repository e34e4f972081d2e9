"""Version numbers, and the decision of `git commit` about weights.

A number never names two contents, known content keeps its number, and gaps are allowed. The decision
compares three digests: *file* (the weights on disk), *have* (the weights that gitmodel last added or
checked out at that path) and *pointer* (in the commit).

Guarantee: `decide` has a result for every input, and never BUMP for weights that gitmodel itself wrote. So
an old file is never registered as a new version after a pull, a rebase or a forgotten checkout.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import StrEnum, unique
from functools import cached_property
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gitmodel.domain.digest import Digest

Content = TypeVar("Content", bound=Hashable)


def next_version(known: Iterable[int]) -> int:
    """Return 1 + the greatest known number, or 1.

    Known are the numbers in the history of all local and remote-tracking refs, and in the last seen claims.
    If history is missing, the result may be taken already; the push then finds its claim.
    """
    return 1 + max(known, default=0)


class VersionNumbers(Generic[Content]):
    """The content that each version number of one model names, by pairs of number and content in pointers.

    Two people can give one number to two contents, and history keeps both, even if one gets another number
    later. The claim of the number, which never changes, selects one of the contents in history; `claims`
    has None for a number that is known to be unclaimed.

    Without a claim, content is *settled* if another number names it and nothing else (by `renumber` or
    `resolve`). A number whose contents are all settled except one names that one, which is then settled for
    other numbers.

    Guarantee: results do not depend on the order of `known`, and a known claim always decides.
    """

    def __init__(
        self,
        known: Iterable[tuple[int, Content]],
        claims: Mapping[int, Content | None] | None = None,
    ) -> None:
        contents: dict[int, dict[Content, None]] = {}
        numbers: dict[Content, set[int]] = {}
        self._known = tuple(known)
        for number, content in self._known:
            contents.setdefault(number, {})[content] = None
            numbers.setdefault(content, set()).add(number)
        self._contents = {number: tuple(found) for number, found in contents.items()}
        self._numbers = numbers
        self._claims = claims or {}

    def knowing(self, number: int, owner: Content | None) -> VersionNumbers[Content]:
        """Return a copy with one more claim; `owner` is None for an unclaimed number."""
        return VersionNumbers(self._known, {**self._claims, number: owner})

    def owner(self, number: int) -> Content | None:
        """Return the owner of a number, if its claim was read."""
        return self._claims.get(number)

    def contents(self, number: int) -> tuple[Content, ...]:
        """Return the contents of a number in history, in the order of `known`."""
        return self._contents.get(number, ())

    def is_contested(self, number: int) -> bool:
        """Whether history alone cannot decide a number, so its claim should be read.

        History has several contents of the number, or a content that also has a greater number. Such a
        content may have lost this number to content that this clone lacks.
        """
        if number in self._claims:
            return False
        found = self.contents(number)
        return len(found) > 1 or any(max(self._numbers[content]) > number for content in found)

    def candidates(self, number: int) -> tuple[Content, ...]:
        """Return the contents that a number may name; none if history lacks its owner."""
        found = self.contents(number)
        owner = self._claims.get(number)
        if owner is not None:
            return (owner,) if owner in found else ()
        left = self._unsettled(number)
        if left or (len(found) == 1 and number not in self._claims):
            return left
        return found

    def meaning(self, number: int) -> Content | None:
        """Return the content that a number names; None if it is undecided."""
        found = self.candidates(number)
        return found[0] if len(found) == 1 else None

    def is_lost(self, number: int, content: Content) -> bool:
        """Whether a number of this content in history belongs to other content."""
        owner = self._claims.get(number)
        named = self.meaning(number) if owner is None else owner
        return named not in (None, content)

    def number_of(self, content: Content) -> int | None:
        """Return the least number that names this content, if any."""
        own = sorted(self._numbers.get(content, ()))
        named = (number for number in own if self.meaning(number) == content)
        open_ones = (number for number in own if content in self.candidates(number))
        return next(named, None) or next(open_ones, None)

    def ambiguous(self) -> dict[int, tuple[Content, ...]]:
        """Return the numbers with several unsettled contents."""
        found = {number: self._unsettled(number) for number in self._contents}
        return {number: named for number, named in found.items() if len(named) > 1}

    def _unsettled(self, number: int) -> tuple[Content, ...]:
        """The contents of a number that are not settled."""
        found = self.contents(number)
        if len(found) == 1:
            # If two numbers name only this content, the later one was given on purpose.
            later = any(other > number for other in self._own.get(found[0], ()))
            return () if later else found
        decided = self._decided.get(number)
        if decided is not None:
            return (decided,)
        return tuple(content for content in found if content not in self._own)

    @cached_property
    def _own(self) -> dict[Content, set[int]]:
        """The numbers that name only one content, by content."""
        own: dict[Content, set[int]] = {}
        for number, content in self._decided.items():
            own.setdefault(content, set()).add(number)
        return own

    @cached_property
    def _decided(self) -> dict[int, Content]:
        """The contents of numbers with a claim, with one content, or with one unsettled content."""
        decided: dict[int, Content] = {}
        shared: list[int] = []
        for number, found in self._contents.items():
            owner = self._claims.get(number)
            if owner is not None:
                if owner in found:
                    decided[number] = owner
            elif len(found) == 1:
                decided[number] = found[0]
            else:
                shared.append(number)
        fresh: dict[int, Content] | None = None
        while fresh is None or fresh:
            settled = set(decided.values())
            left = {n: [c for c in self._contents[n] if c not in settled] for n in shared}
            fresh = {n: found[0] for n, found in left.items() if len(found) == 1}
            decided.update(fresh)
            shared = [number for number in shared if number not in fresh]
        return decided


def ambiguous_numbers(known: Iterable[tuple[int, Digest]]) -> dict[int, list[Digest]]:
    """Return the numbers with several unsettled contents, without claims."""
    return {number: list(named) for number, named in VersionNumbers(known).ambiguous().items()}


@unique
class Verdict(StrEnum):
    """The decision of a commit about one model."""

    CLEAN = "clean"  # the weights are those of the pointer
    STALE = "stale"  # the weights are older: keep the pointer and warn
    BUMP = "bump"  # the weights are new: register a new version
    KNOWN = "known"  # the weights are an earlier version: set the pointer back to it
    MISSING = "missing"  # there are no weights on disk
    CHANGING = "changing"  # the weights changed while they were hashed: refuse
    CHOOSE = "choose"  # file, have and pointer all differ: refuse, the user has to choose


class Observation(NamedTuple):
    """The state of one model at a commit; digests are of weights."""

    file: Digest | None  # on disk; None if there are none
    changing: bool  # the weights changed while they were hashed; `file` is invalid
    have: Digest | None  # last added or checked out at this path and worktree; None if never
    pointer: Digest  # of the pointer in this commit
    as_head: bool  # the pointer has version and digest of the model's at HEAD, at any path
    known: bool  # `file` is the digest of a version in history
    merging: bool  # a merge, rebase, cherry-pick or revert is in progress


def decide(seen: Observation) -> Verdict:
    """Return the verdict of the first matching row.

    | file     | have             | condition                        | verdict  |
    | -------- | ---------------- | -------------------------------- | -------- |
    | changing | any              |                                  | CHANGING |
    | none     | any              |                                  | MISSING  |
    | pointer  | any              |                                  | CLEAN    |
    | = have   | any              |                                  | STALE    |
    | differs  | any              | file is a known version, merging | STALE    |
    | differs  | = pointer        | file is a known version          | KNOWN    |
    | differs  | = pointer        |                                  | BUMP     |
    | differs  | none             | file is a known version          | STALE    |
    | differs  | none             | pointer is as HEAD's             | BUMP     |
    | differs  | none             | pointer is not HEAD's            | CHOOSE   |
    | differs  | other            |                                  | CHOOSE   |

    Without a record (a fresh clone, a copied worktree, a model moved without gitmodel), known content is
    assumed to be stale. This loses nothing, and `gitmodel add` sets the pointer back. During a merge known
    content is stale too; `gitmodel checkout NAME@VERSION` selects an older version.
    """
    if seen.changing:
        return Verdict.CHANGING
    if seen.file is None:
        return Verdict.MISSING
    if seen.file == seen.pointer:
        return Verdict.CLEAN
    return _without_record(seen) if seen.have is None else _with_record(seen)


def _with_record(seen: Observation) -> Verdict:
    if seen.file == seen.have or (seen.known and seen.merging):
        return Verdict.STALE
    if seen.have != seen.pointer:
        return Verdict.CHOOSE
    return Verdict.KNOWN if seen.known else Verdict.BUMP


def _without_record(seen: Observation) -> Verdict:
    if seen.known:
        return Verdict.STALE
    return Verdict.BUMP if seen.as_head else Verdict.CHOOSE
