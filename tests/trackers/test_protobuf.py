"""The reader of the wire format: fields in order, and an error for whatever is no message."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.errors import TrackerError
from gitmodel.trackers import protobuf
from gitmodel.trackers.protobuf import BYTES, FIXED32, FIXED64, VARINT, fields, key
from tests.support.wire import field, single, varint


def test_every_encoding_is_read_in_the_order_of_the_message() -> None:
    message = field(1, 5) + field(2000, "ä") + field(3, 0.5) + single(4, 0.25) + field(1, -1)

    found = list(fields(message))

    assert found == [
        (key(1, VARINT), 5, b""),
        (key(2000, BYTES), 0, "ä".encode()),
        (key(3, FIXED64), 0, b"\0\0\0\0\0\0\xe0?"),
        (key(4, FIXED32), 0, b"\0\0\x80>"),
        (key(1, VARINT), (1 << 64) - 1, b""),
    ]
    assert protobuf.text(found[1][2]) == "ä"
    assert protobuf.double(found[2][2]) == 0.5
    assert protobuf.single(found[3][2]) == 0.25
    assert protobuf.signed(found[4][1]) == -1


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (b"\x08", "the last field is incomplete"),
        (b"\x0a\x05abc", "a field is longer than its message"),
        (b"\x09\0\0\0", "a field is longer than its message"),
        (b"\x0d\0\0", "a field is longer than its message"),
        (b"\x08" + b"\xff" * 11, "a number has more than 10 bytes"),
        (b"\xff", "the last field is incomplete"),
        (b"\x00\x01", "a field has no valid number"),
        (varint(1 << 40) + b"\0", "a field has no valid number"),
        (b"\x0b\x0c", "a field has an unknown encoding"),
        (b"\x0e\x01", "a field has an unknown encoding"),
        (b"\x0a" + b"\xff" * 9 + b"\x01", "a field is longer than its message"),
    ],
)
def test_what_is_no_message_is_refused(message: bytes, problem: str) -> None:
    with pytest.raises(TrackerError) as caught:
        list(fields(message))

    assert caught.value.message == f"not a message of Protocol Buffers: {problem}"


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(TrackerError, match="a text is not UTF-8"):
        protobuf.text(b"\xff")


@given(st.lists(st.integers(0, (1 << 64) - 1)))
def test_packed_numbers_are_read_back(numbers: list[int]) -> None:
    packed = b"".join(map(varint, numbers))

    assert list(protobuf.varints(packed)) == numbers


def test_packed_numbers_that_end_early_are_refused() -> None:
    with pytest.raises(TrackerError, match="the last number is incomplete"):
        list(protobuf.varints(b"\x01\x80"))


VALUES = st.one_of(
    st.integers(0, (1 << 64) - 1), st.floats(allow_nan=False), st.binary(max_size=300)
)


@given(st.lists(st.tuples(st.integers(1, (1 << 29) - 1), VALUES), max_size=20))
def test_what_is_written_is_read_back(written: list[tuple[int, float | bytes]]) -> None:
    message = b"".join(field(number, value) for number, value in written)

    found = list(fields(message))

    assert [one >> 3 for one, _, _ in found] == [number for number, _ in written]
    assert [
        {VARINT: integer, BYTES: raw}.get(one & 7) if one & 7 != FIXED64 else protobuf.double(raw)
        for one, integer, raw in found
    ] == [value for _, value in written]


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_refused(message: bytes) -> None:
    steps = 0
    with contextlib.suppress(TrackerError):
        for _ in fields(message):
            steps += 1

    assert steps <= len(message)
