"""Requests on fsspec's event loop, made from ordinary threads.

fsspec runs all asynchronous file systems of a process on one loop in a thread of its own. Its `sync`
forgets a request when the waiting thread is interrupted; the interpreter then ends with "Task was
destroyed but it is pending!". `RequestLoop` tracks each request until it has ended.

The first request opens the file system, because its library is slow to import.

Guarantee: after `close` none of the requests of this remote is on the loop. Requests of others stay.
"""

from __future__ import annotations

import concurrent.futures
import threading
from typing import TYPE_CHECKING, Any

from gitmodel.backends.cloud.retry import FailureKind, RequestFailure

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

CLOSE_SECONDS = 5.0


class RequestLoop:
    """Runs the requests of one remote.

    The first request calls `open_loop`, which opens the file system and returns its running loop.
    """

    def __init__(self, open_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self._open_loop = open_loop
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._pending: set[concurrent.futures.Future[Any]] = set()
        self._closed = False

    def open(self) -> None:
        """Open the file system now, if it is not open yet. Raises RequestFailure if the loop is closed."""
        with self._lock:
            self._opened()

    def run(
        self, request: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any, **options: Any
    ) -> Any:
        """Run a request and return its result; an interrupted wait ends the request.

        Raises RequestFailure if the loop is closed, or was closed during the request.
        """
        with self._lock:
            loop = self._opened()
            future = _submit(request(*arguments, **options), loop)
            self._pending.add(future)
        try:
            return future.result()
        except concurrent.futures.CancelledError as error:
            raise RequestFailure(
                FailureKind.REFUSED, "the connection was closed during the request"
            ) from error
        finally:
            future.cancel()  # does nothing to a request that has ended
            with self._lock:
                self._pending.discard(future)

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """End all requests, then run `last`, which closes the session; only the first call counts."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            loop, pending = self._loop, list(self._pending)
        if loop is None:
            return
        for future in pending:
            future.cancel()
        closing = _submit(last(), loop)
        concurrent.futures.wait([closing], timeout=CLOSE_SECONDS)

    def _opened(self) -> asyncio.AbstractEventLoop:
        """The loop; the lock is held."""
        if self._closed:
            raise RequestFailure(FailureKind.REFUSED, "the connection is closed")
        if self._loop is None:
            self._loop = self._open_loop()
        return self._loop


def _submit(
    request: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop
) -> concurrent.futures.Future[Any]:
    """Submit a request to a loop. Importing asyncio takes 14 ms, and the fast path needs no loop."""
    import asyncio

    return asyncio.run_coroutine_threadsafe(request, loop)
