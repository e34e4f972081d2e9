"""Several threads at one sequence: every piece once, turns in order, and nobody goes on after an error."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from gitmodel.store.teamwork import Turn, work_through

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

THREADS = [1, 2, 7]


def work_with(threads: int, pieces: Iterator[int], work: Callable[[int, Turn], None]) -> None:
    work_through(pieces, work, threads=threads, name="test")


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("count", [0, 1, 2, 500])
def test_turns_come_in_the_order_of_the_pieces(threads: int, count: int) -> None:
    order: list[int] = []

    def work(piece: int, turn: Turn) -> None:
        with turn:
            order.append(piece)

    work_with(threads, iter(range(count)), work)

    assert order == list(range(count))


def test_the_last_piece_may_be_done_first() -> None:
    """Work before a turn does not wait for the pieces before: all threads are at it at once."""
    everyone = threading.Barrier(4, timeout=30)
    order: list[int] = []

    def work(piece: int, turn: Turn) -> None:
        everyone.wait()
        with turn:
            order.append(piece)

    work_with(4, iter(range(4)), work)

    assert order == [0, 1, 2, 3]


def test_pieces_are_made_by_one_thread_at_a_time() -> None:
    busy = threading.Lock()

    def pieces() -> Iterator[int]:
        for number in range(200):
            assert busy.acquire(blocking=False)
            busy.release()
            yield number

    done: list[int] = []
    work_with(7, pieces(), lambda piece, turn: _append(done, piece, turn))

    assert done == list(range(200))


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("in_turn", [False, True])
def test_an_error_stops_everyone_and_is_raised(threads: int, in_turn: bool) -> None:
    """No turn after the one that failed, and nobody waits for ever."""
    order: list[int] = []

    def work(piece: int, turn: Turn) -> None:
        if piece == 20 and not in_turn:
            raise ValueError(piece)
        with turn:
            if piece == 20:
                raise ValueError(piece)
            order.append(piece)

    with pytest.raises(ValueError, match="20"):
        work_with(threads, iter(range(1000)), work)
    assert order == list(range(len(order)))
    assert len(order) <= 20


@pytest.mark.parametrize("threads", THREADS)
def test_an_error_while_a_piece_is_made_is_raised(threads: int) -> None:
    def pieces() -> Iterator[int]:
        yield from range(5)
        raise OSError("the file ended early")

    done: list[int] = []
    with pytest.raises(OSError, match="ended early"):
        work_with(threads, pieces(), lambda piece, turn: _append(done, piece, turn))
    assert done == list(range(len(done)))


def test_after_an_interrupt_nobody_works_on() -> None:
    """A person presses Ctrl-C, which only the waiting thread sees; the pieces would last for minutes."""
    many = 10_000_000
    done: list[int] = []

    def work(piece: int, turn: Turn) -> None:
        if piece == 10:
            os.kill(os.getpid(), signal.SIGINT)
        _append(done, piece, turn)

    with pytest.raises(KeyboardInterrupt):
        work_with(2, iter(range(many)), work)
    assert 10 < len(done) < many


def _append(done: list[int], piece: int, turn: Turn) -> None:
    with turn:
        done.append(piece)
