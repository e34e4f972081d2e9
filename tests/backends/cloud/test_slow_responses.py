"""When a long wait is announced; the clock is moved by hand and nothing here waits."""

from __future__ import annotations

import os
import socket
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from gitmodel.backends.cloud.retry import FailureKind, RequestFailure, Retrier
from gitmodel.backends.cloud.slow_responses import (
    PROGRESS_BYTES,
    SilenceWatcher,
    host_of,
    moved_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class World:
    """A clock and a count of bytes that only the test moves, and no thread."""

    now: float = 0.0
    moved: int = 0
    lines: list[str] = field(default_factory=list)
    watchers: list[Callable[[], None]] = field(default_factory=list)

    def waits(self) -> SilenceWatcher:
        def start(watch: Callable[[], None]) -> None:
            self.watchers.append(watch)

        return SilenceWatcher(
            lambda: "https://s3.example.org/models",
            self.lines.append,
            clock=lambda: self.now,
            moved=lambda: self.moved,
            start=start,
        )

    def silences(self) -> list[str]:
        return [line.partition("no answer for ")[2].partition(" s")[0] for line in self.lines]


def pass_time(world: World, waits: SilenceWatcher, until: float) -> None:
    """Look as the watcher would."""
    while world.now < until:
        pause = waits.look()
        assert pause is not None
        assert 0 < pause <= 5
        world.now = min(until, world.now + pause)
    waits.look()


def test_silence_is_announced_with_host_attempt_and_how_to_stop() -> None:
    world = World()
    waits = world.waits()
    with waits.request() as again:
        again()
        pass_time(world, waits, 9.9)
        assert world.lines == []
        pass_time(world, waits, 10)

    line = "waiting for s3.example.org: no answer for 10 s (attempt 1); "
    assert world.lines == [line + "Ctrl-C stops, nothing is half published"]


def test_the_intervals_grow() -> None:
    world = World()
    waits = world.waits()
    with waits.request() as again:
        again()
        pass_time(world, waits, 1000)

    assert world.silences() == ["10", "30", "60", "120", "240", "480", "960"]


def test_a_watcher_that_slept_too_long_says_one_line() -> None:
    world = World()
    waits = world.waits()
    with waits.request():
        world.now = 100
        waits.look()

    assert world.silences() == ["100"]


def test_further_tries_and_the_pauses_between_them_are_part_of_the_wait() -> None:
    world = World()
    waits = world.waits()

    def sleep(seconds: float) -> None:
        pass_time(world, waits, world.now + seconds)

    def attempt() -> None:
        raise RequestFailure(FailureKind.BUSY, "503", retry_after_seconds=8)

    retrier = Retrier(sleep=sleep, clock=lambda: world.now, fraction=lambda: 0.5, waits=waits)
    with pytest.raises(RequestFailure):
        retrier.run(attempt)

    assert world.silences() == ["10", "30"]
    assert ["(attempt 2)" in world.lines[0], "(attempt 4)" in world.lines[1]] == [True, True]


def test_an_answer_to_any_request_ends_the_silence() -> None:
    world = World()
    waits = world.waits()
    with waits.request():
        for _ in range(10):
            pass_time(world, waits, world.now + 9)
            with waits.request():
                pass
        assert world.lines == []
        pass_time(world, waits, world.now + 10)

    assert world.silences() == ["10"]


def test_bytes_that_move_are_no_silence() -> None:
    world = World()
    waits = world.waits()
    with waits.request() as again:
        again()
        for _ in range(20):
            world.moved += PROGRESS_BYTES
            pass_time(world, waits, world.now + 5)
        assert world.lines == []
        pass_time(world, waits, world.now + 16)

    assert len(world.lines) == 1


def test_the_bytes_of_a_request_that_failed_before_are_no_progress() -> None:
    """A server that takes each body and then says 503 is as good as silent."""
    world = World()
    waits = world.waits()
    with waits.request() as again:
        again()
        again()
        for _ in range(4):
            world.moved += PROGRESS_BYTES
            pass_time(world, waits, world.now + 5)

    assert world.silences() == ["10"]
    assert "(attempt 2)" in world.lines[0]


def test_requests_share_one_watcher_which_ends_when_nothing_is_outstanding() -> None:
    world = World()
    waits = world.waits()
    for _ in range(100):
        with waits.request():
            pass
    assert len(world.watchers) == 1
    assert waits.look() is None

    with waits.request():
        pass

    assert len(world.watchers) == 2
    assert world.lines == []


def test_nothing_is_watched_after_closing() -> None:
    world = World()
    waits = world.waits()
    waits.close()
    with waits.request():
        pass

    assert world.watchers == []


def test_closing_ends_the_watcher_at_once() -> None:
    waits = SilenceWatcher(lambda: "https://s3.example.org", lambda _line: None)
    with waits.request():
        watchers = [one for one in threading.enumerate() if one.name == "gitmodel-waiting"]
        assert len(watchers) == 1
        waits.close()

    assert not watchers[0].is_alive()


def test_a_line_that_nobody_can_read_is_no_error() -> None:
    def note(_line: str) -> None:
        raise BrokenPipeError

    world = World()
    waits = world.waits()
    waits._note = note
    with waits.request():
        world.now = 10
        assert waits.look() is not None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what its sockets have moved")
def test_bytes_count_as_moved_when_the_peer_has_them() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sending = socket.create_connection(server.getsockname())
        receiving, _ = server.accept()
        with sending, receiving:
            before = moved_bytes()
            sending.sendall(bytes(200_000))
            received = 0
            while received < 200_000:
                received += len(receiving.recv(1 << 20))

            assert moved_bytes() - before >= 200_000
            assert sending.gettimeout() is None
            sending.sendall(b"still open")
            assert receiving.recv(100) == b"still open"


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://s3.example.org", "s3.example.org"),
        ("http://127.0.0.1:9000/models/x", "127.0.0.1:9000"),
        ("https://ana:secret@s3.example.org/", "s3.example.org"),
        ("Amazon S3", "Amazon S3"),
    ],
)
def test_the_host_is_named_without_path_and_user(address: str, host: str) -> None:
    assert host_of(address) == host


def test_counting_bytes_leaves_no_descriptor_behind() -> None:
    read, write = os.pipe()
    before = sorted(os.listdir("/proc/self/fd"))

    for _ in range(3):
        moved_bytes()

    assert sorted(os.listdir("/proc/self/fd")) == before
    os.close(read)
    os.close(write)
