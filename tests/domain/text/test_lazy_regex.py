"""An expression that is compiled late answers as one that was compiled at once."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.text.lazy_regex import lazy_compile


@given(st.text("ab1 ", max_size=12))
def test_it_answers_as_a_compiled_one(text: str) -> None:
    late, ready = lazy_compile(r"([ab]+)(\d)?"), re.compile(r"([ab]+)(\d)?")
    for _ in range(2):  # also when it is asked again
        for ask in ("match", "search", "fullmatch"):
            found, expected = getattr(late, ask)(text), getattr(ready, ask)(text)
            assert (found and found.groups()) == (expected and expected.groups())
        assert late.sub("x", text) == ready.sub("x", text)
        assert late.findall(text) == ready.findall(text)


def test_bytes_and_flags_are_taken() -> None:
    assert lazy_compile(rb"^a.b$", re.DOTALL | re.MULTILINE).search(b"x\na\nb\n")
    assert lazy_compile("A", re.IGNORECASE).flags & re.IGNORECASE


def test_nothing_is_compiled_before_it_is_asked() -> None:
    broken = lazy_compile("(")
    with pytest.raises(re.error):
        broken.match("")
    with pytest.raises(AttributeError):
        _ = lazy_compile("a").nothing_of_the_kind  # type: ignore[attr-defined]
