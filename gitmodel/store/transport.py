"""Packs by a shorter way: which requests take it, and what happens when it fails.

Words: the *transport* moves whole large objects and nothing else, with half the CPU; the *usual way*
is the service's own request through fsspec, which can do everything and is always there; the *lane*
sits in a service and decides between the two for each request.

Guaranteed: whatever goes wrong in a transport, the usual way is asked at once. It then either
succeeds, or says what is the matter in the words that it always uses; so no error ever comes from a
transport, and a transport needs to know nothing about why a request failed.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol, TypeVar

from gitmodel.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Result = TypeVar("Result")
# Below it the first request of a process would pay more for the import than it gains.
LARGE_BYTES = 1 << 20
# So often a transport may fail where the usual way succeeds before it is given up: a proxy or a
# certificate that only one of the two libraries knows is not tried again for every pack.
STRIKES = 3
VARIABLE = "GITMODEL_TRANSPORT"
_AUTO, _FSSPEC = "auto", "fsspec"


class Transport(Protocol):
    """Moves objects; called from several threads at once. Names are whole: prefix and key."""

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What its methods raise, in no particular order or meaning."""

    def get(self, name: str, limit: int) -> bytes:
        """Return a whole object; fail if it has more than `limit` bytes."""

    def get_range(self, name: str, start: int, size: int) -> bytes:
        """Return up to `size` bytes from `start`, fewer only where the object ends."""

    def put(self, name: str, data: bytes) -> None:
        """Create or replace an object in one request."""

    def close(self) -> None:
        """Give connections back; idempotent."""


class Lane:
    """Takes large objects through a transport where that works, else the usual way.

    Args:
        open_transport: Returns the transport, or None as long as (or if) it would not send the same
            requests with the same credentials to the same address. Raises ImportError where its
            library is missing. Called again after None.
    """

    def __init__(self, open_transport: Callable[[], Transport | None]) -> None:
        self._open = open_transport
        self._lock = threading.Lock()
        self._transport: Transport | None = None
        self._is_off = False
        self._strikes = 0
        self._doubtful: set[str] = set()

    def carry(
        self,
        key: str,
        size: int,
        quick: Callable[[Transport], Result],
        usual: Callable[[], Result],
    ) -> Result:
        """Make one request by the better way.

        Args:
            key: The object. After a failure its further tries go the usual way, so that an object
                costs one request more than without a transport and not twice as many.
            size: Bytes that may have to be moved.
            quick: The request through the transport.
            usual: The same request through fsspec; what it raises is raised.
        """
        transport = self._chosen(key, size)
        if transport is not None:
            try:
                result = quick(transport)
            except transport.failures:
                self._doubtful.add(key)
            else:
                self._strikes = 0
                return result
        result = usual()
        if transport is not None:
            self._strike()
        self._doubtful.discard(key)
        return result

    def turn_off(self) -> None:
        """Go the usual way from now on; idempotent."""
        with self._lock:
            self._is_off = True
            transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def _chosen(self, key: str, size: int) -> Transport | None:
        if self._is_off or key in self._doubtful or not is_for_transport(key, size):
            return None
        with self._lock:
            if self._transport is None and not self._is_off:
                try:
                    self._transport = self._open()
                except ImportError:
                    self._is_off = True
            return self._transport

    def _strike(self) -> None:
        self._strikes += 1
        if self._strikes >= STRIKES:
            self.turn_off()


def is_for_transport(key: str, size: int) -> bool:
    """Whether a request is worth a transport: a large pack, in a thread that may wait.

    The main thread must stay interruptible: Ctrl-C does not reach a call into native code before it
    returns (measured: 4 s with a read timeout of 4 s). Packs are moved by worker threads.
    """
    return (
        size >= LARGE_BYTES
        and key.startswith("packs/")
        and threading.current_thread() is not threading.main_thread()
    )


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether the person leaves the choice to us; `GITMODEL_TRANSPORT=fsspec` says no.

    Raises:
        ConfigError: The variable has another value than "auto" and "fsspec".
    """
    value = environment.get(VARIABLE) or _AUTO
    if value not in {_AUTO, _FSSPEC}:
        raise ConfigError(f"{VARIABLE} must be {_AUTO} or {_FSSPEC}", hint=f"unset {VARIABLE}")
    return value == _AUTO
