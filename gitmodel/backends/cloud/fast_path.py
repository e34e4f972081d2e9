"""The fast path: requests through a faster library, with s3fs or adlfs as fallback.

A transport sends requests with half the CPU time and without 0.35 s of imports. The fallback is the client's own
request through fsspec, which supports every setting. `FastPath` chooses one of them for each request.

A transport from static settings takes all requests except listing and deleting, so the library of the fallback
is never imported. A transport whose address and credentials come from the fallback takes large packs only.

Guarantee: every failure of a transport is followed by the fallback, whose result or error counts. A transport
itself reports two failures only: MISSING and EXISTS, where the store's response is unambiguous.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol, TypeVar

from gitmodel.backends.cloud.retry import RequestFailure
from gitmodel.backends.keys import PACKS
from gitmodel.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Result = TypeVar("Result")
# Smaller requests are as fast through the fallback, once its library is loaded.
LARGE_BYTES = 1 << 20
# Failures after which the fast path is disabled, if the fallback succeeded: one of the two libraries may not
# know a proxy or a certificate.
MAX_FAILURES = 3
# Longest wait for requests of an interrupted main thread.
CLOSE_SECONDS = 2.0
VARIABLE = "GITMODEL_TRANSPORT"
_AUTO, _FSSPEC = "auto", "fsspec"


class Transport(Protocol):
    """Requests for objects, called from several threads. A name is the prefix and the key.

    Raises RequestFailure MISSING if the bucket exists and the object does not.
    """

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """Other exceptions of its methods."""

    def get(self, name: str, limit: int) -> bytes:
        """Return a whole object; fail if it has more than `limit` bytes."""

    def get_range(self, name: str, start: int, size: int) -> bytes:
        """Return up to `size` bytes from `start`, fewer only where the object ends."""

    def put(self, name: str, data: bytes) -> str | None:
        """Create or replace an object in one request; returns the kind of checksum sent with it."""

    def create(self, name: str, data: bytes) -> str | None:
        """As `put`, but with the failure EXISTS if the object exists."""

    def size(self, name: str) -> int:
        """Return the size of an object in bytes."""

    def close(self) -> None:
        """Close connections; idempotent."""


class FastPath:
    """Sends requests (only of large packs, or `all_requests`) through a transport, or through the fallback.

    `open_transport` returns None while the transport could not send the same requests with the same
    credentials to the same address; it is called again after None. ImportError disables the fast path.
    """

    def __init__(
        self, open_transport: Callable[[], Transport | None], *, all_requests: bool = False
    ) -> None:
        self._open = open_transport
        self._all_requests = all_requests
        self._helpers: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._transport: Transport | None = None
        self._is_off = False
        self._failures = 0
        self._failed_keys: set[str] = set()

    def request(
        self,
        key: str,
        size: int,
        fast: Callable[[Transport], Result],
        fallback: Callable[[], Result],
    ) -> Result:
        """Send one request of `size` bytes by `fast`, and by `fallback` (fsspec) if the transport fails.

        Retries of a failed key use the fallback at once, so a key costs one additional request at most.
        Exceptions of the fallback are passed on, as is RequestFailure MISSING or EXISTS from the transport.
        """
        transport = self._transport_for(key, size)
        if transport is not None:
            try:
                result = self._call(fast, transport)
            except RequestFailure:
                self._failures = 0
                raise
            except transport.failures:
                self._failed_keys.add(key)
            else:
                self._failures = 0
                return result
        result = fallback()
        if transport is not None:
            self._count_failure()
        self._failed_keys.discard(key)
        return result

    def turn_off(self) -> None:
        """Use the fallback from now on; idempotent."""
        with self._lock:
            self._is_off = True
            transport, self._transport = self._transport, None
            helpers = list(self._helpers)
        for helper in helpers:
            # A daemon thread that returns from native code during interpreter shutdown aborts the process.
            helper.join(CLOSE_SECONDS)
        if transport is not None:
            transport.close()

    def _transport_for(self, key: str, size: int) -> Transport | None:
        if self._is_off or key in self._failed_keys:
            return None
        if not (self._all_requests or is_large_pack(key, size)):
            return None
        with self._lock:
            if self._transport is None and not self._is_off:
                try:
                    self._transport = self._open()
                except ImportError:
                    self._is_off = True
            return self._transport

    def _call(self, fast: Callable[[Transport], Result], transport: Transport) -> Result:
        """Call the transport. In the main thread, Ctrl-C ends the wait at once.

        Python handles a signal only after a call into native code has returned (measured: 4 s with a read
        timeout of 4 s). A helper thread therefore makes the calls of the main thread.
        """
        if threading.current_thread() is not threading.main_thread():
            return fast(transport)
        answer: Future[Result] = Future()

        def call_in_helper() -> None:
            try:
                answer.set_result(fast(transport))
            except BaseException as error:  # noqa: BLE001 - raised in the waiting thread
                answer.set_exception(error)
            finally:
                self._helpers.discard(helper)

        helper = threading.Thread(target=call_in_helper, name="gitmodel-request", daemon=True)
        self._helpers.add(helper)
        helper.start()
        return answer.result()

    def _count_failure(self) -> None:
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            self.turn_off()


def is_large_pack(key: str, size: int) -> bool:
    """Whether a request transfers a large pack, for which a transport is faster than a loaded fallback."""
    return size >= LARGE_BYTES and key.startswith(PACKS)


def is_enabled(environment: Mapping[str, str]) -> bool:
    """Whether the fast path may be used; `GITMODEL_TRANSPORT=fsspec` disables it.

    Raises ConfigError if the variable has another value than "auto" and "fsspec".
    """
    value = environment.get(VARIABLE) or _AUTO
    if value not in {_AUTO, _FSSPEC}:
        raise ConfigError(f"{VARIABLE} must be {_AUTO} or {_FSSPEC}", hint=f"unset {VARIABLE}")
    return value == _AUTO
