"""Tensors of two files are compared by chunks, and by bytes only where chunks do not tell."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.tensor_changes import ChunkSpans, TensorSpan, compare_tensors, moved_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.domain.tensor_changes import Segment, Status

Tensors = dict[str, bytes]


def laid_out(tensors: Tensors) -> tuple[bytes, dict[str, TensorSpan]]:
    """The file, and where each tensor is."""
    spans, data = {}, b"head"
    for name, content in tensors.items():
        spans[name] = TensorSpan(name, len(data), len(content), "U8", (len(content),))
        data += content
    return data, spans


def chunked(data: bytes, cuts: Sequence[int]) -> ChunkSpans:
    """The file in chunks with these lengths, over and over."""
    ends = [end for end in accumulate(list(cuts) * len(data)) if end < len(data)] + [len(data)]
    starts = [0, *ends[:-1]]
    return ChunkSpans(ends, [blake3(data[s:e]).digest() for s, e in zip(starts, ends, strict=True)])


def expected(a: Tensors, b: Tensors) -> dict[str, Status]:
    """Each tensor compared byte by byte."""
    status: dict[str, Status] = {name: "removed" for name in a if name not in b}
    for name, content in b.items():
        if name not in a:
            status[name] = "added"
        else:
            status[name] = "same" if a[name] == content else "changed"
    return status


def compared(
    a: Tensors, b: Tensors, cuts_a: Sequence[int], cuts_b: Sequence[int], *, may_read: bool = True
) -> dict[str, Status]:
    data_a, spans_a = laid_out(a)
    data_b, spans_b = laid_out(b)

    def read(questions: Sequence[Sequence[Segment]]) -> list[bool | None]:
        return [
            all(data_a[s.a : s.a + s.size] == data_b[s.b : s.b + s.size] for s in segments)
            if may_read
            else None
            for segments in questions
        ]

    chunks = chunked(data_a, cuts_a), chunked(data_b, cuts_b)
    return {
        change.name: change.status for change in compare_tensors(spans_a, spans_b, *chunks, read)
    }


# Few letters and short contents, so that two tensors are often alike.
files = st.dictionaries(
    st.sampled_from("abcdefg"), st.binary(max_size=12).map(lambda b: bytes(x % 2 for x in b))
)
lengths = st.lists(st.integers(1, 9), min_size=1, max_size=4)


@given(files, files, lengths, lengths)
def test_with_bytes_at_hand_the_answer_is_that_of_a_comparison_of_bytes(
    a: Tensors, b: Tensors, cuts_a: list[int], cuts_b: list[int]
) -> None:
    assert compared(a, b, cuts_a, cuts_b) == expected(a, b)


@given(files, files, lengths, lengths)
def test_without_bytes_nothing_wrong_is_said(
    a: Tensors, b: Tensors, cuts_a: list[int], cuts_b: list[int]
) -> None:
    truth = expected(a, b)
    for name, status in compared(a, b, cuts_a, cuts_b, may_read=False).items():
        assert status in (truth[name], "undecided")


def test_a_tensor_in_chunks_of_its_own_needs_no_bytes() -> None:
    a = {"head": bytes(4), "x": b"1111", "y": b"2222"}
    b = {"head": bytes(4), "x": b"1111", "y": b"3333"}

    found = compared(a, b, [4], [4], may_read=False)

    assert found == {"head": "same", "x": "same", "y": "changed"}


def test_another_type_of_the_same_bytes_is_a_change() -> None:
    old = {"x": TensorSpan("x", 0, 4, "F32", (1,))}
    new = {"x": TensorSpan("x", 0, 4, "I32", (1,))}
    chunks = chunked(b"1234", [4])

    [change] = compare_tensors(old, new, chunks, chunks, lambda _: [])

    assert change.status == "changed"


def test_a_tensor_of_whole_chunks_is_found_under_its_new_name() -> None:
    a = {"head": bytes(4), "x": b"1111", "same": b"5555", "twice": b"2222", "again": b"2222"}
    b = {"head": bytes(4), "y": b"1111", "same": b"5555", "once": b"2222"}
    data_a, spans_a = laid_out(a)
    data_b, spans_b = laid_out(b)
    chunks = chunked(data_a, [4]), chunked(data_b, [4])
    changes = compare_tensors(spans_a, spans_b, *chunks, lambda _: [])

    assert moved_names(changes, *chunks) == [("x", "y")]


@given(files, files, lengths, lengths)
def test_tensors_under_two_names_have_the_same_bytes(
    a: Tensors, b: Tensors, cuts_a: list[int], cuts_b: list[int]
) -> None:
    data_a, spans_a = laid_out(a)
    data_b, spans_b = laid_out(b)
    chunks = chunked(data_a, cuts_a), chunked(data_b, cuts_b)
    changes = compare_tensors(spans_a, spans_b, *chunks, lambda questions: [None] * len(questions))

    for old, new in moved_names(changes, *chunks):
        assert a[old] == b[new]
        assert old not in b
        assert new not in a
