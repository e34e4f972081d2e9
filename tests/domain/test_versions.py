"""Version numbers and the decision of a commit, over every combination that there is."""

from __future__ import annotations

from itertools import permutations, product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.domain.digest import Digest
from gitmodel.domain.versions import (
    Observation,
    Verdict,
    VersionNumbers,
    ambiguous_numbers,
    decide,
    next_version,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

A, B, C, D = (Digest.from_hex(letter * 64) for letter in "abcd")

# Only equality counts, so four digests are enough to show every pattern of four places.
EVERY_CASE = [
    Observation(
        file=file,
        changing=changing,
        have=have,
        pointer=pointer,
        as_head=as_head,
        known=known,
        merging=merging,
    )
    for file, have in product([None, A, B, C, D], repeat=2)
    for pointer in [A, B, C, D]
    for changing, as_head, known, merging in product([False, True], repeat=4)
]


def described(seen: Observation) -> Verdict:
    """The rules in the words of the design, row by row, each complete in itself."""
    rows: Mapping[Verdict, bool] = {
        Verdict.CHANGING: seen.changing,
        Verdict.MISSING: not seen.changing and seen.file is None,
        Verdict.CLEAN: not seen.changing and seen.file == seen.pointer,
    }
    settled = [verdict for verdict, matches in rows.items() if matches]
    if settled:
        (verdict,) = settled
        return verdict
    as_left = seen.file == seen.have
    record_is_pointer = seen.have == seen.pointer
    no_record = seen.have is None
    candidates = [
        verdict
        for verdict, matches in [
            (Verdict.STALE, as_left or (no_record and seen.known)),
            (Verdict.STALE, seen.known and seen.merging),
            (Verdict.KNOWN, record_is_pointer and seen.known),
            (
                Verdict.BUMP,
                not seen.known and (record_is_pointer or (no_record and seen.as_head)),
            ),
        ]
        if matches
    ]
    return candidates[0] if candidates else Verdict.CHOOSE


def test_every_combination_has_the_verdict_that_the_design_describes() -> None:
    assert len(EVERY_CASE) == 1600
    for seen in EVERY_CASE:
        assert decide(seen) is described(seen), seen


def test_every_verdict_is_reached() -> None:
    assert {decide(seen) for seen in EVERY_CASE} == set(Verdict)


def test_weights_that_gitmodel_put_there_never_make_a_version() -> None:
    for seen in EVERY_CASE:
        if seen.file == seen.have:
            assert decide(seen) not in {Verdict.BUMP, Verdict.KNOWN}, seen


def test_weights_that_nobody_could_hash_never_make_a_version() -> None:
    for seen in EVERY_CASE:
        if seen.changing or seen.file is None:
            assert decide(seen) in {Verdict.CHANGING, Verdict.MISSING}, seen


def test_known_content_never_gets_a_new_number() -> None:
    for seen in EVERY_CASE:
        if seen.known:
            assert decide(seen) is not Verdict.BUMP, seen


def test_a_pointer_that_changed_under_unknown_weights_is_never_overwritten_silently() -> None:
    for seen in EVERY_CASE:
        if seen.have != seen.pointer and not seen.as_head:
            assert decide(seen) not in {Verdict.BUMP, Verdict.KNOWN}, seen


def test_in_the_middle_of_a_merge_no_pointer_goes_back() -> None:
    for seen in EVERY_CASE:
        if seen.merging:
            assert decide(seen) is not Verdict.KNOWN, seen


def test_without_a_record_of_the_path_no_pointer_goes_back() -> None:
    for seen in EVERY_CASE:
        if seen.have is None:
            assert decide(seen) is not Verdict.KNOWN, seen


@pytest.mark.parametrize("renamed", list(permutations([A, B, C, D]))[1::5])
def test_the_decision_looks_at_equality_and_at_nothing_else(renamed: tuple[Digest, ...]) -> None:
    names = dict(zip([A, B, C, D], renamed, strict=True))
    for seen in EVERY_CASE[::7]:
        other = Observation(
            file=names[seen.file] if seen.file else None,
            changing=seen.changing,
            have=names[seen.have] if seen.have else None,
            pointer=names[seen.pointer],
            as_head=seen.as_head,
            known=seen.known,
            merging=seen.merging,
        )

        assert decide(other) is decide(seen)


@pytest.mark.parametrize(
    ("story", "seen", "verdict"),
    [
        (
            "trained again",
            Observation(
                file=B, changing=False, have=A, pointer=A, as_head=True, known=False, merging=False
            ),
            Verdict.BUMP,
        ),
        (
            "pulled a pointer, weights not checked out yet",
            Observation(
                file=A, changing=False, have=A, pointer=B, as_head=True, known=True, merging=False
            ),
            Verdict.STALE,
        ),
        (
            "copied an old version back",
            Observation(
                file=B, changing=False, have=A, pointer=A, as_head=True, known=True, merging=False
            ),
            Verdict.KNOWN,
        ),
        (
            "fresh clone, weights from elsewhere",
            Observation(
                file=B,
                changing=False,
                have=None,
                pointer=A,
                as_head=True,
                known=False,
                merging=False,
            ),
            Verdict.BUMP,
        ),
        (
            "fresh clone, weights of an earlier version",
            Observation(
                file=B,
                changing=False,
                have=None,
                pointer=A,
                as_head=True,
                known=True,
                merging=False,
            ),
            Verdict.STALE,
        ),
        (
            "pulled a pointer over weights being trained",
            Observation(
                file=C, changing=False, have=A, pointer=B, as_head=True, known=False, merging=False
            ),
            Verdict.CHOOSE,
        ),
        (
            "clone without weights",
            Observation(
                file=None,
                changing=False,
                have=None,
                pointer=A,
                as_head=True,
                known=False,
                merging=False,
            ),
            Verdict.MISSING,
        ),
        (
            "training still writes",
            Observation(
                file=B, changing=True, have=A, pointer=A, as_head=True, known=False, merging=False
            ),
            Verdict.CHANGING,
        ),
    ],
)
def test_stories(story: str, seen: Observation, verdict: Verdict) -> None:
    assert decide(seen) is verdict


def test_the_first_version_is_1() -> None:
    assert next_version([]) == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 10**9)))
def test_the_next_version_is_free_and_greater_than_all(known: list[int]) -> None:
    number = next_version(known)

    assert number not in known
    assert all(number > other for other in known)
    assert next_version(reversed(known)) == number


def test_gaps_are_not_filled() -> None:
    assert next_version([1, 7]) == 8


@pytest.mark.parametrize(
    ("known", "doubles"),
    [
        ([], {}),
        ([(1, A), (2, B), (2, B), (3, B)], {}),
        ([(2, A), (2, B)], {2: [A, B]}),
        ([(2, A), (2, B), (3, B)], {}),
        ([(2, A), (2, B), (2, C), (3, B)], {2: [A, C]}),
        # What is decided because all others are settled settles in turn.
        ([(2, A), (2, B), (2, C), (3, B), (3, C), (4, B)], {}),
        # A number that itself names two settles nothing.
        ([(2, A), (2, B), (3, B), (3, C)], {2: [A, B], 3: [B, C]}),
    ],
)
def test_numbers_that_name_two_contents(
    known: list[tuple[int, Digest]], doubles: dict[int, list[Digest]]
) -> None:
    assert ambiguous_numbers(known) == doubles


LETTERS = st.sampled_from("ABCD")
PAIRS = st.lists(st.tuples(st.integers(1, 5), LETTERS), max_size=8)
CLAIMS = st.dictionaries(st.integers(1, 5), st.none() | LETTERS, max_size=5)


@given(PAIRS, CLAIMS, st.integers(1, 5))
def test_a_claim_selects_among_what_history_has_and_nothing_else(
    known: list[tuple[int, str]], claims: dict[int, str | None], number: int
) -> None:
    naming = VersionNumbers(known, claims)
    here = {content for other, content in known if other == number}
    owner = claims.get(number)

    found = set(naming.candidates(number))

    assert found <= here
    if owner is not None:
        assert found == {owner} & here
        assert not naming.is_contested(number)
    elif len(here) == 1:
        moved = any(other > number for other in _own(known, claims).get(min(here), ()))
        assert found == (set() if moved and number not in claims else here)
    else:
        own = _own(known, claims)
        decided = {content for content in here if number in own.get(content, ())}
        assert found == (decided or here - own.keys() or here)
    assert set(VersionNumbers(reversed(known), claims).candidates(number)) == found


def _own(known: list[tuple[int, str]], claims: dict[int, str | None]) -> dict[str, set[int]]:
    """The rule once more: numbers that a content has for itself, until there are no more of them."""
    own: dict[str, set[int]] = {}
    while True:
        more: set[tuple[int, str]] = set()
        for number in {number for number, _ in known}:
            here = {content for other, content in known if other == number}
            claim = claims.get(number)
            if claim is None:
                has_it = {c for c in here if number in own.get(c, ())}
                left = has_it or (here if len(here) == 1 else here - own.keys())
            else:
                left = {claim} & here
            more |= {(number, content) for content in left if len(left) == 1}
        if all(number in own.get(content, ()) for number, content in more):
            return own
        for number, content in more:
            own.setdefault(content, set()).add(number)


@given(PAIRS, CLAIMS, LETTERS)
def test_content_has_a_number_that_names_it_or_none(
    known: list[tuple[int, str]], claims: dict[int, str | None], content: str
) -> None:
    naming = VersionNumbers(known, claims)
    number = naming.number_of(content)

    assert number is None or (number, content) in known
    own = [n for n, c in known if c == content and naming.meaning(n) == content]
    assert number == min(own, default=number)


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=14))
def test_people_who_renumber_what_is_refused_end_with_numbers_that_mean_their_claims(
    steps: list[tuple[int, bool]],
) -> None:
    """Three people train and push; who is refused takes the next number until a push passes."""
    claims: dict[int, str] = {}
    history: list[tuple[int, str]] = []
    fetched = [0, 0, 0]  # how much of the history each has
    for step, (person, fetches) in enumerate(steps):
        content = f"{person}.{step}"
        number = next_version(n for n, _ in history[: fetched[person]])
        own = [(number, content)]
        while claims.setdefault(number, content) != content:
            number = max(number + 1, next_version(claims if fetches else []))
            own.append((number, content))
        history += own
        fetched[person] = len(history) if fetches else fetched[person]

    alone, told = VersionNumbers(history), VersionNumbers(history, claims)

    for number, owner in claims.items():
        assert told.meaning(number) == owner
        assert alone.meaning(number) in (owner, None)
        assert told.number_of(owner) == number
        assert alone.knowing(number, owner).meaning(number) == owner
