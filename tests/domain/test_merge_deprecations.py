"""Deprecations are merged by version: two branches that deprecate two versions never conflict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.conflict_markers import conflict_sides
from gitmodel.domain.deprecations import Deprecation, Deprecations
from gitmodel.domain.merge_deprecations import merge_deprecation_texts, merge_deprecations

if TYPE_CHECKING:
    from gitmodel.domain.conflict_text import Side

WORDS: dict[Side, str] = {"ours": "what is checked out", "theirs": "what comes in"}
LEAKED, BIASED, SLOW = (Deprecation(why=why) for why in ("leaked labels", "biased", "slow"))


def file(**reasons: Deprecation) -> Deprecations:
    """`v3=LEAKED` is version 3."""
    return Deprecations({int(key[1:]): one for key, one in reasons.items()})


def merged(base: Deprecations, ours: Deprecations, theirs: Deprecations) -> tuple[str, str]:
    content, contested = merge_deprecation_texts(
        *(one.to_text().encode() for one in (base, ours, theirs)), name="fraud", words=WORDS
    )
    return content.decode(), contested


def test_two_versions_are_both_deprecated() -> None:
    result = merged(file(v1=SLOW), file(v1=SLOW, v2=LEAKED), file(v1=SLOW, v3=BIASED))

    assert result == (file(v1=SLOW, v2=LEAKED, v3=BIASED).to_text(), "")


def test_one_side_changes_or_removes_an_entry() -> None:
    assert merged(file(v1=SLOW), file(v1=LEAKED), file(v1=SLOW, v2=BIASED)) == (
        file(v1=LEAKED, v2=BIASED).to_text(),
        "",
    )
    assert merged(file(v1=SLOW, v2=BIASED), file(v2=BIASED), file(v1=SLOW)) == (
        Deprecations().to_text(),
        "",
    )
    assert merged(file(v1=SLOW), file(v1=LEAKED), file(v1=LEAKED)) == (
        file(v1=LEAKED).to_text(),
        "",
    )


def test_an_entry_that_both_changed_is_between_markers_and_the_others_are_merged() -> None:
    content, contested = merged(file(v2=SLOW), file(v1=SLOW, v2=LEAKED), file(v2=BIASED, v3=LEAKED))

    assert contested == "version 2"
    assert content == (
        "# Written by gitmodel; unknown keys are kept, comments are not.\n"
        "gitmodel: 1\n"
        "deprecated:\n"
        '  1: {why: "slow"}\n'
        "<<<<<<< ours, what is checked out; to take it: gitmodel resolve fraud@deprecated --ours\n"
        '  2: {why: "leaked labels"}\n'
        "=======\n"
        '  2: {why: "biased"}\n'
        ">>>>>>> theirs, what comes in; to take it: gitmodel resolve fraud@deprecated --theirs\n"
        '  3: {why: "leaked labels"}\n'
    )


def test_an_entry_removed_here_and_changed_there_is_a_conflict() -> None:
    content, contested = merged(file(v2=SLOW), file(), file(v2=BIASED))

    assert contested == "version 2"
    assert conflict_sides(content) == (file().to_text(), file(v2=BIASED).to_text())


def test_unknown_keys_are_merged_as_entries_are() -> None:
    ours, theirs = Deprecations({}, {"a": 1, "c": 1}), Deprecations({}, {"b": 2, "c": 2})

    result = merge_deprecations(Deprecations(), ours, theirs)

    assert (result.versions, result.keys, result.what) == ((), ("c",), "c")
    assert result.ours == Deprecations({}, {"a": 1, "b": 2, "c": 1})
    assert result.theirs == Deprecations({}, {"a": 1, "b": 2, "c": 2})


def test_a_file_that_does_not_parse_is_a_conflict_of_the_whole_file() -> None:
    ours = file(v1=SLOW).to_text()

    content, contested = merge_deprecation_texts(
        b"", ours.encode(), b"x: [\n", name="fraud", words=WORDS
    )

    assert contested == "the whole file"
    assert conflict_sides(content.decode()) == (ours, "x: [\n")


ENTRIES = st.dictionaries(st.integers(1, 12), st.sampled_from([LEAKED, BIASED, SLOW]), max_size=4)


@given(ENTRIES, ENTRIES, ENTRIES)
def test_each_entry_is_one_side_whole_and_a_conflict_holds_both(
    base: dict[int, Deprecation], ours: dict[int, Deprecation], theirs: dict[int, Deprecation]
) -> None:
    result = merge_deprecations(Deprecations(base), Deprecations(ours), Deprecations(theirs))
    content, contested = merged(Deprecations(base), Deprecations(ours), Deprecations(theirs))

    assert list(result.versions) == sorted(result.versions)
    for number in range(1, 13):
        before, one, other = base.get(number), ours.get(number), theirs.get(number)
        both = (result.ours.versions.get(number), result.theirs.versions.get(number))
        if number in result.versions:
            assert both == (one, other)
            assert before not in (one, other)
        else:
            assert both[0] == both[1] == (other if one == before else one)
    if contested:
        assert conflict_sides(content) == (result.ours.to_text(), result.theirs.to_text())
    else:
        assert content == result.ours.to_text() == result.theirs.to_text()
