"""Edits by lines: what is asked for is said, and what people wrote stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmodel.domain.yaml.editor import edit
from gitmodel.domain.yaml.reader import block, parse
from gitmodel.errors import TextError

if TYPE_CHECKING:
    from collections.abc import Mapping

words = st.sampled_from(
    ["a", "b", "c", "d-e", "yes", "7", "key with space", "größe", "#x", "q'q", ""]
)
leaves = st.one_of(
    st.integers(-9, 9),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=True, width=16),
    st.text(alphabet="a #'\"\\:{}[],\n-é", max_size=6),
    st.lists(st.integers(0, 3), max_size=2),
)
mappings = st.recursive(
    st.dictionaries(words, leaves, max_size=3),
    lambda inner: st.dictionaries(words, st.one_of(leaves, inner), max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(mappings, mappings, st.sampled_from(["\n", "\r\n"]))
def test_any_canonical_text_can_be_made_to_say_anything(
    present: dict[str, Any], wanted: dict[str, Any], ending: str
) -> None:
    lines = ["# top", *block(present), "# end", ""]
    text = ending.join(lines)

    after = edit(text, wanted, what="x")

    # Floats as text: not a number equals nothing, itself included.
    assert sorted(block(parse(after.encode(), what="x"))) == sorted(block(wanted))
    assert after.count("# top") == after.count("# end") == 1
    assert after.replace("\r\n", "").count("\n") == (0 if ending == "\r\n" else after.count("\n"))


@settings(max_examples=100, deadline=None)
@given(mappings, st.sampled_from(["new-1", "new 2"]), leaves)
def test_adding_a_key_touches_no_line(present: dict[str, Any], key: str, value: Any) -> None:
    lines = [f"{line}  # kept" for line in block(present)]

    after = edit("\n".join(lines), {**present, key: value}, what="x").split("\n")

    assert [line for line in after if line in lines] == lines
    assert len([line for line in after if line]) == len(lines) + 1


@pytest.mark.parametrize(
    ("text", "wanted", "after"),
    [
        ("", {"a": 1}, "a: 1\n"),
        ("# only\n", {"a": 1}, "# only\na: 1\n"),
        ("---\na: 1\n", {"a": 2}, "---\na: 2\n"),
        ("a: 1\n\n\nb: 1\n", {"a": 1, "x": 0, "b": 1}, "a: 1\nx: 0\n\n\nb: 1\n"),
        ("a: 1 # one\nb: 1\n", {"b": 1}, "b: 1\n"),
        ("a: 1 #\n", {"a": 2}, "a: 2 #\n"),
        ('a: "x # y" # z\n', {"a": 2}, "a: 2 # z\n"),
        ("a: 'it''s # y' # z\n", {"a": 2}, "a: 2 # z\n"),
        ('a: "\\" # y" # z\n', {"a": 2}, "a: 2 # z\n"),
        ("a: it's#1 # z\n", {"a": 2}, "a: 2 # z\n"),
        ("a: [1, '# y'] # z\n", {"a": 2}, "a: 2 # z\n"),
        ("a : 1\n", {"a": 2}, "a : 2\n"),
        ("'a': 1\n", {"a": 2}, "'a': 2\n"),
        ('"\\u0061": 1\n', {"a": 2}, '"\\u0061": 2\n'),
        ("a: |\n  # text\n  b: 1\nb: 2\n", {"a": "# text\nb: 1\n", "b": 3}, "a: |\n  # text\n  b: 1\nb: 3\n"),
        ("a:\n  b:\n    c: 1 # deep\n  d: 1\n", {"a": {"b": {"c": 2}, "d": 1}}, "a:\n  b:\n    c: 2 # deep\n  d: 1\n"),
        ("a:\n  b: 1\n", {"a": {}}, "a: {}\n"),
        ("a:\n  b: 1\n  # why\n", {"a": [1]}, "a: [1]\n  # why\n"),
        ("a:\n- 1\n- 2\nb: 1\n", {"a": [1], "b": 1}, "a: [1]\nb: 1\n"),
        ("a:\n  x\n  y\n", {"a": "z"}, 'a: "z"\n'),
        ("a: 1", {"a": 2}, "a: 2"),
        ("a:\n  b: 1\n  # c", {"a": 2}, "a: 2\n  # c"),
        ("a: {x: 1}\n", {"a": {"x": 1.0}}, "a: {x: 1.0}\n"),
        ("a: 1\n", {"a": True}, "a: true\n"),
    ],
)  # fmt: skip
def test_layouts_that_people_write(text: str, wanted: Mapping[str, Any], after: str) -> None:
    assert edit(text, wanted, what="x") == after


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{a: 1}\n", {"a": 2}),
        ("? a\n: 1\n", {"a": 2}),
        ("a: 1\n...\n", {"a": 1, "b": 2}),
        ("a: |\n  x\n  # y\nb: 1\n", {"a": "z", "b": 1}),
        ("{a: 1, b: 1}\n", {"a": 1}),
    ],
)
def test_what_cannot_be_edited_safely_is_not_edited(text: str, wanted: Mapping[str, Any]) -> None:
    try:
        after = edit(text, wanted, what="x")
    except TextError as error:
        message = f"{error.message} {error.hint}"
    else:
        message = after

    assert message.startswith("x: its layout cannot be edited line by line edit it by hand") or (
        parse(message.encode(), what="x") == wanted
    )


def test_text_that_does_not_parse_is_refused() -> None:
    with pytest.raises(TextError, match="x: line 1"):
        edit("a: *b\n", {}, what="x")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_what_replaces_all_keys_of_a_nested_mapping_stays_nested(ending: str) -> None:
    """It was put at the top once all old keys were gone, and the edit was refused."""
    text = ending.join(["a: 1", '"yes":', "  old: 2", ""])

    changed = edit(text, {"a": 1, "yes": {"new": False}}, what="x")

    assert changed == ending.join(["a: 1", '"yes":', "  new: false", ""])
