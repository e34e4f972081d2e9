"""A shorter way to a store: which requests take it, and what happens when it fails.

Words: the *transport* makes requests with half the CPU and without 0.35 s of imports; the *usual way*
is the service's own request through fsspec, which can do everything and is always there; the *lane*
sits in a service and decides between the two for each request.

A transport that was opened from the person's own plain settings takes every request but listing and
deleting, which a push or a fetch never does, and the usual way is not even imported. One whose address and credentials had to be taken from the usual
way takes large packs alone: what is small gains nothing any more.

Guaranteed: whatever goes wrong in a transport, the usual way is asked at once. It then either
succeeds, or says what is the matter in the words that it always uses; so no error ever comes from a
transport. It passes on two answers only, and only where the store said them without doubt: the object
is not there (MISSING), or there already (EXISTS).
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol, TypeVar

from gitmodel.backends.cloud.retry import RequestFailure
from gitmodel.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Result = TypeVar("Result")
# Below it the usual way, once it is there, is as fast.
LARGE_BYTES = 1 << 20
# So often a transport may fail where the usual way succeeds before it is given up: a proxy or a
# certificate that only one of the two libraries knows is not tried again for every pack.
MAX_FAILURES = 3
# So long a closing lane waits for requests that an interrupt has left alone.
CLOSE_SECONDS = 2.0
VARIABLE = "GITMODEL_TRANSPORT"
_AUTO, _FSSPEC = "auto", "fsspec"


class Transport(Protocol):
    """Requests for objects; called from several threads at once. Names are whole: prefix and key.

    Raises:
        RequestFailure: MISSING, where the store says that the object is not there (and the bucket is).
    """

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What its methods raise otherwise, in no particular order or meaning."""

    def get(self, name: str, limit: int) -> bytes:
        """Return a whole object; fail if it has more than `limit` bytes."""

    def get_range(self, name: str, start: int, size: int) -> bytes:
        """Return up to `size` bytes from `start`, fewer only where the object ends."""

    def put(self, name: str, data: bytes) -> str | None:
        """Create or replace an object in one request; returns the kind of checksum sent with it."""

    def create(self, name: str, data: bytes) -> str | None:
        """Write an object if the name is free; the fault EXISTS says that it is not. As `put`."""

    def size(self, name: str) -> int:
        """Return the size of an object in bytes."""

    def close(self) -> None:
        """Give connections back; idempotent."""


class FastPath:
    """Takes requests through a transport where that works, else the usual way.

    Args:
        open_transport: Returns the transport, or None as long as (or if) it would not send the same
            requests with the same credentials to the same address. Raises ImportError where its
            library is missing. Called again after None.
        everything: It needs nothing from the usual way and takes all requests, not large packs alone.
    """

    def __init__(
        self, open_transport: Callable[[], Transport | None], *, everything: bool = False
    ) -> None:
        self._open = open_transport
        self._everything = everything
        self._helpers: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._transport: Transport | None = None
        self._is_off = False
        self._failures = 0
        self._doubtful: set[str] = set()

    def request(
        self,
        key: str,
        size: int,
        fast: Callable[[Transport], Result],
        fallback: Callable[[], Result],
    ) -> Result:
        """Make one request by the better way.

        Args:
            key: The object. After a failure its further tries go the usual way, so that an object
                costs one request more than without a transport and not twice as many.
            size: Bytes that may have to be moved.
            fast: The request through the transport.
            fallback: The same request through fsspec; what it raises is raised.

        Raises:
            RequestFailure: What the transport was told without doubt, see `Transport`.
        """
        transport = self._chosen(key, size)
        if transport is not None:
            try:
                result = self._call(fast, transport)
            except RequestFailure:
                self._failures = 0
                raise
            except transport.failures:
                self._doubtful.add(key)
            else:
                self._failures = 0
                return result
        result = fallback()
        if transport is not None:
            self._strike()
        self._doubtful.discard(key)
        return result

    def turn_off(self) -> None:
        """Go the usual way from now on; idempotent."""
        with self._lock:
            self._is_off = True
            transport, self._transport = self._transport, None
            helpers = list(self._helpers)
        for helper in helpers:
            # A daemon that came back from native code while the interpreter ends would abort it.
            helper.join(CLOSE_SECONDS)
        if transport is not None:
            transport.close()

    def _chosen(self, key: str, size: int) -> Transport | None:
        if self._is_off or key in self._doubtful:
            return None
        if not (self._everything or is_for_transport(key, size)):
            return None
        with self._lock:
            if self._transport is None and not self._is_off:
                try:
                    self._transport = self._open()
                except ImportError:
                    self._is_off = True
            return self._transport

    def _call(self, fast: Callable[[Transport], Result], transport: Transport) -> Result:
        """Make a request; in the main thread so that Ctrl-C ends the wait for it at once.

        A signal does not reach a call into native code before it returns (measured: 4 s with a read
        timeout of 4 s), so a helper makes the call there.
        """
        if threading.current_thread() is not threading.main_thread():
            return fast(transport)
        answer: Future[Result] = Future()

        def ask() -> None:
            try:
                answer.set_result(fast(transport))
            except BaseException as error:  # noqa: BLE001 - raised where the answer is awaited
                answer.set_exception(error)
            finally:
                self._helpers.discard(helper)

        helper = threading.Thread(target=ask, name="gitmodel-request", daemon=True)
        self._helpers.add(helper)
        helper.start()
        return answer.result()

    def _strike(self) -> None:
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            self.turn_off()


def is_for_transport(key: str, size: int) -> bool:
    """Whether a request is worth a transport beside a usual way that is there: a large pack."""
    return size >= LARGE_BYTES and key.startswith("packs/")


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether the person leaves the choice to us; `GITMODEL_TRANSPORT=fsspec` says no.

    Raises:
        ConfigError: The variable has another value than "auto" and "fsspec".
    """
    value = environment.get(VARIABLE) or _AUTO
    if value not in {_AUTO, _FSSPEC}:
        raise ConfigError(f"{VARIABLE} must be {_AUTO} or {_FSSPEC}", hint=f"unset {VARIABLE}")
    return value == _AUTO
