"""Rows are sorted by any value; absent and NaN come last in both directions."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.query.sorting import parse_sort_key, sort_rows
from gitmodel.errors import QueryError

if TYPE_CHECKING:
    from gitmodel.domain.query.expression import Field
    from gitmodel.domain.query.fields import Values


class Line(NamedTuple):
    """A row with the values of one field."""

    number: int
    found: Values

    def values(self, field: Field) -> Values:
        assert str(field) == "params.x"
        return self.found


def ordered(key: str, *values: Values) -> list[Values]:
    rows = [Line(number, found) for number, found in enumerate(values)]
    return [row.found for row in sort_rows(rows, parse_sort_key(key))]


def test_values_of_all_types_have_an_order() -> None:
    up: list[Values] = [(False,), (True,), (-math.inf,), (-1,), (0.5,), (2**70,), (math.inf,)]
    up += [("",), ("B",), ("a",)]
    last: list[Values] = [(), (math.nan,)]

    assert ordered("params.x", *reversed(up), *last) == [*up, *last]
    assert ordered("-params.x", *last, *up) == [*reversed(up), *last]


def test_of_several_values_the_least_counts() -> None:
    assert ordered("params.x", (3,), ("a", 1), (2, 9)) == [("a", 1), (2, 9), (3,)]
    assert ordered("-params.x", (3,), (math.nan, 4), (2, 9)) == [(math.nan, 4), (3,), (2, 9)]


def test_numbers_are_ordered_exactly() -> None:
    close: list[Values] = [(2**53,), (float(2**53),), (2**53 + 1,), (1e23,), (10**23 + 1,)]

    assert ordered("params.x", *close) == close
    assert ordered("-params.x", *close) == [close[4], close[3], close[2], close[0], close[1]]


@given(st.lists(st.sampled_from([0, 1, 1.0, "a", True, None]), max_size=12))
def test_equal_values_keep_their_order(values: list[int | float | str | bool | None]) -> None:
    rows = [Line(n, () if value is None else (value,)) for n, value in enumerate(values)]

    for key in ("params.x", "-params.x"):
        found = sort_rows(rows, parse_sort_key(key))

        assert sorted(row.number for row in found) == [row.number for row in rows]
        for one, other in pairwise(found):
            same = [(type(value) is bool, value) for value in one.found + other.found]
            assert len(same) != 2 or same[0] != same[1] or one.number < other.number


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "--sort, column 1: a field is expected, and the expression ends here"),
        ("--auc", "--sort, column 2: a field is expected on the left side"),
        ("auc", '--sort, column 1: "auc" is not a field'),
        ("-metrics", "--sort, column 2: metrics needs a name, such as metrics.auc"),
        ("name desc", "--sort, column 6: a key to sort by is one field"),
        ("name,version", "--sort, column 5: a key to sort by is one field"),
    ],
)
def test_a_wrong_key_is_refused_at_its_column(typed: str, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_sort_key(typed)

    assert str(caught.value) == message
