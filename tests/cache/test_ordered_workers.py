"""Several threads at one sequence: every piece once, in order where it counts, and nobody goes on after an error."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from gitmodel.cache.ordered_workers import process_in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

THREADS = [1, 2, 7]


def work_with(
    threads: int,
    pieces: Iterator[int],
    *,
    work: Callable[[int], int] = lambda piece: piece,
    in_order: Callable[[int], None],
) -> None:
    process_in_order(pieces, work, in_order, threads=threads, name="test")


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("count", [0, 1, 2, 500])
def test_what_needs_order_comes_in_the_order_of_the_pieces(threads: int, count: int) -> None:
    order: list[int] = []
    work_with(threads, iter(range(count)), work=lambda piece: 2 * piece, in_order=order.append)

    assert order == [2 * piece for piece in range(count)]


def test_the_last_piece_may_be_done_first() -> None:
    """Work on a piece does not wait for the pieces before: all threads are at it at once."""
    everyone = threading.Barrier(4, timeout=30)
    order: list[int] = []

    def work(piece: int) -> int:
        everyone.wait()
        return piece

    work_with(4, iter(range(4)), work=work, in_order=order.append)

    assert order == [0, 1, 2, 3]


def test_a_thread_that_finishes_early_queues_its_result_and_takes_the_next_piece() -> None:
    """The thread with the first piece does the second and third as well, which are done before."""
    others_done = threading.Event()
    order: list[tuple[int, str]] = []

    def work(piece: int) -> int:
        if piece == 0:
            assert others_done.wait(30)
        if piece == 2:
            others_done.set()
        return piece

    def in_order(piece: int) -> None:
        order.append((piece, threading.current_thread().name))

    work_with(2, iter(range(3)), work=work, in_order=in_order)

    assert [piece for piece, _ in order] == [0, 1, 2]
    assert order[0][1] == order[1][1]


def test_however_slow_the_order_is_few_results_are_queued() -> None:
    """Each holds memory: of three threads one is at the first piece, and the others each have two."""
    taken = [threading.Event() for _ in range(20)]

    def pieces() -> Iterator[int]:
        for number, event in enumerate(taken):
            event.set()
            yield number

    def in_order(piece: int) -> None:
        if piece == 0:
            assert taken[4].wait(30)
            assert not taken[5].wait(0.2)

    work_with(3, pieces(), in_order=in_order)

    assert all(event.is_set() for event in taken)


def test_what_needs_order_is_done_by_one_thread_at_a_time() -> None:
    busy = threading.Lock()

    def in_order(piece: int) -> None:
        assert busy.acquire(blocking=False)
        done.append(piece)
        busy.release()

    done: list[int] = []
    work_with(7, iter(range(500)), in_order=in_order)

    assert done == list(range(500))


def test_pieces_are_made_by_one_thread_at_a_time() -> None:
    busy = threading.Lock()

    def pieces() -> Iterator[int]:
        for number in range(200):
            assert busy.acquire(blocking=False)
            busy.release()
            yield number

    done: list[int] = []
    work_with(7, pieces(), in_order=done.append)

    assert done == list(range(200))


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("ordered", [False, True])
def test_an_error_stops_everyone_and_is_raised(threads: int, ordered: bool) -> None:
    """Nothing in order after the one that failed, and nobody waits for ever."""
    order: list[int] = []

    def work(piece: int) -> int:
        if piece == 20 and not ordered:
            raise ValueError(piece)
        return piece

    def in_order(piece: int) -> None:
        if piece == 20:
            raise ValueError(piece)
        order.append(piece)

    with pytest.raises(ValueError, match="20"):
        work_with(threads, iter(range(1000)), work=work, in_order=in_order)
    assert order == list(range(len(order)))
    assert len(order) <= 20


@pytest.mark.parametrize("threads", THREADS)
def test_an_error_while_a_piece_is_made_is_raised(threads: int) -> None:
    def pieces() -> Iterator[int]:
        yield from range(5)
        raise OSError("the file ended early")

    done: list[int] = []
    with pytest.raises(OSError, match="ended early"):
        work_with(threads, pieces(), in_order=done.append)
    assert done == list(range(len(done)))


def test_after_an_interrupt_nobody_works_on() -> None:
    """A person presses Ctrl-C, which only the waiting thread sees; the pieces would last for minutes."""
    many = 10_000_000
    done: list[int] = []

    def work(piece: int) -> int:
        if piece == 10:
            os.kill(os.getpid(), signal.SIGINT)
        return piece

    with pytest.raises(KeyboardInterrupt):
        work_with(2, iter(range(many)), work=work, in_order=done.append)
    assert 10 < len(done) < many
