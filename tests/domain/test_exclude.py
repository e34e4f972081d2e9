from __future__ import annotations

import fnmatch
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.domain.exclude import (
    MAX_CHARACTERS,
    MAX_PATTERNS,
    check_patterns,
    is_below_excluded,
    is_excluded,
)
from gitmodel.errors import UsageError

LONG = bool(os.environ.get("GITMODEL_TESTS_LONG"))


def matches(pattern: str, path: str) -> bool:
    assert check_patterns([pattern]) == (pattern,)
    return is_below_excluded(path.split("/"), (pattern,))


@pytest.mark.parametrize(
    ("pattern", "path", "wanted"),
    [
        ("*.swp", "a.swp", True),
        ("*.swp", "deep/er/a.swp", True),
        ("*.swp", "a.swp/inner", True),
        ("*.swp", "a.swpx", False),
        ("optimizer.pt", "optimizer.pt", True),
        ("optimizer.pt", "Optimizer.pt", False),
        ("optimizer.pt", "deep/optimizer.pt", True),
        ("optimizer*", "optimizer", True),
        ("checkpoints/*", "checkpoints/a/b", True),
        ("checkpoints/*", "x/checkpoints/a", False),
        ("checkpoints/*", "checkpoints", False),
        ("checkpoints", "x/checkpoints/a", True),
        ("*/optimizer.pt", "a/optimizer.pt", True),
        ("*/optimizer.pt", "optimizer.pt", False),
        ("*/optimizer.pt", "a/b/optimizer.pt", False),
        ("?.bin", "a.bin", True),
        ("?.bin", "ab.bin", False),
        ("?.bin", "é.bin", True),
        ("[ab].bin", "a.bin", False),
        ("[ab].bin", "[ab].bin", True),
        ("a.b", "axb", False),
        ("*a*b*c", "xaxbxc", True),
        ("*a*b*c", "xaxbx", False),
        ("*", "anything", True),
    ],
)
def test_what_patterns_match(pattern: str, path: str, *, wanted: bool) -> None:
    assert matches(pattern, path) is wanted


@pytest.mark.parametrize(
    "pattern",
    ["", "/a", "a/", "a//b", "../a", "a/..", ".", "a\\b", "!a", "**/a", "a\nb", "\udcff", "x" * (MAX_CHARACTERS + 1)],
)  # fmt: skip
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_patterns([pattern])

    assert caught.value.message.isprintable()
    assert caught.value.hint


def test_patterns_are_few_and_each_once() -> None:
    assert check_patterns(["a", "b", "a"]) == ("a", "b")
    with pytest.raises(UsageError, match="the maximum is 32"):
        check_patterns([f"{number}" for number in range(MAX_PATTERNS + 1)])


@settings(max_examples=20_000 if LONG else 300)
@given(st.text("ab*?.", min_size=1, max_size=12), st.text("ab.", min_size=1, max_size=12))
def test_a_part_is_matched_as_fnmatch_does(pattern: str, name: str) -> None:
    if "**" in pattern or pattern in {".", ".."}:
        return
    assert is_excluded([name], check_patterns([pattern])) == fnmatch.fnmatchcase(name, pattern)


def test_hostile_patterns_end() -> None:
    """A matcher that goes back behind each star would take longer than the universe lasts."""
    pattern = "*a" * 99 + "*b"
    name = "a" * 255

    assert check_patterns([pattern]) == (pattern,)
    assert not is_excluded([name], [pattern] * MAX_PATTERNS)
