from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gitmodel.trackers.mlflow.metric_file import last_value

POINTS = st.tuples(
    st.integers(-2, 2), st.integers(0, 2), st.sampled_from((0.0, 1.5, float("nan"), float("inf")))
)


@given(st.lists(POINTS, min_size=1), st.integers(1, 40))
def test_the_value_is_the_one_of_max_however_the_file_is_cut(
    points: list[tuple[int, int, float]], size: int
) -> None:
    text = "".join(f"{at} {value} {step}\n" for step, at, value in points).encode()
    blocks = [text[start : start + size] for start in range(0, len(text), size)]

    assert repr(last_value(blocks)) == f"LastValue(value={max(points)[2]!r}, unreadable=0)"


@given(st.lists(st.binary(max_size=20)))
def test_any_bytes_have_an_answer(blocks: list[bytes]) -> None:
    assert last_value(blocks).unreadable >= 0


def test_a_last_line_without_an_end_counts() -> None:
    assert last_value([b"1 0.5 1\n1 0.", b"75 2"]) == (0.75, 0)


def test_a_line_has_two_three_or_more_fields() -> None:
    assert last_value([b"1 0.25\n"]) == (0.25, 0)
    assert last_value([b"1 0.25\n2 0.5 -1\n"]) == (0.25, 0)
    assert last_value([b"1 0.25\n2 0.5 3 train 0a1b2c3d\n"]) == (0.5, 0)
    assert last_value([b"1 0.25\n2 0.5 3 train\n"]) == (0.5, 0)
