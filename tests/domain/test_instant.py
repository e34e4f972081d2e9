"""What people type as a time is an instant or a UTC day, and nothing else is accepted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.instant import When, instant_text, is_when, parse_when
from gitmodel.errors import UsageError

NOON = 1_778_068_800  # 2026-05-06T12:00:00Z


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-06T12:00:00Z",
        "2026-05-06t12:00:00z",
        "2026-05-06 12:00Z",
        "2026-05-06T12:00:00.999Z",
        "2026-05-06T12:00:00,5Z",
        "2026-05-06T14:00+02:00",
        "2026-05-06 14:00:00 +0200",
        "2026-05-06T14:00:00+02",
        "2026-05-06T04:30:00-0730",
        "2026-05-07T02:00:00+14:00",
        "2026-05-06T11:59:60Z",
        " 2026-05-06T12:00:00Z ",
    ],
)
def test_one_instant_has_many_spellings(text: str) -> None:
    assert parse_when(text) == When(NOON)


def test_a_date_is_the_day_in_utc() -> None:
    assert parse_when("2026-05-06") == When(NOON - 43_200, NOON + 43_200)
    assert str(parse_when("2024-02-29")) == "2024-02-29"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("2026-05-06T12:00", "name the zone: 2026-05-06T12:00Z, or +02:00 for Z"),
        ("2026-02-29", "use a day of the calendar, such as 2026-05-06"),
        ("2026-05-06T24:00Z", "use a day of the calendar, such as 2026-05-06"),
        ("2026-05-06T12:00:61Z", "use a day of the calendar, such as 2026-05-06"),
        ("0000-01-01", "use a day of the calendar, such as 2026-05-06"),
        ("2026-05-06T12:00+25:00", "use a zone such as Z, +02:00 or -0730"),
        ("yesterday", "use 2026-05-06 for a day in UTC, or 2026-05-06T14:00:00Z"),
        ("06.05.2026", "use 2026-05-06 for a day in UTC, or 2026-05-06T14:00:00Z"),
        (
            "\uff12\uff10\uff12\uff16-05-06",
            "use 2026-05-06 for a day in UTC, or 2026-05-06T14:00:00Z",
        ),
        ("", "use 2026-05-06 for a day in UTC, or 2026-05-06T14:00:00Z"),
        ("1" * 100_000, "use 2026-05-06 for a day in UTC, or 2026-05-06T14:00:00Z"),
    ],
)
def test_other_texts_are_refused_with_a_form_that_works(text: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_when(text)

    assert caught.value.hint == hint


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_a_printed_instant_is_read_back(seconds: int) -> None:
    assert parse_when(instant_text(seconds)) == When(seconds)
    assert datetime.fromisoformat(instant_text(seconds)).astimezone(UTC).timestamp() == seconds


@given(st.integers())
def test_every_number_has_a_text(seconds: int) -> None:
    assert len(instant_text(seconds)) == len("2026-05-06T12:00:00Z")


@given(st.text(max_size=40))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        parse_when(text)
    except UsageError:
        return
    assert is_when(text.strip())


def test_revisions_are_no_dates() -> None:
    assert is_when("2026-05-06")
    assert is_when("2026-05-06T1")
    assert not is_when("2026-05-06-release")
    assert not is_when("v1.2")
