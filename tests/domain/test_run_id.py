from __future__ import annotations

from enum import Enum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.run_id import MAX_CHARACTERS, run_id_text
from gitmodel.errors import UsageError


class Run(Enum):
    FIRST = 7


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", None),
        (" \n", None),
        ("8f14e45f", "8f14e45f"),
        ("8f14e45f\n", "8f14e45f"),
        (4711, "4711"),
        (-1, "-1"),
        (b"8f14", "8f14"),
        (bytearray(b"8f14"), "8f14"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Run.FIRST, "7"),
    ],
)
def test_an_id_of_any_tracker_becomes_text(value: object, text: str | None) -> None:
    assert run_id_text(value) == text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [True, 1.5, b"\xff", "\udcff", object(), ["a"], {}, "x" * (MAX_CHARACTERS + 1), 10**5000],
    ids=["bool", "float", "bytes", "half", "object", "list", "dict", "long", "digits"],
)
def test_what_is_no_id_is_refused_with_what_to_write_instead(value: object) -> None:
    with pytest.raises(UsageError) as caught:
        run_id_text(value)  # type: ignore[arg-type]

    assert caught.value.message.startswith("the run id ")
    assert caught.value.message.isprintable()
    assert caught.value.hint


@given(st.text(max_size=30) | st.binary(max_size=9) | st.integers() | st.uuids())
def test_an_id_is_text_that_a_pointer_can_hold_or_an_error(value: object) -> None:
    try:
        text = run_id_text(value)  # type: ignore[arg-type]
    except UsageError:
        return
    assert text is None or (text and text.encode())
