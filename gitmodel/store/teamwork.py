"""Several threads at one sequence of pieces: each keeps a piece from its beginning to its end.

A piece that is handed on, from who reads it to who hashes it to who writes it, moves from one core's
cache to another's, which costs more than the threads gain: BLAKE3 of a GiB takes 0.11 s where the bytes
were just made, and 0.14 s on another core (measured). So whoever takes a piece does all of its work,
and the parts of it that need the order of the pieces are done in *turns*.
"""

from __future__ import annotations

from threading import Condition, Lock, Thread
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

T = TypeVar("T")


class _StoppedError(Exception):
    """Another thread of the team has failed, and its error is the one that counts."""


class Turn:
    """What one piece does only after every piece before it has; a context manager, entered once."""

    def __init__(self, team: _Team[T], number: int) -> None:
        self._team = team
        self._number = number

    def __enter__(self) -> Self:
        self._team.wait_for(self._number)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._team.pass_on()


class _Team(Generic[T]):
    def __init__(self, pieces: Iterable[T], work: Callable[[T, Turn], None]) -> None:
        self._pieces = enumerate(pieces)
        self._work = work
        self._taking = Lock()
        self._changed = Condition()
        self._next = 0
        self._stopped = False
        self.error: BaseException | None = None

    def run(self) -> None:
        """Take pieces and work at them until there are no more, or somebody fails."""
        try:
            while (taken := self._take()) is not None:
                number, piece = taken
                self._work(piece, Turn(self, number))
        except _StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self.stop(error)

    def _take(self) -> tuple[int, T] | None:
        with self._taking:
            return None if self._stopped else next(self._pieces, None)

    def wait_for(self, number: int) -> None:
        """Return when it is this piece's turn."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._next == number)
            if self._stopped:
                raise _StoppedError

    def pass_on(self) -> None:
        """It is the next piece's turn."""
        with self._changed:
            self._next += 1
            self._changed.notify_all()

    def stop(self, error: BaseException | None = None) -> None:
        """Nobody takes another piece or another turn; the first error is kept."""
        with self._changed:
            self._stopped = True
            self.error = self.error or error
            self._changed.notify_all()


def work_through(
    pieces: Iterable[T], work: Callable[[T, Turn], None], *, threads: int, name: str
) -> None:
    """Have threads take pieces one after the other; returns when all is done, or nothing goes on.

    Args:
        pieces: What to do. It is asked for the next one by the thread that takes it, by one at a
            time, so making a piece may be work as well.
        work: Does it all for one piece. It enters its turn exactly once, or raises.
        threads: How many take part; with one the work is done in the caller's own.
        name: What the threads are called.

    Raises:
        Whatever `pieces` or `work` raised first.
    """
    team = _Team(pieces, work)
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
