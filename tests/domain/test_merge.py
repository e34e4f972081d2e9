"""A pointer that both sides changed: one side whole, or a conflict; never anything else."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.conflict_markers import conflict_sides
from gitmodel.domain.digest import digest_of
from gitmodel.domain.merge import conflict_text, decide, describe, resolve_command
from gitmodel.domain.pointer import Pointer

if TYPE_CHECKING:
    from gitmodel.domain.conflict_text import Side

WORDS: dict[Side, str] = {"ours": "what is checked out", "theirs": "what comes in"}


def version(number: int, content: str = "", **more: object) -> Pointer:
    digest = digest_of((content or str(number)).encode())
    start = Pointer(name="fraud", version=number, digest=digest, size=1, path="fraud.bin")
    return replace(start, **more)  # type: ignore[arg-type]


def text(pointer: Pointer) -> bytes:
    return pointer.to_text().encode()


ONE, TWO, THREE = version(1), version(2), version(3)
TOLD = replace(ONE, description="cards")
TAGGED = replace(ONE, tags=("eu",))


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "taken", "left_out"),
    [
        (ONE, TWO, TWO, "ours", ()),
        (ONE, TWO, ONE, "ours", ()),
        (ONE, ONE, TWO, "theirs", ()),
        (ONE, TWO, THREE, None, ()),
        (None, TWO, THREE, None, ()),
        (ONE, TOLD, TAGGED, None, ()),
        (ONE, TOLD, TWO, "theirs", ("description",)),
        (ONE, TWO, TOLD, "ours", ("description",)),
        (ONE, TWO, replace(TOLD, license="MIT"), "ours", ("description", "license")),
        (ONE, TWO, replace(TWO, tags=("eu",)), "theirs", ()),
        (ONE, replace(TWO, tags=("eu",)), TWO, "ours", ()),
        (None, TWO, replace(TWO, tags=("eu",)), "theirs", ()),
        (None, replace(TWO, description="a"), replace(TWO, description="b"), None, ()),
        # Metrics are no annotation: two opinions on the same weights are for a person to judge.
        (ONE, replace(TWO, metrics={"auc": 0.9}), replace(TWO, metrics={"auc": 0.8}), None, ()),
        # A number alone is a change too.
        (ONE, version(2, "same"), version(3, "same"), None, ()),
        (TWO, version(3, "2"), TWO, "ours", ()),
    ],
)
def test_the_table(
    base: Pointer | None,
    ours: Pointer,
    theirs: Pointer,
    taken: Side | None,
    left_out: tuple[str, ...],
) -> None:
    decision = decide(b"" if base is None else text(base), text(ours), text(theirs))

    assert (decision.taken, decision.left_out) == (taken, left_out)
    assert (decision.ours, decision.theirs) == (ours, theirs)


def test_a_metric_that_is_no_number_equals_itself() -> None:
    same = replace(TWO, metrics={"loss": math.nan})

    assert decide(text(ONE), text(same), text(replace(same, tags=("x",)))).taken == "theirs"


def test_what_cannot_be_read_is_taken_only_where_the_other_side_changed_nothing() -> None:
    broken = text(TWO).replace(b"version: 2", b"version: 9")

    assert decide(text(ONE), broken, text(ONE)).taken == "ours"
    assert decide(text(ONE), text(ONE), broken).taken == "theirs"
    assert decide(text(ONE), broken, text(THREE)).taken is None
    assert decide(text(ONE), text(THREE), broken).taken is None
    assert decide(broken, text(TWO), text(THREE)).taken is None


TEXTS = st.sampled_from(
    [text(p) for p in (ONE, TWO, THREE, TOLD, TAGGED)] + [b"", b"x", b"<<<<<<<"]
)


@given(TEXTS, TEXTS, TEXTS)
def test_the_decision_is_total_and_the_same_seen_from_the_other_side(
    base: bytes, ours: bytes, theirs: bytes
) -> None:
    one, other = decide(base, ours, theirs), decide(base, theirs, ours)

    if ours != theirs:
        assert one.taken == {"ours": "theirs", "theirs": "ours", None: None}[other.taken]
    if one.taken is None:
        assert base not in (ours, theirs)


@given(TEXTS, TEXTS, st.integers(0, 20))
def test_a_conflict_holds_both_sides_whole(ours: bytes, theirs: bytes, size: int) -> None:
    if b"<" in ours + theirs:
        return

    conflict = conflict_text(decide(b"", ours, theirs), ours, theirs, words=WORDS, marker_size=size)

    lines = conflict.decode().split("\n")
    assert lines[0].startswith("<" * max(7, size) + " ours, what is checked out: ")
    assert lines[-2].startswith(">" * max(7, size) + " theirs, what comes in: ")
    sides = conflict_sides(conflict.decode())
    assert sides is not None
    assert [side.rstrip("\n") for side in sides] == [
        ours.decode().rstrip("\n"),
        theirs.decode().rstrip("\n"),
    ]


def test_what_a_side_is_called() -> None:
    many = {f"m{n}": n / 10 for n in range(7)}
    odd: dict[str, float | str] = {"a\nb": 1.0, "\x1b[2J": "x"}

    assert (
        describe(replace(TWO, metrics={"auc": 0.9})) == f"version 2 ({TWO.digest.short}), auc 0.9"
    )
    assert describe(replace(TWO, metrics=many)).endswith("m3 0.3, m4 0.4, …")
    assert describe(replace(TWO, metrics=odd)).endswith(r'"\x1b[2J" x, "a\nb" 1.0')
    assert describe(None) == "an invalid pointer"


def test_the_command_that_takes_a_side_names_the_model_of_that_side() -> None:
    renamed = replace(TWO, name="risk")

    both = decide(text(ONE), text(renamed), text(THREE))
    assert resolve_command(both, "ours") == "gitmodel resolve risk --ours"
    assert resolve_command(both, "theirs") == "gitmodel resolve fraud --theirs"
    unread = decide(text(ONE), b"x", text(THREE))
    assert resolve_command(unread, "ours") == "gitmodel resolve fraud --ours"
    assert resolve_command(decide(b"", b"x", b"y"), "ours") == "gitmodel resolve NAME --ours"
