"""Builds messages of Protocol Buffers, and the logs that frame them, byte by byte."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BLOCK = 32768
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: float | bytes | str) -> bytes:
    """One field: int as varint, float as double, text and bytes with their length."""
    match value:
        case int():
            return varint(number << 3) + varint(value)
        case float():
            return varint(number << 3 | 1) + struct.pack("<d", value)
        case str():
            return field(number, value.encode())
        case bytes():
            return varint(number << 3 | 2) + varint(len(value)) + value


def single(number: int, value: float) -> bytes:
    """One field of the type float."""
    return varint(number << 3 | 5) + struct.pack("<f", value)


def event(wall_time: float, step: int, *values: bytes) -> bytes:
    summary = b"".join(field(1, value) for value in values)
    return field(1, wall_time) + (field(2, step) if step else b"") + field(5, summary)


def scalar(tag: str, value: float) -> bytes:
    return field(1, tag) + single(2, value)


def tensor_scalar(tag: str, tensor: bytes, *, plugin: str | None = "scalars") -> bytes:
    metadata = b"" if plugin is None else field(9, field(1, field(1, plugin)))
    return field(1, tag) + field(8, tensor) + metadata


def restart(wall_time: float, step: int) -> bytes:
    """The start of a session, as `purge_step` writes it."""
    return field(1, wall_time) + field(2, step) + field(7, field(1, 1))


def crc32c(data: bytes) -> int:
    """The definition, bit by bit."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def tfrecord(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return b"".join([length, _masked(length), data, _masked(data)])


def event_file(*events: bytes) -> bytes:
    """An event file, with the version that each writer puts first."""
    version = field(1, 1700000000.0) + field(3, "brain.Event:2")
    return b"".join(map(tfrecord, [version, *events]))


def _masked(data: bytes) -> bytes:
    checksum = crc32c(data)
    rotated = checksum >> 15 | checksum << 17
    return struct.pack("<I", (rotated + 0xA282EAD8) & 0xFFFFFFFF)


def wandb_file(records: Iterable[bytes], *, version: int = 0) -> bytes:
    """A run file of W&B: a head, and a log in blocks that the head counts to."""
    log = bytearray(b":W&B" + struct.pack("<HB", 0xBEE1, version))
    for record in records:
        _append(log, record)
    return bytes(log)


def _append(log: bytearray, record: bytes) -> None:
    first = True
    while True:
        left = BLOCK - len(log) % BLOCK
        if left < 7:
            log += bytes(left)
            left = BLOCK
        piece, record = record[: left - 7], record[left - 7 :]
        kind = (FULL if first else LAST) if not record else (FIRST if first else MIDDLE)
        checksum = zlib.crc32(piece, zlib.crc32(bytes([kind])))
        log += struct.pack("<IHB", checksum, len(piece), kind) + piece
        first = False
        if not record:
            return
