"""Damaged and forged logs: each reader returns a run or raises `TrackerError`, in bounded time and memory.

Bytes of recorded files are changed as they are, and inside of records whose checksums are then made to match.
With GITMODEL_TESTS_LONG=1 each of the three kinds is damaged for 200 seconds, otherwise a few hundred times.
A failure names the number of its damage; GITMODEL_TESTS_SEED chooses others.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import random
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import TrackerError
from gitmodel.trackers.protobuf import BYTES, fields
from gitmodel.trackers.record_log.leveldb import BlockLog
from gitmodel.trackers.record_log.tfrecord import RecordFile
from gitmodel.trackers.tensorboard import read_run
from gitmodel.trackers.wandb.offline import read_offline
from tests.support.recorded_events import unpack
from tests.support.wire import tfrecord, wandb_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitmodel.trackers.run_metadata import RunMetadata

RECORDED = Path(__file__).parent / "recorded"
LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
SEED = int(os.environ.get("GITMODEL_TESTS_SEED", "0"))
FEW = 200
LONG_SECONDS = 200
LIMIT_SECONDS = 5
LIMIT_GROWTH = 256 << 10  # KiB, of the process
LARGEST = 20_000  # bytes of a file that is damaged
NUMBERS = (b"\xff" * 9 + b"\x01", b"\xff\xff\xff\xff\x0f", b"\x80" * 10, b"\0", b"\x7f", b"\x08")
TEXTS = (b"\xff", b"NaN", b"1e999", b"[" * 3000, b"{}", b'{"a":' * 50, b"9" * 5000, b'"\\ud800"')


def damages() -> Iterator[random.Random]:
    """Random numbers for each damage."""
    end = time.monotonic() + LONG_SECONDS
    first = SEED * 1_000_000
    for number in itertools.count(first):
        if time.monotonic() > end if LONG else number - first >= FEW:
            sys.stdout.write(f"{number - first:,} damages\n")
            return
        sys.stdout.write(f"damage {number}\r")
        yield random.Random(number)  # noqa: S311


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Change a few places of some bytes."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(changed) + 1)
        length = chance.choice((0, 1, 4, 100))
        match chance.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                changed[at : at + length] = chance.randbytes(length)
            case 2:
                changed[at : at + length] = chance.choice(NUMBERS + TEXTS)
            case 3:
                other = chance.randrange(len(changed) + 1)
                changed[at:at] = changed[other : other + chance.choice((8, 100, 1000))]
            case _:
                del changed[at : at + chance.choice((1, 8, len(changed)))]
    return bytes(changed)


def forged(message: bytes, chance: random.Random, depth: int = 0) -> bytes:
    """Change a message inside of one of its fields, so that the lengths around it match."""
    try:
        parts = list(fields(message))
    except TrackerError:
        parts = []
    inner = [raw for found, _, raw in parts if found & 7 == BYTES and len(raw) > 1]
    if not inner or depth > 6 or chance.random() < 0.3:
        return damaged(message, chance)
    chosen = chance.choice(inner)
    new = forged(chosen, chance, depth + 1)
    at = message.index(chosen)
    if len(chosen) < 128 > len(new) and message[at - 1] == len(chosen):
        return message[: at - 1] + bytes([len(new)]) + new + message[at + len(chosen) :]
    return message[:at] + new[: len(chosen)].ljust(len(chosen)) + message[at + len(chosen) :]


def check(read: Callable[[str], RunMetadata], path: str) -> None:
    """Read a run, or be refused, in time; a run has values of the kinds that it may have."""
    start = time.monotonic()
    with contextlib.suppress(TrackerError):
        run = read(path)
        texts = [value for value in run.metrics.values() if isinstance(value, str)]
        for text in (*run.metrics, *run.params, *texts, *run.notes):
            text.encode()
        json.dumps(dict(run.params), ensure_ascii=False).encode()
        assert {type(value) for value in run.metrics.values()} <= {int, float, str, bool}
    assert time.monotonic() - start < LIMIT_SECONDS


@pytest.fixture
def bounded() -> Iterator[None]:
    """Fail if the process grows."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < LIMIT_GROWTH


def recorded(kind: str, folder: Path) -> list[bytes]:
    """The small recorded files of a kind."""
    for archive in RECORDED.glob(f"{kind}-*.tar.xz"):
        unpack(archive, folder / archive.name)
    pattern = {"tensorboard": "*tfevents*", "wandb": "*.wandb"}[kind]
    files = [path.read_bytes() for path in sorted(folder.rglob(pattern)) if path.is_file()]
    return [raw for raw in files if 0 < len(raw) < LARGEST]


@pytest.mark.usefixtures("bounded")
def test_damaged_event_files_are_read_or_refused(tmp_path: Path) -> None:
    files = recorded("tensorboard", tmp_path / "recorded")
    run = tmp_path / "run" / "sub"
    run.mkdir(parents=True)
    for chance in damages():
        raw = chance.choice(files)
        if chance.random() < 0.3:
            raw = damaged(raw, chance)
        else:
            raw = b"".join(
                tfrecord(forged(record, chance) if chance.random() < 0.2 else record)
                for record in RecordFile(io.BytesIO(raw))
            )
        for folder in (run, run.parent):
            (folder / "tfevents.1").write_bytes(raw)

        check(read_run, str(run.parent))


@pytest.mark.usefixtures("bounded")
def test_damaged_run_files_are_read_or_refused(tmp_path: Path) -> None:
    files = recorded("wandb", tmp_path / "recorded")
    path = tmp_path / "run-ab.wandb"
    for chance in damages():
        raw = chance.choice(files)
        if chance.random() < 0.3:
            raw = damaged(raw, chance)
        else:
            log = BlockLog(io.BytesIO(raw), start=7)
            raw = wandb_file(
                forged(record, chance) if chance.random() < 0.2 else record for record in log
            )
        path.write_bytes(raw)

        check(read_offline, str(path))


@pytest.mark.usefixtures("bounded")
def test_any_message_is_read_in_as_many_steps_as_it_has_bytes(tmp_path: Path) -> None:
    files = recorded("wandb", tmp_path / "recorded")
    messages = [
        record
        for raw in files
        for record in itertools.islice(BlockLog(io.BytesIO(raw), start=7), 9)
    ]
    for chance in damages():
        message = chance.choice((forged, damaged))(chance.choice(messages), chance)
        steps = 0
        with contextlib.suppress(TrackerError):
            for found, integer, raw in fields(message):
                steps += 1
                assert 8 <= found < 1 << 32
                assert 0 <= integer < 1 << 64
                assert len(raw) <= len(message)

        assert steps <= len(message)
