"""Runs requests to a remote on a few threads.

The pool of threads imports `logging`, which takes 4 ms, so it is imported on first use.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

PACKS_IN_FLIGHT = 8
Item = TypeVar("Item")


def for_each(
    work: Callable[[Item], None], items: Sequence[Item], *, in_flight: int = PACKS_IN_FLIGHT
) -> None:
    """Run a small request for every item, several at a time; the first error stops the rest."""
    run_all(work, [(item,) for item in items], in_flight=in_flight)


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """Run work in a thread beside the block; the block ends after it, and raises its error."""
    with _threads(1, "gitmodel-beside") as threads:
        future = threads.submit(work)
        yield
        future.result()


def run_all(
    work: Callable[..., None],
    items: Sequence[tuple[object, ...]],
    *,
    in_flight: int = PACKS_IN_FLIGHT,
) -> None:
    """Run `work(*item)` for all items in a few threads, with a bounded queue."""
    if not items:
        return
    from concurrent.futures import FIRST_COMPLETED, wait

    waiting: set[Future[None]] = set()
    with _threads(min(in_flight, len(items)), "gitmodel-transfer") as threads:
        for item in items:
            if len(waiting) >= in_flight:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
            waiting.add(threads.submit(work, *item))
        for future in waiting:
            future.result()


@contextmanager
def _threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Threads for the block. After Ctrl-C it does not wait for them: a request may take a minute."""
    from concurrent.futures import ThreadPoolExecutor

    threads = ThreadPoolExecutor(count, thread_name_prefix=name)
    responses_wanted = True
    try:
        yield threads
    except KeyboardInterrupt:
        responses_wanted = False
        raise
    finally:
        threads.shutdown(wait=responses_wanted, cancel_futures=True)
