"""Retries: which failures are retried, how often, and after how long.

A `RequestFailure` is one failed request. The client of a store classifies the exceptions of its library as
one of the `FailureKind`s.

This is the only retry layer of gitmodel: the libraries below it are told to try once, because retries
multiply (a permanent 503 cost 25 requests when botocore and s3fs both retried; with this layer it
costs at most 8). Below it only aiohttp sends a request again by itself, once and at once, when a kept
connection turns out to be closed (RFC 9112, 9.3.1): an answer is never retried there. Clock, sleep and
random numbers are passed in, so nothing here waits in tests.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.backends.cloud.slow_responses import SilenceWatcher

Result = TypeVar("Result")


class FailureKind(StrEnum):
    """Why a request failed."""

    MISSING = "missing"  # the object does not exist
    NO_BUCKET = "no bucket"  # the bucket or container does not exist
    SHORT = "short"  # the object ends before the range that was asked for
    EXISTS = "exists"  # an exclusive create found an object
    DENIED = "denied"  # the credentials lack a permission
    LOGIN = "login"  # no credentials, or wrong or expired ones
    ARCHIVED = "archived"  # the object must be restored before it can be read
    FULL = "full"  # no space left
    WRONG_REGION = "wrong region"
    CLOCK = "clock"  # this machine's clock is too far from the server's
    BUSY = "busy"  # the store is overloaded or fails internally (429, 5xx)
    BROKEN = "broken"  # the connection was lost or silent in the middle
    CHANGED = "changed"  # the body that arrived is not what its checksum says
    PROXY = "proxy"  # a proxy refuses the connection
    CERTIFICATE = "certificate"  # TLS with this server fails
    UNKNOWN_HOST = "unknown host"  # the server's name cannot be looked up
    NOT_A_STORE = "not a store"  # another server answers: a login page, a gateway
    UNREACHABLE = "unreachable"  # no connection: refused, connect timeout
    REFUSED = "refused"  # any other permanent refusal


class RequestFailure(Exception):  # noqa: N818 - internal: users see an error of `gitmodel.errors`
    """One failed request, before the decision to retry.

    `detail` is the store's text for the error message: one line, no secrets. `retry_after_seconds` is how
    long the store asked to wait. `server` is the address of the failed server, if it is not the store.
    """

    def __init__(
        self,
        kind: FailureKind,
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
    """How often to retry and how long to wait in between."""

    tries: int = 8  # requests for one object while a store is busy or connections break
    brief_tries: int = 3  # without a connection: a mistyped endpoint is reported within seconds
    base_seconds: float = 0.2  # longest wait before the second try; doubles with each further try
    cap_seconds: float = 20.0  # longest wait ever, unless the store asks for more
    longest_asked_seconds: float = 60.0  # longest wait that a store may ask for (Retry-After)
    total_seconds: float = 300.0  # no retry begins after this time

    def tries_for(self, kind: FailureKind) -> int:
        """Most requests, including the first, after failures of this kind."""
        match kind:
            case FailureKind.BUSY | FailureKind.BROKEN | FailureKind.CHANGED:
                return self.tries
            case FailureKind.UNREACHABLE | FailureKind.UNKNOWN_HOST:
                return self.brief_tries
            case _:
                return 1

    def wait_seconds(self, attempt: int, failure: RequestFailure, fraction: float) -> float:
        """Wait after failed attempt number `attempt` (from 1): full jitter, or as the store asks.

        `fraction` is a random number in [0, 1). It spreads the retries of clients that failed together.
        """
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** (attempt - 1))
        asked = min(failure.retry_after_seconds or 0.0, self.longest_asked_seconds)
        return max(ceiling * fraction, asked)


def parse_retry_after(text: str) -> float | None:
    """The seconds of a Retry-After header; None for a date or nothing."""
    return float(text) if text.isascii() and text.isdigit() else None


def _fraction() -> float:
    """A random number in [0, 1). Most requests never wait, so `random` is imported late."""
    import random

    return random.random()  # noqa: S311 - how long to wait, no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrier:
    """Runs one request with retries. Safe to share between threads."""

    policy: RetryPolicy = field(default_factory=RetryPolicy)
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic  # a monotonic clock in seconds
    fraction: Callable[[], float] = _fraction
    waits: SilenceWatcher | None = None  # reports slow responses

    def run(self, attempt: Callable[[], Result]) -> Result:
        """Call `attempt` until it returns, or until its failure is not retried, and is raised."""
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
            except RequestFailure as failure:
                if count >= self.policy.tries_for(failure.kind):
                    raise
                wait = self.policy.wait_seconds(count, failure, self.fraction())
                if self.clock() - started + wait > self.policy.total_seconds:
                    raise
            self.sleep(wait)
