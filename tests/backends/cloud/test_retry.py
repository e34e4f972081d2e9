"""When to try again and how long to wait; nothing here really waits."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.backends.cloud.retry import FailureKind, RequestFailure, Retrier, RetryPolicy

PATIENT = {FailureKind.BUSY, FailureKind.BROKEN, FailureKind.CHANGED}
BRIEFLY_PATIENT = {FailureKind.UNREACHABLE, FailureKind.UNKNOWN_HOST}


@dataclass
class World:
    """A clock that only sleeping moves, and an attempt that fails as told."""

    faults: list[RequestFailure]
    fraction: float = 1.0
    now: float = 0.0
    sleeps: list[float] = field(default_factory=list)
    attempts: int = 0

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    def attempt(self) -> str:
        self.attempts += 1
        if self.faults:
            raise self.faults.pop(0)
        return "done"

    def run(self, policy: RetryPolicy | None = None) -> str:
        retrier = Retrier(
            policy=policy or RetryPolicy(),
            sleep=self.sleep,
            clock=lambda: self.now,
            fraction=lambda: self.fraction,
        )
        return retrier.run(self.attempt)


def busy(count: int, *, retry_after_seconds: float | None = None) -> list[RequestFailure]:
    return [
        RequestFailure(FailureKind.BUSY, "503 SlowDown", retry_after_seconds=retry_after_seconds)
        for _ in range(count)
    ]


def test_success_is_tried_once() -> None:
    world = World([])

    assert world.run() == "done"
    assert (world.attempts, world.sleeps) == (1, [])


def test_waits_double_up_to_the_cap() -> None:
    world = World(busy(7))

    assert world.run() == "done"
    assert world.sleeps == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8])


def test_no_wait_is_longer_than_the_cap() -> None:
    world = World(busy(11))

    assert world.run(RetryPolicy(tries=12)) == "done"
    assert max(world.sleeps) == 20.0


@pytest.mark.parametrize("kind", sorted(PATIENT))
def test_eight_tries_are_all(kind: FailureKind) -> None:
    world = World([RequestFailure(kind, "again") for _ in range(100)])

    with pytest.raises(RequestFailure):
        world.run()

    assert world.attempts == 8


def test_a_dead_address_is_given_up_within_a_second() -> None:
    world = World([RequestFailure(FailureKind.UNREACHABLE, "refused") for _ in range(100)])

    with pytest.raises(RequestFailure):
        world.run()

    assert world.attempts == 3
    assert world.now < 1


@pytest.mark.parametrize("kind", sorted(set(FailureKind) - PATIENT - BRIEFLY_PATIENT))
def test_a_permanent_fault_is_tried_once(kind: FailureKind) -> None:
    world = World([RequestFailure(kind, "no")])

    with pytest.raises(RequestFailure):
        world.run()

    assert (world.attempts, world.sleeps) == (1, [])


def test_the_store_may_ask_for_more_patience() -> None:
    world = World(busy(1, retry_after_seconds=7), fraction=0.0)

    world.run()

    assert world.sleeps == [7]


def test_the_store_may_not_ask_for_an_hour() -> None:
    world = World(busy(1, retry_after_seconds=3600))

    world.run()

    assert world.sleeps == [60]


def test_no_try_begins_after_five_minutes() -> None:
    world = World(busy(100, retry_after_seconds=60))

    with pytest.raises(RequestFailure):
        world.run()

    assert world.attempts == 6
    assert world.now <= 300


def test_other_errors_pass_untouched() -> None:
    def attempt() -> None:
        raise KeyError("a defect")

    with pytest.raises(KeyError):
        Retrier().run(attempt)


@given(
    attempt=st.integers(1, 1000),
    asked=st.none() | st.floats(0, 1e9),
    fraction=st.floats(0, 1, exclude_max=True),
)
def test_waits_are_bounded(attempt: int, asked: float | None, fraction: float) -> None:
    fault = RequestFailure(FailureKind.BUSY, "again", retry_after_seconds=asked)

    wait = RetryPolicy().wait_seconds(attempt, fault, fraction)

    assert 0 <= wait <= 60
