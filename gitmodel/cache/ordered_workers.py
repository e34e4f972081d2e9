"""Several threads at one sequence of pieces: each keeps a piece from its beginning to its end.

A piece that is handed on, from who reads it to who hashes it to who writes it, moves from one core's
cache to another's, which costs more than the threads gain: BLAKE3 of a GiB takes 0.11 s where the bytes
were just made, and 0.14 s on another core (measured). So whoever takes a piece does all of its work.

What needs the order of the pieces is done by whoever comes when all before are done. Who comes too early
does not wait: it leaves its piece to the thread that is at work on those before, and takes another.
"""

from __future__ import annotations

from threading import Condition, Lock, Thread
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Piece = TypeVar("Piece")
Result = TypeVar("Result")


_MOST_LEFT = (
    2  # pieces that nobody has done in order yet: more would hold memory, and save no waiting
)


class _StoppedError(Exception):
    """Another thread of the team has failed, and its error is the one that counts."""


class _OrderedPool(Generic[Piece, Result]):
    def __init__(
        self,
        pieces: Iterable[Piece],
        work: Callable[[Piece], Result],
        in_order: Callable[[Result], None],
    ) -> None:
        self._pieces = enumerate(pieces)
        self._work = work
        self._in_order = in_order
        self._taking = Lock()
        self._changed = Condition()
        self._left: dict[int, Result] = {}  # worked at, and not yet done in order
        self._next = 0  # the piece whose turn it is
        self._at_work = False  # somebody is doing in order what can be done
        self._stopped = False
        self.error: BaseException | None = None

    def run(self) -> None:
        """Take pieces and work at them until there are no more, or somebody fails."""
        try:
            while (taken := self._take()) is not None:
                number, piece = taken
                if self._leave(number, self._work(piece)):
                    self._do_in_order()
        except _StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self.stop(error)

    def _take(self) -> tuple[int, Piece] | None:
        with self._taking:
            return None if self._stopped else next(self._pieces, None)

    def _leave(self, number: int, result: Result) -> bool:
        """Leave a piece to be done in order; returns whether it is for the caller to do so now."""
        with self._changed:
            self._left[number] = result
            self._changed.wait_for(self._may_go_on)
            if self._stopped:
                raise _StoppedError
            if not self._is_free():
                return False
            self._at_work = True
            return True

    def _may_go_on(self) -> bool:
        return self._stopped or self._is_free() or len(self._left) <= _MOST_LEFT

    def _is_free(self) -> bool:
        """Whether a piece could be done in order, and nobody is at it."""
        return not self._at_work and self._next in self._left

    def _do_in_order(self) -> None:
        """Do the next piece, and those after it that are left by then."""
        while True:
            with self._changed:
                if self._stopped:
                    raise _StoppedError
                if self._next not in self._left:
                    self._at_work = False
                    return
                result = self._left.pop(self._next)
                self._next += 1
                self._changed.notify_all()
            self._in_order(result)

    def stop(self, error: BaseException | None = None) -> None:
        """Nobody takes another piece, or goes on in order; the first error is kept."""
        with self._changed:
            self._stopped = True
            self.error = self.error or error
            self._changed.notify_all()


def process_in_order(
    pieces: Iterable[Piece],
    work: Callable[[Piece], Result],
    in_order: Callable[[Result], None],
    *,
    threads: int,
    name: str,
) -> None:
    """Have threads take pieces one after the other; returns when all is done, or nothing goes on.

    At any time a thread has one piece at most, and two more are left to be done in order.

    Args:
        pieces: What to do. It is asked for the next one by the thread that takes it, by one at a
            time, so making a piece may be work as well.
        work: What is done for a piece beside the others.
        in_order: What is then done with what `work` returned: by one thread at a time, and in the
            order of the pieces.
        threads: How many take part; with one the work is done in the caller's own.
        name: What the threads are called.

    Raises:
        Whatever `pieces`, `work` or `in_order` raised first.
    """
    team = _OrderedPool(pieces, work, in_order)
    if threads == 1:
        team.run()
    else:
        running = [Thread(target=team.run, name=f"{name}-{number}") for number in range(threads)]
        try:
            for thread in running:
                thread.start()
            for thread in running:
                thread.join()
        finally:  # also after an interrupt nobody may work on
            team.stop()
            for thread in running:
                if thread.ident is not None:
                    thread.join()
    if team.error is not None:
        raise team.error
