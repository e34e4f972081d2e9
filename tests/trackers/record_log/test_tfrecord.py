"""TFRecord files: what was written is read back, and damage ends reading without losing what was before."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from gitmodel.trackers.record_log import tfrecord
from gitmodel.trackers.record_log.tfrecord import RecordFile
from tests.support.wire import crc32c
from tests.support.wire import tfrecord as framed

if TYPE_CHECKING:
    import pytest


def read(raw: bytes) -> tuple[list[bytes], str | None]:
    records = RecordFile(io.BytesIO(raw))
    return list(records), records.problem


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_what_is_written_is_read_back(records: list[bytes]) -> None:
    assert read(b"".join(map(framed, records))) == (records, None)


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=4), st.data())
def test_a_torn_file_keeps_the_records_before(records: list[bytes], data: st.DataObject) -> None:
    last = framed(records[-1])
    cut = data.draw(st.integers(1, len(last) - 1))

    found = read(b"".join(map(framed, records))[: -len(last) + cut])

    assert found == (records[:-1], "the last record is incomplete")


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5), st.data())
def test_a_flipped_bit_never_reaches_a_record(records: list[bytes], data: st.DataObject) -> None:
    raw = bytearray(b"".join(map(framed, records)))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    damaged = _record_at(records, bit // 8)

    found, problem = read(bytes(raw))

    start = sum(len(framed(record)) for record in records[:damaged])
    assert found == records[:damaged]
    assert problem == f"a checksum does not match at byte {start}"


def _record_at(records: list[bytes], offset: int) -> int:
    for number, record in enumerate(records):
        offset -= len(framed(record))
        if offset < 0:
            return number
    raise AssertionError


def test_zeros_at_the_end_end_reading() -> None:
    """A file system leaves them when the machine goes down."""
    found = read(framed(b"a") + bytes(4096))

    assert found == ([b"a"], "a checksum does not match at byte 17")


def test_a_long_record_is_passed_over_by_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfrecord, "MAX_RECORD", 100)
    raw = bytearray(framed(b"before") + framed(bytes(101)) + framed(b"after"))
    raw[-40] ^= 1  # inside the long record, which is not read
    records = RecordFile(io.BytesIO(raw))

    assert list(records) == [b"before", b"after"]
    assert (records.problem, records.passed_over) == (None, 1)


def test_a_length_that_lies_takes_no_memory() -> None:
    head = struct.pack("<Q", 1 << 62)

    found = read(head + struct.pack("<I", tfrecord.masked(crc32c(head))) + b"short")

    assert found == ([], "the last record is incomplete")


def test_more_than_a_batch_is_read_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfrecord, "_BATCH", 1000)
    records = [str(number).encode() for number in range(500)]

    assert read(b"".join(map(framed, records))) == (records, None)


def test_damage_in_a_batch_ends_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfrecord, "_BATCH", 1000)
    raw = bytearray(b"".join(framed(bytes([number])) for number in range(100)))
    raw[17 * 50 + 12] ^= 1

    found = read(bytes(raw))

    assert found == (
        [bytes([number]) for number in range(50)],
        f"a checksum does not match at byte {17 * 50}",
    )


@given(st.binary(max_size=200))
def test_of_any_bytes_only_whole_records_are_read(raw: bytes) -> None:
    records, problem = read(framed(b"first") + raw)

    assert (framed(b"first") + raw).startswith(b"".join(map(framed, records)))
    assert (problem is None) == (b"".join(map(framed, records)) == framed(b"first") + raw)
