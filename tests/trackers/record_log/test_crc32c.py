"""CRC-32C of many records at once is that of the definition, of every length."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gitmodel.trackers.record_log.crc32c import checksums, crc32c
from tests.support import wire


def test_the_checksums_of_the_specification() -> None:
    """RFC 3720, appendix B.4."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_records_longer_than_the_table_are_joined() -> None:
    records = [bytes([size & 255]) * size for size in (0, 1, 1023, 1024, 1025, 2048, 2049, 5000)]

    assert checksums(records) == [wire.crc32c(record) for record in records]


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_each_record_has_its_own_checksum(records: list[bytes]) -> None:
    assert checksums(records) == [wire.crc32c(record) for record in records]
