"""Data of one name with another digest are named; everything else is no change."""

from __future__ import annotations

from gitmodel.domain.gates.data import data_changes


def test_other_digests_of_one_name_are_named() -> None:
    before = [{"name": "may", "digest": "sha256:aaa"}, {"name": "test", "digest": "1"}]
    after = [{"name": "may", "digest": "sha256:bbb"}, {"name": "test", "digest": "1"}]

    assert data_changes(before, after) == ('data "may" was sha256:aaa, and is sha256:bbb',)


def test_new_data_and_data_without_a_digest_are_no_change() -> None:
    before = [{"name": "may"}, {"name": "old", "digest": "1"}]
    after = [{"name": "may", "digest": "2"}, {"name": "new", "digest": "3"}]

    assert data_changes(before, after) == ()


def test_control_characters_of_a_digest_do_not_reach_people() -> None:
    before, after = [{"name": "a", "digest": "1"}], [{"name": "a", "digest": "\x1b[2J"}]

    assert "\x1b" not in "".join(data_changes(before, after))
