"""Logs in blocks: records of any size are read back, and damage ends reading."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.trackers.record_log import leveldb
from gitmodel.trackers.record_log.leveldb import BlockLog
from tests.support.wire import BLOCK, wandb_file

SIZES = st.one_of(st.integers(0, 50), st.integers(BLOCK - 40, BLOCK + 40), st.just(3 * BLOCK))


def read(raw: bytes) -> tuple[list[bytes], str | None]:
    log = BlockLog(io.BytesIO(raw), start=7)
    return list(log), log.problem


def of_sizes(sizes: list[int]) -> list[bytes]:
    return [bytes([number + 1]) * size for number, size in enumerate(sizes)]


@given(st.lists(SIZES, max_size=6))
def test_what_is_written_is_read_back(sizes: list[int]) -> None:
    records = of_sizes(sizes)

    assert read(wandb_file(records)) == (records, None)


@given(st.lists(SIZES, min_size=1, max_size=3), st.data())
def test_a_torn_file_keeps_whole_records_only(sizes: list[int], data: st.DataObject) -> None:
    records = of_sizes(sizes)
    before = len(wandb_file(records[:-1]))
    raw = wandb_file(records)
    cut = data.draw(st.integers(before, len(raw) - 1))

    found, problem = read(raw[:cut])

    assert found == records[:-1]
    assert problem in (None, "the last record is incomplete")


@given(st.lists(SIZES, min_size=1, max_size=4), st.data())
def test_a_flipped_bit_never_reaches_a_record(sizes: list[int], data: st.DataObject) -> None:
    records = of_sizes(sizes)
    raw = bytearray(wandb_file(records))
    raw[data.draw(st.integers(7, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    found, _ = read(bytes(raw))

    assert found == records[: len(found)]


def test_damage_is_named_with_its_offset() -> None:
    raw = bytearray(wandb_file([b"a" * 10, b"b" * 10, b"c" * 10]))
    raw[7 + 17 + 9] ^= 1

    assert read(bytes(raw)) == ([b"a" * 10], "a checksum does not match at byte 24")


def test_a_record_that_is_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leveldb, "MAX_RECORD", BLOCK)
    log = BlockLog(io.BytesIO(wandb_file([b"a", bytes(3 * BLOCK), b"b"])), start=7)

    assert list(log) == [b"a", b"b"]
    assert log.passed_over == 1


@pytest.mark.parametrize("kinds", [[2, 1], [3], [4], [2, 2]])
def test_pieces_that_do_not_fit_end_reading(kinds: list[int]) -> None:
    assert read(pieces(kinds)) == ([], "the pieces of a record do not fit together")


def test_an_unknown_kind_ends_reading() -> None:
    assert read(pieces([9])) == ([], "a record of an unknown kind at byte 7")


def test_a_first_piece_without_a_last_is_torn() -> None:
    assert read(pieces([2])) == ([], "the last record is incomplete")


def pieces(kinds: list[int]) -> bytes:
    import struct
    import zlib

    framed = [
        struct.pack("<IHB", zlib.crc32(b"x", zlib.crc32(bytes([kind]))), 1, kind) + b"x"
        for kind in kinds
    ]
    return wandb_file([]) + b"".join(framed)


@given(st.binary(max_size=200))
def test_any_bytes_end(raw: bytes) -> None:
    found, problem = read(wandb_file([b"first"]) + raw)

    assert found[0] == b"first"
    assert (problem is None) == (wandb_file(found) == wandb_file([b"first"]) + raw)
