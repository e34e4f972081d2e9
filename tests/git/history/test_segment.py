"""A segment gives back what was written, or says that it is damaged."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.git.history.segment import (
    DamagedSegmentError,
    Segment,
    SegmentBuilder,
    bucket_of,
    change_of,
)
from gitmodel.git.history.walk import Change

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_oids = st.binary(min_size=20, max_size=20).map(bytes.hex)
# What Git gives: paths are bytes, texts are UTF-8 on one line; NUL occurs in none.
_paths = (
    st.binary(min_size=1, max_size=20)
    .filter(lambda raw: b"\0" not in raw)
    .map(lambda raw: raw.decode("utf-8", "surrogateescape"))
)
_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n"), max_size=20)
_details = st.tuples(_paths, st.none() | _oids, _texts, st.integers(0, 2**62), _texts)
histories = st.dictionaries(_oids, st.lists(_details, max_size=4), max_size=8)


def changes_of(history: Mapping[str, Sequence[tuple[object, ...]]]) -> dict[str, list[Change]]:
    return {oid: [Change(oid, *one) for one in did] for oid, did in history.items()}  # type: ignore[arg-type]


def written(
    history: Mapping[str, Sequence[Change]], absorbed: Sequence[Segment] = (), *, keep: set[str]
) -> bytes:
    builder = SegmentBuilder()
    for commit, did in history.items():
        builder.add(commit, did)
    return builder.to_bytes(absorbed, keep, oid_length=20)


def opened(data: bytes, oid_length: int = 20) -> Segment:
    return Segment(io.BytesIO(data), "name", oid_length=oid_length)


def found(segment: Segment) -> set[Change]:
    records = [change_of(record) for bucket in range(256) for record in segment.records(bucket)]
    assert [change for bucket in range(256) for change in segment.changes(bucket)] == records
    return set(records)


@given(histories)
def test_what_was_written_is_read(history: dict[str, list[tuple[object, ...]]]) -> None:
    changes = changes_of(history)

    segment = opened(written(changes, keep=set()))

    assert segment.commits() == sorted(changes)
    assert segment.count == len(changes)
    assert found(segment) == {change for did in changes.values() for change in did}


@given(histories, histories, st.data())
def test_a_merged_segment_has_what_is_reachable_of_both(
    one: dict[str, list[tuple[object, ...]]],
    other: dict[str, list[tuple[object, ...]]],
    data: st.DataObject,
) -> None:
    older, newer = changes_of(one), changes_of(other)
    keep = set(data.draw(st.sets(st.sampled_from(sorted(older)))) if older else ())

    segment = opened(written(newer, [opened(written(older, keep=set()))], keep=keep))

    expected = newer | {oid: did for oid, did in older.items() if oid in keep - set(newer)}
    assert segment.commits() == sorted(expected)
    assert {change.commit for change in found(segment)} <= set(expected)
    assert found(segment) >= {change for did in expected.values() for change in did}


def test_the_same_commit_walked_twice_is_kept_once() -> None:
    oid = "ab" * 20
    changes = {oid: [Change(oid, "a.model.yaml", "cd" * 20, "Ana", 1, "x")]}

    both = opened(written(changes, [opened(written(changes, keep=set()))], keep={oid}))

    assert [change_of(r) for r in both.records(bucket_of("a.model.yaml"))] == changes[oid]


def _sample() -> tuple[bytes, str]:
    oid = "ab" * 20
    change = Change(oid, "sub/a.model.yaml", "cd" * 20, "Ana <ana@example.org>", 1, "subject")
    return written({oid: [change]}, keep=set()), "a.model.yaml"


def _read(data: bytes, name: str, oid_length: int = 20) -> list[Change]:
    segment = opened(data, oid_length)
    segment.commits()
    return [change_of(record) for record in segment.records(bucket_of(name))]


def test_every_changed_bit_and_every_lost_end_is_noticed() -> None:
    data, name = _sample()
    assert len(_read(data, name)) == 1

    for place in range(len(data)):
        for broken in (data[:place], data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]):
            with pytest.raises(DamagedSegmentError):
                _read(broken, name)


@pytest.mark.parametrize("data", [b"", b"gitmodel walk 1\n", b"gitmodel walk 2\n" + bytes(9000)])
def test_what_is_no_segment_is_refused(data: bytes) -> None:
    with pytest.raises(DamagedSegmentError):
        opened(data)


def test_a_segment_of_another_object_format_is_refused() -> None:
    data, name = _sample()

    with pytest.raises(DamagedSegmentError):
        _read(data, name, oid_length=32)
