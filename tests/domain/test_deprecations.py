"""Deprecated versions are read exactly and written canonically."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.deprecations import (
    Deprecation,
    Deprecations,
    check_date,
    deprecations_path_for,
)
from gitmodel.errors import AliasError, NewerFormatError
from tests.support import strategies

LEAKED = Deprecation(why="leaked labels", since="2026-11-28", until="2027-01-31", instead=5)
FRAUD = Deprecations({10: Deprecation(why="unit \u202e test"), 3: LEAKED})
TEXT = """\
# Written by gitmodel; unknown keys are kept, comments are not.
gitmodel: 1
deprecated:
  3: {why: "leaked labels", since: "2026-11-28", until: "2027-01-31", instead: 5}
  10: {why: "unit \\u202e test"}
"""


def read(content: str | bytes) -> Deprecations:
    return Deprecations.from_text(content, what="fraud.deprecated.yaml")


def test_the_canonical_text_is_this() -> None:
    assert FRAUD.to_text() == TEXT
    assert read(TEXT) == FRAUD
    assert Deprecations().to_text().endswith("\ngitmodel: 1\ndeprecated: {}\n")


def test_the_words_name_reason_and_dates() -> None:
    assert LEAKED.words() == "deprecated since 2026-11-28 (until 2027-01-31): leaked labels"
    assert Deprecation(why="\x1b[2J").words() == r"deprecated: \x1b[2J"


@given(strategies.deprecations)
def test_deprecations_read_back_and_their_text_is_canonical(value: Deprecations) -> None:
    try:
        content = value.to_text()
    except AliasError:
        return
    assert read(content).to_text() == content


WRONG = {
    "a list": ("gitmodel: 1\ndeprecated: [3]\n", "deprecated must be a mapping"),
    "a word": ('gitmodel: 1\ndeprecated: {v3: {why: "x"}}\n', '"v3" is not a version number'),
    "zero first": ('gitmodel: 1\ndeprecated: {03: {why: "x"}}\n', '"03" is not a version number'),
    "no mapping": ('gitmodel: 1\ndeprecated: {3: "x"}\n', "deprecated.3 must be a mapping"),
    "no reason": ("gitmodel: 1\ndeprecated: {3: {}}\n", "deprecated.3.why is missing"),
    "no date": ('gitmodel: 1\ndeprecated: {3: {why: "x", until: "soon"}}\n', "deprecated.3.until must be a date"),
    "no number": ('gitmodel: 1\ndeprecated: {3: {why: "x", instead: v5}}\n', "deprecated.3.instead must be a whole number"),
    "no format": ("deprecated: {}\n", "gitmodel must be 1"),
    "conflict": ("gitmodel: 1\n<<<<<<< a\n=======\n>>>>>>> b\n", "unresolved merge conflict"),
    "anchor": ("gitmodel: 1\ndeprecated: &a {}\n", "anchors (&name) are not accepted"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_value_is_refused_with_its_place(content: str, message: str) -> None:
    with pytest.raises(AliasError) as caught:
        read(content)

    assert str(caught.value).startswith("fraud.deprecated.yaml: ")
    assert message in str(caught.value)
    assert caught.value.hint


def test_a_newer_format_is_told_apart() -> None:
    with pytest.raises(NewerFormatError):
        read("gitmodel: 2\ndeprecated: !new [\n")


@given(
    st.binary(max_size=100)
    | st.tuples(st.integers(0, 300), strategies.texts).map(
        lambda edit: TEXT[: edit[0]] + edit[1] + TEXT[edit[0] :]
    )
)
def test_whatever_the_bytes_only_these_errors_are_raised(raw: bytes | str) -> None:
    try:
        value = read(raw)
        hint: str | None = "none needed"
    except (AliasError, NewerFormatError) as error:
        value, hint = Deprecations(), error.hint
    assert hint
    assert read(value.to_text()) == value


def test_dates_are_dates() -> None:
    assert check_date("2027-01-31") == "2027-01-31"
    for text in ("2027-13-01", "2027-1-1", "tomorrow", "2027-01-31T00:00"):
        assert check_date(text) is None


def test_the_file_is_beside_the_pointer() -> None:
    assert deprecations_path_for("models/fraud.model.yaml") == "models/fraud.deprecated.yaml"
