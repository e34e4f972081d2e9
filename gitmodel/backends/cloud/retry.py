"""Trying again: which failures are worth it, how often, after how long.

Words: a *fault* is one failed request to a store, put into one of few kinds by the service that knows
the store's exceptions; an *attempt* is one call that may end in a fault.

This is the only retry layer of gitmodel: the libraries below it are told to try once, because layers
multiply (a permanent 503 cost 25 requests when botocore and s3fs both retried; with this layer it
costs at most 8). Below it only aiohttp sends a request again by itself, once and at once, when a kept
connection turns out to be closed (RFC 9112, 9.3.1): an answer is never retried there. Clock, sleep and random numbers are passed in, so nothing here waits in tests.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.backends.cloud.slow_responses import Waits

Result = TypeVar("Result")


class FaultKind(StrEnum):
    """What a failed request says about the store, the object or the person."""

    MISSING = "missing"  # the object is not there
    NO_ROOT = "no root"  # the bucket, container or folder is not there
    SHORT = "short"  # the object ends before the range that was asked for
    EXISTS = "exists"  # an exclusive create found something
    DENIED = "denied"  # what the credentials stand for may not do it
    LOGIN = "login"  # there are no credentials, or they are wrong or have expired
    ARCHIVED = "archived"  # the object must be restored before it can be read
    FULL = "full"  # the store has no room left
    WRONG_REGION = "wrong region"
    CLOCK = "clock"  # this machine's clock is too far from the server's
    BUSY = "busy"  # the store asks for patience, or fails inside (429, 5xx)
    BROKEN = "broken"  # the connection was lost or silent in the middle
    CHANGED = "changed"  # the body that arrived is not what its checksum says
    PROXY = "proxy"  # a proxy between here and the server is in the way
    CERTIFICATE = "certificate"  # no TLS with this server
    NO_HOST = "no host"  # nobody knows the server's name
    STRANGER = "stranger"  # what answers is no such store: a login page, a gateway
    UNREACHABLE = "unreachable"  # no connection at all: refused, no such host, connect timeout
    REFUSED = "refused"  # any other permanent refusal


class RequestFailure(Exception):  # noqa: N818 - not an error of the program, and it never reaches a person
    """One failed request, before anyone decides whether to try again.

    Args:
        kind: What sort of failure it is.
        detail: The store's own words, for the error message; one line, no secrets.
        hint: What a person can do about exactly this, if that is known here.
        retry_after_seconds: How long the store asked to wait, if it did.
        server: Address of the server that it is about, if that is not the one with the objects.
    """

    def __init__(
        self,
        kind: FaultKind,
        detail: str,
        *,
        hint: str | None = None,
        retry_after_seconds: float | None = None,
        server: str | None = None,
    ) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.hint = hint
        self.retry_after_seconds = retry_after_seconds
        self.server = server


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often to try and how long to wait in between.

    Args:
        tries: Requests in all for one object while a store is busy or connections break.
        brief_tries: Requests in all where nothing answers: a refused connection rarely heals, and a
            person with a mistyped endpoint should know within seconds.
        base_seconds: Longest wait before the second try; doubles with each further try.
        cap_seconds: Longest wait ever, unless the store asks for more.
        longest_asked_seconds: Longest wait that a store may ask for (Retry-After).
        total_seconds: No further try begins after this time.
    """

    tries: int = 8
    brief_tries: int = 3
    base_seconds: float = 0.2
    cap_seconds: float = 20.0
    longest_asked_seconds: float = 60.0
    total_seconds: float = 300.0

    def tries_for(self, kind: FaultKind) -> int:
        """Number of requests in all that a fault of this kind is worth."""
        match kind:
            case FaultKind.BUSY | FaultKind.BROKEN | FaultKind.CHANGED:
                return self.tries
            case FaultKind.UNREACHABLE | FaultKind.NO_HOST:
                return self.brief_tries
            case _:
                return 1

    def wait_seconds(self, attempt: int, fault: RequestFailure, fraction: float) -> float:
        """Wait after failed attempt number `attempt` (from 1): full jitter, or as the store asks.

        Args:
            attempt: Number of requests made so far.
            fault: How the last one failed.
            fraction: Random number in [0, 1); many clients that failed together spread out by it.
        """
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** (attempt - 1))
        asked = min(fault.retry_after_seconds or 0.0, self.longest_asked_seconds)
        return max(ceiling * fraction, asked)


def _fraction() -> float:
    """A random number from 0 to 1; most requests never wait, and need no library for one."""
    import random

    return random.random()  # noqa: S311 - how long to wait, no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrier:
    """Runs one request under a policy; safe to share between threads.

    Args:
        policy: How often to try and how long to wait.
        sleep: Waits so many seconds.
        clock: Seconds that only grow.
        fraction: A random number from 0 to 1.
        waits: Announces long waits; None announces nothing.
    """

    policy: RetryPolicy = field(default_factory=RetryPolicy)
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    fraction: Callable[[], float] = _fraction
    waits: Waits | None = None

    def run(self, attempt: Callable[[], Result]) -> Result:
        """Call `attempt` until it returns, or until its fault is not worth another try.

        Raises:
            RequestFailure: The last one.
        """
        if self.waits is None:
            return self._run(attempt, lambda: None)
        with self.waits.request() as again:
            return self._run(attempt, again)

    def _run(self, attempt: Callable[[], Result], again: Callable[[], None]) -> Result:
        started = self.clock()
        count = 0
        while True:
            count += 1
            again()
            try:
                return attempt()
            except RequestFailure as fault:
                if count >= self.policy.tries_for(fault.kind):
                    raise
                wait = self.policy.wait_seconds(count, fault, self.fraction())
                if self.clock() - started + wait > self.policy.total_seconds:
                    raise
            self.sleep(wait)
