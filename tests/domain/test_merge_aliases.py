"""An alias that both sides changed: one side whole, or a conflict; never a version that neither side promoted."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.aliases import Alias
from gitmodel.domain.conflict_markers import conflict_sides
from gitmodel.domain.digest import digest_of
from gitmodel.domain.merge_aliases import (
    alias_conflict_text,
    decide_alias,
    describe_alias,
    named_by,
)
from gitmodel.domain.pointer import Previous

if TYPE_CHECKING:
    from gitmodel.domain.conflict_text import Side

PATH = "models/fraud.production.alias.yaml"
WORDS: dict[Side, str] = {"ours": "what is checked out", "theirs": "what comes in"}


def alias(number: int, word: str = "production", **more: object) -> Alias:
    digest = digest_of(str(number).encode())
    start = Alias(name="fraud", alias=word, version=number, digest=digest, size=1)
    return replace(start, **more)  # type: ignore[arg-type]


def text(one: Alias) -> bytes:
    return one.to_text().encode()


ONE, TWO, THREE = alias(1), alias(2), alias(3)
WHY = replace(TWO, why="May hold-out")
FORCED = replace(TWO, why="x", forced="the gate is wrong")
STAGING = alias(3, "staging")
CHURN = replace(ONE, name="churn")


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "taken"),
    [
        (ONE, TWO, TWO, "ours"),
        (ONE, TWO, ONE, "ours"),
        (ONE, ONE, TWO, "theirs"),
        (ONE, TWO, THREE, None),
        (None, TWO, THREE, None),
        (None, TWO, WHY, "theirs"),
        (ONE, WHY, TWO, "ours"),
        # `why` and `forced` are more words than a longer `why`.
        (ONE, FORCED, WHY, "ours"),
        (ONE, WHY, FORCED, "theirs"),
        (ONE, WHY, replace(TWO, why="May"), "ours"),
        (ONE, WHY, replace(TWO, unknown={"ticket": 214}), "ours"),
        (ONE, TWO, replace(TWO, unknown={"ticket": 214}), "theirs"),
        (ONE, TWO, replace(TWO, imported={"from": "mlflow"}), "theirs"),
        # One side moved, the other says why it did not.
        (ONE, replace(ONE, why="two is broken"), TWO, None),
        (ONE, TWO, replace(ONE, why="two is broken"), None),
        # A number or a digest alone is a move too.
        (ONE, replace(TWO, version=3), TWO, None),
        (ONE, replace(TWO, digest=THREE.digest), TWO, None),
        # Git followed a rename.
        (STAGING, TWO, STAGING, None),
        (STAGING, TWO, alias(4, "staging"), None),
        (STAGING, STAGING, TWO, None),
        (ONE, CHURN, TWO, None),
        (ONE, CHURN, ONE, None),
        (ONE, CHURN, CHURN, None),
    ],
)
def test_the_table(base: Alias | None, ours: Alias, theirs: Alias, taken: Side | None) -> None:
    decision = decide_alias(b"" if base is None else text(base), text(ours), text(theirs), PATH)

    assert decision.taken == taken
    assert (decision.ours, decision.theirs) == (ours, theirs)


def test_a_metric_that_is_no_number_equals_itself() -> None:
    same = replace(TWO, metrics={"loss": math.nan})

    assert decide_alias(text(same), text(ONE), text(same), PATH).taken == "ours"


@pytest.mark.parametrize(
    "broken", [b"", b"x", text(TWO).replace(b"version: 2", b"version: 9"), b"<<<<<<< ours\n"]
)
def test_what_cannot_be_read_is_never_taken(broken: bytes) -> None:
    assert decide_alias(text(ONE), broken, text(ONE), PATH).taken is None
    assert decide_alias(text(ONE), text(ONE), broken, PATH).taken is None
    assert decide_alias(broken, broken, text(TWO), PATH).taken is None
    assert decide_alias(broken, text(TWO), text(TWO), PATH).taken == "ours"


TEXTS = st.sampled_from(
    [
        *map(text, (ONE, TWO, THREE, WHY, FORCED, STAGING, CHURN)),
        *(text(replace(TWO, why=why, previous=Previous(1, ONE.digest))) for why in ("ab", "ba")),
        b"",
        b"x",
        b"<<<<<<<",
    ]
)


@given(TEXTS, TEXTS, TEXTS)
def test_the_decision_is_total_and_the_same_seen_from_the_other_side(
    base: bytes, ours: bytes, theirs: bytes
) -> None:
    one, other = (
        decide_alias(base, ours, theirs, PATH),
        decide_alias(base, theirs, ours, PATH),
    )

    if ours != theirs:
        assert one.taken == {"ours": "theirs", "theirs": "ours", None: None}[other.taken]
    if one.taken is not None:
        taken = one.alias(one.taken)
        assert taken is not None
        assert Alias.from_text(ours if one.taken == "ours" else theirs, PATH) == taken


@given(TEXTS, TEXTS, st.integers(0, 20))
def test_a_conflict_holds_both_sides_whole(ours: bytes, theirs: bytes, size: int) -> None:
    if b"<" in ours + theirs:
        return
    decision = decide_alias(b"", ours, theirs, PATH)

    conflict = alias_conflict_text(decision, ours, theirs, words=WORDS, marker_size=size).decode()

    lines = conflict.split("\n")
    assert lines[0].startswith("<" * max(7, size) + " ours, what is checked out: ")
    assert lines[0].endswith("; to take it: gitmodel resolve fraud@production --ours")
    assert lines[-2].startswith(">" * max(7, size) + " theirs, what comes in: ")
    assert lines[-2].endswith("; to take it: gitmodel resolve fraud@production --theirs")
    sides = conflict_sides(conflict)
    assert sides is not None
    assert [side.rstrip("\n") for side in sides] == [
        ours.decode().rstrip("\n"),
        theirs.decode().rstrip("\n"),
    ]


def test_a_side_of_another_path_is_named() -> None:
    assert describe_alias(ONE, PATH) == f"version 1 ({ONE.digest.short})"
    assert describe_alias(STAGING, PATH) == f"fraud@staging, version 3 ({STAGING.digest.short})"
    assert describe_alias(None, PATH) == "an invalid alias"


def test_a_conflict_is_named_by_its_path() -> None:
    nested = replace(ONE, name="risk/fraud")

    assert named_by(PATH, (STAGING, nested)) == ("risk/fraud", "production")
    assert named_by(PATH, (None, STAGING)) == ("fraud", "production")
    assert named_by("odd.alias.yaml", (None, None)) == ("odd", "")
