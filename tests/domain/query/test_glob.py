"""A pattern of `~` matches as shells match, and never takes exponential time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.query.glob import matcher

MATCHES = [
    ("fraud*", "fraud", True),
    ("fraud*", "fraud-eu", True),
    ("fraud*", "team/fraud", False),
    ("*fraud", "team/fraud", True),
    ("team/*", "team/a/b", True),
    ("f?aud", "fraud", True),
    ("f?aud", "faud", False),
    ("[a-c]x", "bx", True),
    ("[!a-c]x", "bx", False),
    ("[!a-c]x", "dx", True),
    ("[]]x", "]x", True),
    ("[*]", "*", True),
    ("[*]", "a", False),
    ("[z-a]", "b", False),
    ("[!z-a]", "b", True),
    ("[a", "[a", True),
    ("a.c", "abc", False),
    ("*a*b*", "xaybz", True),
    ("a*a", "a", False),
    ("", "", True),
    ("*", "", True),
    ("line*", "line\nbreak", True),
    ("Fraud", "fraud", False),
    (r"a\d", r"a\d", True),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), MATCHES)
def test_a_pattern_matches_the_whole_text(pattern: str, text: str, *, expected: bool) -> None:
    assert matcher(pattern)(text) is expected


def by_trying(pattern: str, text: str) -> bool:
    """Whether a pattern without classes matches, by trying every length of each star."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(by_trying(pattern[1:], text[count:]) for count in range(len(text) + 1))
    return bool(text) and pattern[0] in {"?", text[0]} and by_trying(pattern[1:], text[1:])


@given(st.text("ab*?.\n", max_size=8), st.text("ab.\n", max_size=8))
def test_a_pattern_matches_what_trying_everything_finds(pattern: str, text: str) -> None:
    assert matcher(pattern)(text) is by_trying(pattern, text)


@given(st.text(max_size=30), st.text(max_size=10))
def test_every_text_is_a_pattern(pattern: str, text: str) -> None:
    assert matcher(pattern)(text) in {True, False}


@pytest.mark.parametrize("pattern", ["*a" * 200 + "b", "*" * 5000 + "b", "*[ab]" * 200, "?*" * 400])
def test_no_pattern_backtracks_without_end(pattern: str) -> None:
    begin = time.process_time()

    matcher(pattern)("a" * 20_000)

    assert time.process_time() - begin < 2
