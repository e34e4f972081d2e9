"""Foreign text in messages is one short, visible line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.domain.text.escape import quote_text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", '""'),
        ("größe 模型", '"größe 模型"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("\x1b[2J\n", '"\\x1b[2J\\n"'),
        ("\u202ex\u200b", '"\\u202ex\\u200b"'),
        ("\U000e0001\udc80", '"\\U000e0001\\udc80"'),
        ("x" * 60, '"' + "x" * 60 + '"'),
        ("x" * 61, '"' + "x" * 60 + '…"'),
    ],
)
def test_what_a_message_shows(text: str, line: str) -> None:
    assert quote_text(text) == line


def test_ten_megabytes_are_cut_before_they_are_escaped() -> None:
    assert quote_text("\x00" * 10_000_000, limit=8) == '"\\x00\\x00…"'


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=80), st.integers(1, 40))
def test_a_shown_text_is_always_one_short_visible_line(text: str, limit: int) -> None:
    line = quote_text(text, limit=limit)

    assert line.isprintable()
    assert len(line) <= limit + 3
