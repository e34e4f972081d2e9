"""Reports slow responses: one line when a remote has not responded for a while.

A request is outstanding from its first attempt to its end, with all retries and pauses. Silence is the time since
the last request ended, the oldest outstanding one began, or bytes were transferred, whichever was last.

A remote has at most one watcher, a daemon thread. A request starts it if none is running, and it ends when it wakes
and no request is outstanding, so a request costs a few microseconds. Transferred bytes come from the system's
counters for the sockets of this process, which include all libraries. Without counters only responses count.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Silence before each line; after the last value the time doubles.
SILENCES_SECONDS = (10.0, 30.0, 60.0, 120.0)
# Fewer bytes are no progress: a repeated request without a body, or the text of a refusal.
PROGRESS_BYTES = 64 << 10
CLOSE_SECONDS = 1.0
# Of Linux' `struct tcp_info`: tcpi_bytes_acked and tcpi_bytes_received, 64 bits each.
_COUNTERS = slice(120, 136)


def moved_bytes() -> int:
    """Bytes that the peers of this process's TCP sockets acknowledged or sent; 0 if unknown."""
    import socket

    if not hasattr(socket, "TCP_INFO"):
        return 0
    total = 0
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                    total += _moved_by(os.dup(int(name)))
    return total


def _moved_by(descriptor: int) -> int:
    """The bytes of one socket; closes the descriptor."""
    import socket

    try:
        copy = socket.socket(fileno=descriptor)
    except OSError:  # no longer a socket, so close it here
        os.close(descriptor)
        raise
    with copy:
        counters = copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)[_COUNTERS]
    return int.from_bytes(counters[:8], "little") + int.from_bytes(counters[8:], "little")


def _start(watch: Callable[[], None]) -> threading.Thread | None:
    thread = threading.Thread(target=watch, name="gitmodel-waiting", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # too many threads: report nothing
        return None
    return thread


class SilenceWatcher:
    """Watches the outstanding requests to one remote and reports silence. Thread-safe.

    `note` receives a line, in the thread of the watcher, and `server` returns the server's address for it.
    `clock` is monotonic, in seconds; `moved` returns the number of bytes transferred; `start` starts a
    thread that runs a function, and returns it.
    """

    def __init__(
        self,
        server: Callable[[], str],
        note: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        moved: Callable[[], int] = moved_bytes,
        start: Callable[[Callable[[], None]], threading.Thread | None] = _start,
    ) -> None:
        self._server = server
        self._note = note
        self._silences = SILENCES_SECONDS
        self._clock = clock
        self._moved = moved
        self._start = start
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None
        self._is_watched = False
        # Of each outstanding request, the oldest first: when it began, and its tries.
        self._outstanding: dict[object, tuple[float, int]] = {}
        self._heard = self._told_of = float("-inf")
        self._seen_bytes: int | None = None
        self._told = 0

    @contextlib.contextmanager
    def request(self) -> Iterator[Callable[[], None]]:
        """Watch a request; the returned function must be called before each attempt."""
        request = object()
        began = self._clock()

        def again() -> None:
            with self._lock:
                tries = self._outstanding[request][1]
                self._outstanding[request] = (began, tries + 1)

        try:
            if self._is_first(request, began):
                self._watcher = self._start(self._watch)
            yield again
        finally:
            with self._lock:
                self._outstanding.pop(request, None)
                self._heard = self._clock()

    def look(self) -> float | None:
        """Report silence if a line is due; returns seconds until the next check, None without requests."""
        moved = self._moved()
        with self._lock:
            if not self._outstanding:
                self._is_watched = False
                return None
            began, tries = next(iter(self._outstanding.values()))
            now = self._clock()
            seen = moved if self._seen_bytes is None else self._seen_bytes
            if tries <= 1 and moved - seen >= PROGRESS_BYTES:
                self._heard = now
            self._seen_bytes = moved
            since = max(began, self._heard)
            if since != self._told_of:
                self._told_of, self._told = since, 0
            silence = now - since
            is_due = silence >= self._due()
            while silence >= self._due():
                self._told += 1
            pause = min(self._silences[0] / 2, self._due() - silence)
        if is_due:
            self._report(silence, max(tries, 1))
        return pause

    def close(self) -> None:
        """End the watcher; idempotent. Later requests are not watched."""
        self._closed.set()
        if self._watcher is not None and self._watcher is not threading.current_thread():
            self._watcher.join(CLOSE_SECONDS)

    def _is_first(self, request: object, began: float) -> bool:
        """Add a request; returns whether the watcher has to be started."""
        with self._lock:
            self._outstanding[request] = (began, 0)
            if self._is_watched or self._closed.is_set():
                return False
            self._is_watched = True
            self._seen_bytes = None  # the last count is outdated
            return True

    def _due(self) -> float:
        """Seconds of silence after which the next line is due."""
        beyond = self._told - len(self._silences) + 1
        return self._silences[self._told] if beyond <= 0 else self._silences[-1] * 2.0**beyond

    def _watch(self) -> None:
        pause: float | None = self._silences[0] / 2
        while pause is not None and not self._closed.wait(pause):
            pause = self.look()

    def _report(self, silence: float, tries: int) -> None:
        line = (
            f"waiting for {host_of(self._server())}: no answer for {silence:.0f} s "
            f"(attempt {tries}); Ctrl-C stops, nothing is half published"
        )
        with contextlib.suppress(OSError, ValueError):  # standard error is closed
            self._note(line)


def host_of(address: str) -> str:
    """The host of an address, with the port if there is one; the text itself if it is no URL."""
    _, found, rest = address.partition("://")
    return rest.partition("/")[0].rpartition("@")[2] if found else address
