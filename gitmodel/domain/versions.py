"""Version numbers, and what `git commit` does about weights: the decision as one table.

A number never names two contents, content whose version is known keeps its number, and gaps are
fine. The decision looks at three digests: *file* (the weights on disk now), *have* (the weights as
gitmodel last added or checked them out at that path) and *pointer* (what the commit would record).

Guarantee: `decide` is total, and it never answers BUMP for weights that gitmodel itself put there.
That is what keeps a pull, a rebase or a forgotten checkout from registering an old file as a new
version.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum, unique
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gitmodel.domain.digest import Digest

Content = TypeVar("Content", bound=Hashable)


def next_version(known: Iterable[int]) -> int:
    """Return 1 + the greatest number of `known`, or 1.

    Args:
        known: Numbers in the history of all local and remote-tracking refs, and of the claims last
            seen. A clone that lacks history may guess low; the claim then says so before refs move.
    """
    return 1 + max(known, default=0)


class VersionNumbers(Generic[Content]):
    """Which content each version number of one model names.

    Two people can give one number to two contents. History keeps both for ever, also after one of
    them was given another number. Then the claim says which one the number names: a claim is created
    once and never changes. A claim only selects among contents that history has under that number.

    Without a claim, content that has a number of its own (another one, which names nothing else) is
    settled: `renumber` and `resolve` gave it that number. Where all contents of a number but one are
    settled, the number is that one's, which is then settled for other numbers in turn.

    Guarantee: what a number names does not depend on the order of `known`, and a known claim always
    decides.

    Args:
        known: Pairs of number and content, as found in pointers.
        claims: Owner of each number whose claim was read; None for a number that was found free.
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
        """The same with one more claim; None if the number was found free."""
        return VersionNumbers(self._known, {**self._claims, number: owner})

    def owner(self, number: int) -> Content | None:
        """Who owns a number, as far as its claim was read."""
        return self._claims.get(number)

    def contents(self, number: int) -> tuple[Content, ...]:
        """What history has under a number, in the order of `known`."""
        return self._contents.get(number, ())

    def is_contested(self, number: int) -> bool:
        """Whether the claim of a number should be read before history is believed.

        That is so where history has several contents under the number, or one content that also has
        a greater number: it may have lost this one to content which this clone lacks.
        """
        if number in self._claims:
            return False
        found = self.contents(number)
        return len(found) > 1 or any(max(self._numbers[content]) > number for content in found)

    def candidates(self, number: int) -> tuple[Content, ...]:
        """The contents that a number may name: one if it is decided, none if history lacks its owner."""
        found = self.contents(number)
        owner = self._claims.get(number)
        if owner is not None:
            return (owner,) if owner in found else ()
        left = self._unsettled(number)
        if left or (len(found) == 1 and number not in self._claims):
            return left
        return found

    def meaning(self, number: int) -> Content | None:
        """The content that a number names; None if history and claims do not decide."""
        found = self.candidates(number)
        return found[0] if len(found) == 1 else None

    def is_lost(self, number: int, content: Content) -> bool:
        """Whether a number that content had in history is known to belong to other content."""
        owner = self._claims.get(number)
        named = self.meaning(number) if owner is None else owner
        return named not in (None, content)

    def number_of(self, content: Content) -> int | None:
        """The least number that names this content, None if it has none."""
        own = sorted(self._numbers.get(content, ()))
        named = (number for number in own if self.meaning(number) == content)
        open_ones = (number for number in own if content in self.candidates(number))
        return next(named, None) or next(open_ones, None)

    def doubles(self) -> dict[int, tuple[Content, ...]]:
        """The numbers that name two contents or more, none of which is settled."""
        found = {number: self._unsettled(number) for number in self._contents}
        return {number: named for number, named in found.items() if len(named) > 1}

    def _unsettled(self, number: int) -> tuple[Content, ...]:
        """The contents of a number that it may name, as far as other numbers say."""
        found = self.contents(number)
        if (
            len(found) == 1
        ):  # of two numbers that both name nothing else the later one was given on purpose
            later = any(other > number for other in self._own.get(found[0], ()))
            return () if later else found
        decided = self._decided.get(number)
        if decided is not None:
            return (decided,)
        return tuple(content for content in found if content not in self._own)

    @cached_property
    def _own(self) -> dict[Content, set[int]]:
        """The numbers that name a content and nothing else."""
        own: dict[Content, set[int]] = {}
        for number, content in self._decided.items():
            own.setdefault(content, set()).add(number)
        return own

    @cached_property
    def _decided(self) -> dict[int, Content]:
        """What numbers name: by a claim, because they have one content, or because all others are settled."""
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
    """Return the numbers that name two contents or more, as far as history alone says (`VersionNumbers`).

    Args:
        known: Versions found in pointers, as pairs of number and digest.
    """
    return {number: list(named) for number, named in VersionNumbers(known).doubles().items()}


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
    | differs  | any              | file is a known version, merging | STALE    |
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
    if seen.file == seen.have or (seen.known and seen.merging):
        return Verdict.STALE
    if seen.have != seen.pointer:
        return Verdict.CHOOSE
    return Verdict.KNOWN if seen.known else Verdict.BUMP


def _without_record(seen: Observation) -> Verdict:
    if seen.known:
        return Verdict.STALE
    return Verdict.BUMP if seen.as_head else Verdict.CHOOSE
