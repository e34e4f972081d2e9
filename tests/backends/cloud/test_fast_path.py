"""Which requests take the transport, and that its failures never reach anyone."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gitmodel.backends.cloud.fast_path import (
    LARGE_BYTES,
    MAX_FAILURES,
    FastPath,
    Transport,
    is_enabled,
    is_large_pack,
)
from gitmodel.backends.cloud.retry import FailureKind, RequestFailure
from gitmodel.backends.s3.bucket_url import SentRequest
from gitmodel.errors import ConfigError

PACK = "packs/ab/ab12"


class Quick:
    """A transport that works until it is told not to."""

    failures: tuple[type[Exception], ...] = (OSError,)

    def __init__(self) -> None:
        self.works = True
        self.asked = 0
        self.closed = 0

    def get(self, name: str, limit: int) -> bytes:
        self.asked += 1
        if not self.works:
            raise OSError(name)
        return b"quick"[:limit]

    def get_range(self, name: str, start: int, size: int) -> bytes:
        return self.get(name, size)[start:]

    def put(self, name: str, data: bytes) -> None:
        self.get(name, len(data))

    def create(self, name: str, data: bytes) -> None:
        self.get(name, len(data))

    def size(self, name: str) -> int:
        return len(self.get(name, LARGE_BYTES))

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def quick() -> Quick:
    return Quick()


def carried(lane: FastPath, key: str = PACK, *, usual: bytes | Exception = b"usual") -> bytes:
    """What a request in a worker thread gets."""

    def usually() -> bytes:
        if isinstance(usual, Exception):
            raise usual
        return usual

    def quickly(transport: Transport) -> bytes:
        return transport.get(key, LARGE_BYTES)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lane.request, key, LARGE_BYTES, quickly, usually).result()


@pytest.mark.parametrize(
    ("key", "size", "expected"),
    [
        (PACK, LARGE_BYTES, True),
        (PACK, LARGE_BYTES - 1, False),
        ("manifests/ab/ab12", LARGE_BYTES, False),
        ("versions/p/fraud@7.yaml", LARGE_BYTES, False),
    ],
)
def test_large_packs_take_the_transport(key: str, size: int, *, expected: bool) -> None:
    assert is_large_pack(key, size) is expected


def test_everything_takes_one_that_needs_nothing_from_the_usual_way(quick: Quick) -> None:
    lane = FastPath(lambda: quick, all_requests=True)

    assert carried(lane, "versions/p/fraud@7.yaml") == b"quick"


def test_what_the_store_said_without_doubt_is_passed_on(quick: Quick) -> None:
    def missing(_transport: Transport) -> bytes:
        raise RequestFailure(FailureKind.MISSING, "it")

    lane = FastPath(lambda: quick, all_requests=True)
    with pytest.raises(RequestFailure):
        lane.request(PACK, 0, missing, lambda: pytest.fail("the usual way was asked"))

    assert carried(lane) == b"quick"  # and nothing is in doubt


def test_the_main_thread_stays_interruptible(quick: Quick) -> None:
    assert threading.current_thread() is threading.main_thread()
    called, answer = threading.Event(), threading.Event()

    def slow(_transport: Transport) -> bytes:
        called.set()
        answer.wait(timeout=30)
        return b"late"

    def interrupt() -> None:
        called.wait(timeout=30)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    lane = FastPath(lambda: quick, all_requests=True)
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        lane.request(PACK, 0, slow, lambda: pytest.fail("the usual way was asked"))
    assert not answer.is_set()

    answer.set()
    lane.turn_off()

    assert "gitmodel-request" not in {thread.name for thread in threading.enumerate()}


def test_a_failure_is_answered_the_usual_way(quick: Quick) -> None:
    lane = FastPath(lambda: quick)
    quick.works = False

    assert carried(lane) == b"usual"
    with pytest.raises(KeyError, match="in its own words"):
        carried(lane, usual=KeyError("in its own words"))


def test_further_tries_of_an_object_go_the_usual_way(quick: Quick) -> None:
    lane = FastPath(lambda: quick)
    quick.works = False
    for _ in range(5):
        with pytest.raises(KeyError):
            carried(lane, usual=KeyError())
    assert quick.asked == 1

    quick.works = True

    assert carried(lane, "packs/cd/cd34") == b"quick"
    assert carried(lane) == b"usual"  # ends the doubt
    assert carried(lane) == b"quick"


def test_a_transport_that_fails_where_the_usual_way_works_is_given_up(quick: Quick) -> None:
    lane = FastPath(lambda: quick)
    quick.works = False
    for number in range(MAX_FAILURES + 5):
        assert carried(lane, f"packs/{number}") == b"usual"

    assert (quick.asked, quick.closed) == (MAX_FAILURES, 1)


def test_a_store_that_fails_both_ways_does_not_end_the_transport(quick: Quick) -> None:
    lane = FastPath(lambda: quick)
    quick.works = False
    for number in range(MAX_FAILURES + 5):
        with pytest.raises(KeyError):
            carried(lane, f"packs/{number}", usual=KeyError())

    assert quick.closed == 0


def test_a_success_forgives(quick: Quick) -> None:
    lane = FastPath(lambda: quick)
    for number in range(3 * MAX_FAILURES):
        quick.works = number % MAX_FAILURES == 0
        carried(lane, f"packs/{number}")

    assert quick.closed == 0


def test_a_transport_that_is_not_ready_is_asked_for_again(quick: Quick) -> None:
    answers: list[Quick | None] = [None, None, quick]
    lane = FastPath(lambda: answers.pop(0))

    assert [carried(lane) for _ in range(3)] == [b"usual", b"usual", b"quick"]


def test_a_missing_library_is_looked_for_once() -> None:
    looks: list[int] = []

    def missing() -> Quick:
        looks.append(1)
        raise ImportError

    lane = FastPath(missing)

    assert [carried(lane), carried(lane)] == [b"usual", b"usual"]
    assert len(looks) == 1


def test_turning_off_closes_once(quick: Quick) -> None:
    lane = FastPath(lambda: quick)
    carried(lane)

    lane.turn_off()
    lane.turn_off()

    assert quick.closed == 1
    assert carried(lane) == b"usual"


def test_the_person_may_say_no() -> None:
    assert is_enabled({})
    assert is_enabled({"GITMODEL_TRANSPORT": "auto"})
    assert not is_enabled({"GITMODEL_TRANSPORT": "fsspec"})
    with pytest.raises(ConfigError, match="must be auto or fsspec") as caught:
        is_enabled({"GITMODEL_TRANSPORT": "boto"})
    assert caught.value.hint == "unset GITMODEL_TRANSPORT"


@pytest.mark.parametrize(
    ("url", "endpoint", "expected"),
    [
        ("http://h:1/models/team/k?x", "http://h:1", "http://h:1/models"),
        ("http://h:1/models", "http://h:1", "http://h:1/models"),
        ("http://h:1/models?list-type=2", "http://h:1/", "http://h:1/models"),
        ("https://h/sub/models/k", "https://h/sub", "https://h/sub/models"),
        ("https://models.h/k", "https://h", "https://models.h"),
        ("https://models.h/models/k", "https://h", "https://models.h"),
        ("https://models.h/models/k", "https://models.h", "https://models.h/models"),
        (
            "https://models.s3.dualstack.eu-west-1.amazonaws.com/k",
            "https://s3.eu-west-1.amazonaws.com",
            "https://models.s3.dualstack.eu-west-1.amazonaws.com",
        ),
        ("https://h/other/k", "https://h", None),
        ("https://h/modelsandmore/k", "https://h", None),
        ("https://point-123.accesspoint.h/k", "https://h", None),
    ],
)
def test_the_address_of_a_bucket_is_read_off_a_request(
    url: str, endpoint: str, expected: str | None
) -> None:
    assert SentRequest(url, "r").bucket_url("models", endpoint) == expected


def test_opening_a_backend_does_not_import_a_library() -> None:
    code = """
        import sys
        from gitmodel.domain.config.remote import Remote
        from gitmodel.backends.open import open_backend
        from gitmodel.backends.open_options import OpenOptions
        environment = {"AZURE_STORAGE_ACCOUNT": "someone", "AZURE_STORAGE_KEY": "d3Jvbmc="}
        for scheme in ("s3", "az"):
            remote = Remote(url=f"{scheme}://models", scheme=scheme)
            open_backend(remote, OpenOptions(trusted=True, environment=environment)).close()
        print({"obstore", "s3fs", "botocore"} & sys.modules.keys())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == ("set()\n", "")
