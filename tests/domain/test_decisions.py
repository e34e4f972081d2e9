"""Spans of an alias are in order and leave no gap, whatever the clocks of the commits were."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.aliases import Alias
from gitmodel.domain.decisions import (
    AliasMove,
    Decision,
    span_at,
    spans_during,
    spans_of,
    times_of_moves,
)
from gitmodel.domain.digest import digest_of


def move(number: int, version: int | None, time: int, told: int | None = None) -> AliasMove:
    alias = None
    if version is not None:
        alias = Alias(
            name="fraud",
            alias="production",
            version=version,
            digest=digest_of(b"%d" % version),
            size=1,
            imported=None if told is None else {"from": "mlflow"},
        )
    decision = Decision(
        commit=f"{number:040x}",
        number=number,
        time=time,
        committed=time,
        by="Ana <ana@example.org>",
        by_time=time if told is None else told,
        merged_by="Ana <ana@example.org>",
        subject="",
    )
    return AliasMove(decision=decision, alias=alias)


@st.composite
def moves(draw: st.DrawFn) -> list[AliasMove]:
    """Moves along a line, whose times never go back; imported ones were told any time."""
    found, time = [], 0
    for number in range(draw(st.integers(1, 12))):
        time += draw(st.integers(0, 50))
        version = draw(st.none() | st.integers(1, 3))
        told = draw(st.none() | st.integers(-100, 1000))
        found.append(move(number, version, time, told if version is not None else None))
    return found


@given(moves(), st.integers(-150, 700))
def test_every_time_has_one_span_from_the_first_move_on(line: list[AliasMove], time: int) -> None:
    spans = spans_of(line)

    for before, after in itertools.pairwise(spans):
        assert before.until == after.start
        assert before.start is not None
        assert after.start is not None
        assert before.start <= after.start
    assert spans[-1].until is None
    found = span_at(spans, time)
    inside = [
        one
        for one in spans
        if one.start is not None and one.start <= time and (one.until is None or time < one.until)
    ]
    assert [found] == inside if found is not None else not inside
    if found is not None:
        assert found in spans_during(spans, time, time + 1)


@given(moves())
def test_no_move_is_after_its_commit_and_native_ones_are_at_it(line: list[AliasMove]) -> None:
    times = times_of_moves(line)

    for one in line:
        time = times[one.decision.commit]
        assert time <= one.decision.time
        if one.alias is None or one.alias.imported is None:
            assert time == one.decision.time


def test_a_value_that_a_cut_off_clone_begins_with_may_be_older() -> None:
    line = [move(0, 1, 100), move(1, 2, 200)]

    spans = spans_of(line, cut_off_at=line[0].decision.commit)

    assert [(one.start, one.until) for one in spans] == [(None, 200), (200, None)]
    assert span_at(spans, 150) is spans[0]


def test_values_of_less_than_a_second_belong_to_their_day() -> None:
    spans = spans_of([move(0, 1, 100), move(1, 2, 100), move(2, 3, 150)])

    assert [one.move.alias and one.move.alias.version for one in spans_during(spans, 100, 101)] == [
        1,
        2,
    ]
    assert [one.move.alias and one.move.alias.version for one in spans_during(spans, 101, 150)] == [
        2
    ]
