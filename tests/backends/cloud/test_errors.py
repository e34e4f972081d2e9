"""What no real store does on demand: failures of S3 and Azure, and what a person is told about them.

Here the usual way is asked alone; test_transport_obstore.py shows that with a transport before it all
stays the same but for one request more.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from gitmodel.backends.cloud.errors import describe_failure, one_line
from gitmodel.backends.cloud.retry import FailureKind, RequestFailure, Retrier
from gitmodel.backends.cloud.service import CloudClient
from gitmodel.backends.open import open_backend
from gitmodel.backends.open_options import OpenOptions
from gitmodel.domain.config.remote import Remote
from gitmodel.errors import (
    DamagedObjectError,
    GitmodelError,
    NoSpaceError,
    ObjectMissingError,
    RemoteDeniedError,
    RemoteError,
    RemoteMissingError,
    RemoteUnreachableError,
    UntrustedRemoteError,
)
from tests.support.scripted_server import LOST, Answer, Asked, ScriptedServer, scripted_server
from tests.support.servers import AZURE_ACCOUNT, AZURE_KEY, AzureServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitmodel.backends.backend import Backend

pytestmark = pytest.mark.slow

LIMIT = 1 << 20
KEY = "versions/p/fraud@7.yaml"
MINE = b"pointer: mine\n"
STORED = {"ETag": '"1"', "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"}
# Of an answer of 100,000 bytes, to a request with a range.
PART = STORED | {"Content-Range": "bytes 0-99999/100000"}

CALLS: dict[str, Callable[[Backend], object]] = {
    "read": lambda backend: backend.read(KEY, limit=LIMIT),
    "read_range": lambda backend: backend.read_range(KEY, 0, 4),
    "size": lambda backend: backend.size(KEY),
    "create": lambda backend: backend.create(KEY, MINE),
    "write": lambda backend: backend.write(KEY, MINE),
    "list": lambda backend: list(backend.list("")),
    "delete": lambda backend: backend.delete(KEY),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


@dataclass
class Waits:
    """Sleeps that take no time."""

    seconds: list[float] = field(default_factory=list)

    def retrier(self) -> Retrier:
        return Retrier(sleep=self.seconds.append)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        yield server


@pytest.fixture
def s3(server: ScriptedServer, waits: Waits, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    monkeypatch.setenv("GITMODEL_TRANSPORT", "fsspec")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something")
    remote = Remote(url="s3://models/team", scheme="s3", endpoint=server.url, region="us-east-1")
    backend = open_backend(remote, OpenOptions(trusted=True, retrier=waits.retrier()))
    yield backend
    backend.close()


@pytest.fixture
def azure(
    server: ScriptedServer, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Backend]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    connection = AzureServer(endpoint=f"{server.url}/{AZURE_ACCOUNT}").connection_string
    environment = {
        "AZURE_STORAGE_CONNECTION_STRING": connection,
        "GITMODEL_TRANSPORT": "fsspec",
    }
    remote = Remote(url="az://models/team", scheme="az")
    backend = open_backend(
        remote, OpenOptions(trusted=True, environment=environment, retrier=waits.retrier())
    )
    yield backend
    backend.close()


@pytest.fixture(params=["s3", "azure"])
def either(request: pytest.FixtureRequest) -> Backend:
    backend: Backend = request.getfixturevalue(request.param)
    return backend


def s3_error(status: int, code: str, message: str = "In words.", **more: str) -> Answer:
    further = "".join(f"<{name}>{value}</{name}>" for name, value in more.items())
    text = f"<Error><Code>{code}</Code><Message>{message}</Message>{further}</Error>"
    return Answer(status, text.encode(), {"Content-Type": "application/xml"})


def azure_error(status: int, code: str) -> Answer:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>In words.</Message></Error>"
    headers = {"Content-Type": "application/xml", "x-ms-error-code": code}
    return Answer(status, text.encode(), headers)


def stored_object(data: bytes) -> Callable[[Asked], Answer]:
    """What S3 and Azure answer to a GET, with or without a range."""

    def answer(asked: Asked) -> Answer:
        wanted = asked.headers.get("x-ms-range") or asked.headers.get("range")
        if wanted is None:
            return Answer(200, data, STORED)
        first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
        part = data[first : last + 1]
        content_range = f"bytes {first}-{first + len(part) - 1}/{len(data)}"
        return Answer(206, part, STORED | {"Content-Range": content_range})

    return answer


def told(call: Callable[[], object]) -> tuple[str, str, str | None]:
    """Kind, message and hint of the error that a call ends with."""
    with pytest.raises(GitmodelError) as caught:
        call()
    return type(caught.value).__name__, str(caught.value), caught.value.hint


class TestABusyStore:
    @every_call
    def test_a_permanent_503_costs_eight_requests(
        self, either: Backend, server: ScriptedServer, call: Callable[[Backend], object]
    ) -> None:
        """It cost 25 when botocore and s3fs retried as well."""
        server.answers(s3_error(503, "SlowDown"))

        with pytest.raises(RemoteUnreachableError, match="was too busy") as caught:
            call(either)

        assert len(server.asked) == 8
        assert caught.value.hint == "run the same command again later; received data is kept"

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_patience_is_rewarded(
        self, either: Backend, server: ScriptedServer, status: int
    ) -> None:
        answer = stored_object(MINE)
        server.script = lambda asked: (
            Answer(status, b"busy") if len(server.asked) < 4 else answer(asked)
        )

        assert either.read(KEY, limit=LIMIT) == MINE
        assert len(server.asked) == 4

    def test_retry_after_is_obeyed(
        self, either: Backend, server: ScriptedServer, waits: Waits
    ) -> None:
        stored = Stored(server)
        server.script = lambda asked: (
            Answer(503, headers={"Retry-After": "33"}) if len(server.asked) == 1 else stored(asked)
        )

        either.write(KEY, MINE)

        assert waits.seconds == [33]

    def test_the_message_names_store_and_object(self, s3: Backend, server: ScriptedServer) -> None:
        server.answers(s3_error(503, "SlowDown", "Please reduce your request rate."))

        assert told(lambda: s3.read("packs/ab/cd", limit=1)) == (
            "RemoteUnreachableError",
            (
                f"{server.url} was too busy to read s3://models/team/packs/ab/cd: "
                "503 SlowDown: Please reduce your request rate."
            ),
            "run the same command again later; received data is kept",
        )


@dataclass
class Stored:
    """A store with one object; the answers to its first requests are lost."""

    server: ScriptedServer
    lost: int = 0
    content: bytes | None = None
    taken: Answer = field(default_factory=lambda: s3_error(412, "PreconditionFailed"))

    def __call__(self, asked: Asked) -> Answer:
        if asked.method != "PUT":
            return stored_object(self.content or b"")(asked)
        if self.content is not None and asked.headers.get("if-none-match") == "*":
            return self.taken
        self.content = asked.body
        azure = "x-ms-version" in asked.headers
        return (
            LOST
            if len(self.server.asked) <= self.lost
            else Answer(201 if azure else 200, headers=STORED)
        )


# How stores say that a key is taken: SeaweedFS, AWS, a gateway without words, Azure twice.
TAKEN = {
    "s3 412": ("s3", s3_error(412, "PreconditionFailed")),
    "s3 412 with condition": ("s3", s3_error(412, "PreconditionFailed", Condition="If-None-Match")),
    "s3 412 without words": ("s3", Answer(412)),
    "s3 409": ("s3", s3_error(409, "ObjectAlreadyExists")),
    "azure 409": ("azure", azure_error(409, "BlobAlreadyExists")),
    "azure 412": ("azure", azure_error(412, "ConditionNotMet")),
}
every_taken = pytest.mark.parametrize(
    ("either", "taken"), TAKEN.values(), ids=TAKEN.keys(), indirect=["either"]
)


class TestDoubtfulCreates:
    @every_taken
    def test_a_lost_answer_is_not_taken_for_a_loss(
        self, either: Backend, server: ScriptedServer, taken: Answer
    ) -> None:
        """The first PUT was stored, its answer lost; the second is told that the key is taken."""
        server.script = Stored(server, lost=1, taken=taken)

        assert either.create(KEY, MINE) is True
        assert server.methods == ["PUT", "PUT", "GET"]
        assert [asked.body for asked in server.asked] == [MINE, MINE, b""]

    @every_taken
    def test_a_loss_is_a_loss(self, either: Backend, server: ScriptedServer, taken: Answer) -> None:
        for theirs in (b"pointer: them\n", b"", MINE + b"more"):
            server.script = Stored(server, content=theirs, taken=taken)

            assert either.create(KEY, MINE) is False

    def test_a_conflict_of_two_creates_is_tried_again(
        self, s3: Backend, server: ScriptedServer
    ) -> None:
        server.answers(
            s3_error(409, "ConditionalRequestConflict"),
            Answer(headers=STORED),
            Answer(200, MINE, STORED),
        )

        assert s3.create(KEY, MINE) is True
        assert server.methods == ["PUT", "PUT", "GET"]

    def test_a_key_freed_meanwhile_is_created(self, s3: Backend, server: ScriptedServer) -> None:
        server.answers(
            s3_error(412, "PreconditionFailed"),
            s3_error(404, "NoSuchKey"),
            Answer(headers=STORED),
            Answer(200, MINE, STORED),
        )

        assert s3.create(KEY, MINE) is True
        assert server.methods == ["PUT", "GET", "PUT", "GET"]

    def test_a_store_that_contradicts_itself_is_given_up(
        self, s3: Backend, server: ScriptedServer
    ) -> None:
        server.script = lambda asked: (
            s3_error(412, "PreconditionFailed")
            if asked.method == "PUT"
            else s3_error(404, "NoSuchKey")
        )

        assert told(lambda: s3.create(KEY, MINE)) == (
            "RemoteError",
            f"s3://models/team/{KEY} exists when it is created and is missing when it is read",
            "gitmodel doctor",
        )

    def test_an_upload_that_nobody_confirmed_is_no_success(
        self, s3: Backend, server: ScriptedServer
    ) -> None:
        """Captive portals and proxies say 200 to anything."""
        server.answers(Answer(200, b"<html>Please log in</html>"))

        for call in (s3.create, s3.write):
            with pytest.raises(RemoteError, match="is not from S3"):
                call(KEY, MINE)


class TestBrokenConnections:
    DATA = bytes(range(256)) * 40

    @pytest.mark.parametrize("cut", [0, 1, 5000, 10239])
    def test_a_body_that_breaks_off_is_fetched_again(
        self, either: Backend, server: ScriptedServer, cut: int
    ) -> None:
        whole = stored_object(self.DATA)

        def script(asked: Asked) -> Answer:
            answer = whole(asked)
            first = len(server.asked) == 1
            return Answer(answer.status, answer.body, answer.headers, cut=cut if first else None)

        server.script = script

        assert either.read(KEY, limit=LIMIT) == self.DATA
        assert either.read_range(KEY, 7, 5000) == self.DATA[7:5007]

    def test_a_body_that_always_breaks_off_is_an_error(
        self, s3: Backend, server: ScriptedServer
    ) -> None:
        server.answers(Answer(200, self.DATA, STORED, cut=100))

        with pytest.raises(RemoteUnreachableError, match="broke in each attempt to read"):
            s3.read(KEY, limit=LIMIT)
        assert len(server.asked) == 8

    def test_a_silent_server_is_given_up(
        self, server: ScriptedServer, waits: Waits, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("gitmodel.backends.s3.s3fs.READ_TIMEOUT_SECONDS", 0.1)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        server.answers(Answer(200, self.DATA, STORED, stall=100))
        remote = Remote(url="s3://models", scheme="s3", endpoint=server.url, anonymous=True)
        backend = open_backend(remote, OpenOptions(trusted=True, retrier=waits.retrier()))

        with pytest.raises(RemoteUnreachableError, match="broke in each attempt"):
            backend.read(KEY, limit=LIMIT)
        backend.close()

        assert len(server.asked) == 8

    @every_call
    def test_a_lost_answer_is_asked_again(
        self, either: Backend, server: ScriptedServer, call: Callable[[Backend], object]
    ) -> None:
        server.answers(LOST)

        with pytest.raises(RemoteUnreachableError, match="broke in each attempt"):
            call(either)
        assert len(server.asked) == 16  # 8 tries; aiohttp sends each again over a new connection


INTERRUPTED = """
    import sys
    from gitmodel.domain.config.remote import Remote
    from gitmodel.backends.open import open_backend
    from gitmodel.backends.open_options import OpenOptions
    remote = Remote(url="{scheme}://models", scheme="{scheme}", endpoint="{url}", anonymous=True)
    backend = open_backend(remote, OpenOptions(trusted=True))
    try:
        backend.read("k", limit=1000000)
    except KeyboardInterrupt:
        sys.exit("interrupted")
    finally:
        backend.close()
"""


@pytest.mark.parametrize("scheme", ["s3", "az"])
def test_nothing_else_is_printed_when_a_transfer_is_interrupted(
    server: ScriptedServer, scheme: str
) -> None:
    """fsspec's own way of waiting left "Task was destroyed but it is pending!" behind."""
    asked = threading.Event()

    def stall(_asked: Asked) -> Answer:
        asked.set()
        return Answer(206, bytes(100_000), PART, stall=100)

    server.script = stall
    code = textwrap.dedent(INTERRUPTED.format(scheme=scheme, url=server.url))
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"NO_PROXY": "127.0.0.1"},
    ) as process:
        assert asked.wait(timeout=30)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)

    assert (process.returncode, errors) == (1, "interrupted\n")


BROKEN = """
    from gitmodel.domain.config.remote import Remote
    from gitmodel.errors import RemoteUnreachableError
    from gitmodel.backends.open import open_backend
    from gitmodel.backends.open_options import OpenOptions
    from gitmodel.backends.cloud.retry import Retrier, RetryPolicy
    remote = Remote(url="{scheme}://models", scheme="{scheme}", endpoint="{url}", anonymous=True)
    twice = Retrier(policy=RetryPolicy(tries=2), sleep=lambda _seconds: None)
    backend = open_backend(remote, OpenOptions(trusted=True, retrier=twice))
    for call in (
        lambda: backend.read("k", limit=1000000),
        lambda: backend.write("k", b"x"),
        lambda: list(backend.list("")),
    ):
        try:
            call()
        except RemoteUnreachableError as error:
            print(type(error).__name__)
    backend.close()
"""


@pytest.mark.parametrize("scheme", ["s3", "az"])
@pytest.mark.parametrize(
    "answer",
    [LOST, Answer(503), Answer(206, bytes(100_000), PART, cut=100)],
    ids=["lost", "busy", "cut"],
)
def test_nothing_is_printed_while_requests_fail(
    server: ScriptedServer, scheme: str, answer: Answer
) -> None:
    """The loggers of libraries print their warnings unless somebody listens to them."""
    server.script = lambda asked: answer if asked.method == "GET" else LOST
    code = textwrap.dedent(BROKEN.format(scheme=scheme, url=server.url))

    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"NO_PROXY": "127.0.0.1"},
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "RemoteUnreachableError\n" * 3


class TestHostileServers:
    def test_more_than_allowed_is_not_read(self, either: Backend, server: ScriptedServer) -> None:
        server.answers(Answer(200, b"", STORED | {"Content-Length": "999999999999"}, stall=0))

        with pytest.raises(DamagedObjectError, match="at most 1,048,576 are possible"):
            either.read(KEY, limit=LIMIT)

    def test_a_whole_object_for_a_range_is_refused(
        self, either: Backend, server: ScriptedServer
    ) -> None:
        """Its first bytes would pass for those in the middle."""
        server.answers(Answer(200, b"x" * 100, STORED))

        with pytest.raises((RemoteError, DamagedObjectError)):
            either.read_range(KEY, 50, 10)

    def test_the_wrong_range_is_refused(self, s3: Backend, server: ScriptedServer) -> None:
        server.answers(Answer(206, b"x" * 10, STORED | {"Content-Range": "bytes 0-9/100"}))

        with pytest.raises(RemoteError, match="does not serve ranges"):
            s3.read_range(KEY, 50, 10)

    def test_its_words_cannot_play_with_the_terminal(
        self, s3: Backend, server: ScriptedServer
    ) -> None:
        words = "\u202edenied &#27;[2J AWS=AKIAABCDEFGHIJKLMNOP" + "x" * 5000
        server.answers(s3_error(403, "AccessDenied", words))

        _, message, hint = told(lambda: s3.read(KEY, limit=LIMIT))

        assert (message + str(hint)).isprintable()
        assert "AKIA" not in message
        assert len(message) < 400

    @pytest.mark.parametrize("name", ["s3", "az"])
    def test_an_untrusted_endpoint_sees_no_credentials(
        self, server: ScriptedServer, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        secrets = {
            "AWS_ACCESS_KEY_ID": "someone",
            "AWS_SECRET_ACCESS_KEY": "something",
            "AWS_SESSION_TOKEN": "something",
            "AZURE_STORAGE_CONNECTION_STRING": AzureServer("https://x.invalid").connection_string,
            "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY,
            "AZURE_STORAGE_SAS_TOKEN": "sig=something",
            "AZURE_STORAGE_CLIENT_ID": "someone",
        }
        for variable, value in secrets.items():
            monkeypatch.setenv(variable, value)
        server.script = stored_object(MINE)
        remote = Remote.from_value(
            {"url": f"{name}://models", "endpoint": server.url}, where="test"
        )
        backend = open_backend(remote, OpenOptions(trusted=False))

        assert backend.read(KEY, limit=LIMIT) == MINE
        for call in (backend.write, backend.create):
            with pytest.raises(UntrustedRemoteError):
                call(KEY, MINE)
        with pytest.raises(UntrustedRemoteError):
            backend.delete(KEY)
        backend.close()

        assert server.methods == ["GET"]
        sent = str(server.asked).lower()
        for word in ("authorization", "someone", "something", "security-token", "sig="):
            assert word not in sent


S3_ANSWERS = {
    "no bucket": (
        s3_error(404, "NoSuchBucket"),
        (
            RemoteMissingError,
            "there is no bucket models at {url}",
            "create it, or name another one: gitmodel remote add URL --replace",
        ),
    ),
    "no permission": (
        s3_error(403, "AccessDenied", "Access Denied"),
        (
            RemoteDeniedError,
            "not allowed to write s3://models/team/k: 403 AccessDenied: Access Denied",
            "grant s3:PutObject on the bucket models",
        ),
    ),
    "unknown key": (
        s3_error(403, "InvalidAccessKeyId"),
        (
            RemoteDeniedError,
            "there are no valid credentials for s3://models/team: 403 InvalidAccessKeyId: In words.",
            "aws sts get-caller-identity shows the identity of the credentials; log in again",
        ),
    ),
    "expired token": (
        s3_error(400, "ExpiredToken", "The provided token has expired."),
        (
            RemoteDeniedError,
            (
                "there are no valid credentials for s3://models/team: "
                "400 ExpiredToken: The provided token has expired."
            ),
            "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN anew",
        ),
    ),
    "clock": (
        s3_error(403, "RequestTimeTooSkewed"),
        (
            RemoteError,
            "this machine's clock differs too much from that of {url}",
            "timedatectl set-ntp true",
        ),
    ),
    "wrong region": (
        s3_error(400, "AuthorizationHeaderMalformed", "expecting 'eu-west-1'", Region="eu-west-1"),
        (
            RemoteError,
            (
                "the bucket models is in another region: "
                "400 AuthorizationHeaderMalformed: expecting 'eu-west-1'"
            ),
            "git config gitmodel.region eu-west-1",
        ),
    ),
    "refused": (
        s3_error(400, "InvalidArgument", "Encryption is required."),
        (
            RemoteError,
            "could not write s3://models/team/k: 400 InvalidArgument: Encryption is required.",
            "gitmodel doctor",
        ),
    ),
    "an action that is not granted": (
        s3_error(
            403,
            "AccessDenied",
            "User: arn:aws:iam::1:user/a is not authorized to perform: s3:PutObject on resource: "
            "arn:aws:s3:::models because no identity-based policy allows the s3:PutObject action",
        ),
        (
            RemoteDeniedError,
            (
                "not allowed to write s3://models/team/k: 403 AccessDenied: User: "
                "arn:aws:iam::1:user/a is not authorized to perform: s3:PutObject on resource: "
                "arn:aws:s3:::models because no identity-based policy allows the s3:PutObject action"
            ),
            "grant s3:PutObject on the bucket models",
        ),
    ),
    "a key of the encryption that is not granted": (
        s3_error(
            403, "AccessDenied", "User: x is not authorized to perform: kms:GenerateDataKey on it"
        ),
        (
            RemoteDeniedError,
            (
                "not allowed to write s3://models/team/k: 403 AccessDenied: User: x is not "
                "authorized to perform: kms:GenerateDataKey on it"
            ),
            "grant kms:GenerateDataKey on the encryption key",
        ),
    ),
    "an explicit deny": (
        s3_error(
            403,
            "AccessDenied",
            "User: x is not authorized to perform: s3:PutObject with an explicit deny in a "
            "service control policy",
        ),
        (
            RemoteDeniedError,
            (
                "not allowed to write s3://models/team/k: 403 AccessDenied: User: x is not "
                "authorized to perform: s3:PutObject with an explicit deny in a service control policy"
            ),
            "change the service control policy that denies it: no further grant helps",
        ),
    ),
    "an encryption key that is disabled": (
        s3_error(400, "KMS.DisabledException", "arn:aws:kms:x is disabled."),
        (
            RemoteDeniedError,
            (
                "not allowed to write s3://models/team/k: 400 KMS.DisabledException: "
                "arn:aws:kms:x is disabled."
            ),
            (
                "aws s3api get-bucket-encryption --bucket models names the key, "
                "aws kms describe-key --key-id KEY its state"
            ),
        ),
    ),
    "a closed account": (
        s3_error(403, "AllAccessDisabled"),
        (
            RemoteDeniedError,
            "not allowed to write s3://models/team/k: 403 AllAccessDisabled: In words.",
            "ask whoever pays for the AWS account: it is closed, suspended or not signed up",
        ),
    ),
    "an object in an archive": (
        s3_error(403, "InvalidObjectState", "Not valid for the object's storage class"),
        (
            RemoteError,
            (
                "s3://models/team/k is archived, and cannot be used before it is restored (tried to "
                "write it): 403 InvalidObjectState: Not valid for the object's storage class"
            ),
            (
                "aws s3api restore-object --bucket models --key team/k --restore-request Days=30, "
                "and wait until it is done"
            ),
        ),
    ),
    "a quota": (
        s3_error(403, "QuotaExceeded"),
        (
            NoSpaceError,
            "{url} has no space left to write s3://models/team/k: 403 QuotaExceeded: In words.",
            "free space there or have the quota raised, then run the same command again",
        ),
    ),
    "a full disk of the server": (
        s3_error(507, "XMinioStorageFull"),
        (
            NoSpaceError,
            "{url} has no space left to write s3://models/team/k: 507 XMinioStorageFull: In words.",
            "free space there or have the quota raised, then run the same command again",
        ),
    ),
    "a proxy that wants a login": (
        Answer(407, b"<html>Who are you?</html>"),
        (
            RemoteUnreachableError,
            (
                "the proxy on the way to {url} wants a user and a password "
                "(407 Proxy Authentication Required)"
            ),
            (
                "set http_proxy=http://USER:PASSWORD@HOST:PORT that lets you through, "
                "or name the server in no_proxy"
            ),
        ),
    ),
    "not implemented": (
        s3_error(501, "NotImplemented"),
        (
            RemoteError,
            "could not write s3://models/team/k: 501 NotImplemented: In words.",
            "gitmodel doctor",
        ),
    ),
}


class TestWhatS3Says:
    @pytest.mark.parametrize(("answer", "error"), S3_ANSWERS.values(), ids=S3_ANSWERS.keys())
    def test_becomes_an_error_with_a_hint(
        self,
        s3: Backend,
        server: ScriptedServer,
        answer: Answer,
        error: tuple[type[GitmodelError], str, str],
    ) -> None:
        server.answers(answer)
        kind, message, hint = error

        expected = (kind.__name__, message.format(url=server.url), hint)

        assert told(lambda: s3.write("k", b"x")) == expected

    def test_a_permanent_error_is_asked_once(self, s3: Backend, server: ScriptedServer) -> None:
        server.answers(s3_error(400, "ExpiredToken"))

        with pytest.raises(RemoteDeniedError):
            s3.write("k", b"x")
        assert len(server.asked) == 1

    def test_a_refused_look_is_not_an_absence(self, s3: Backend, server: ScriptedServer) -> None:
        """S3 answers 403 for a missing object to whom may not list: neither present nor missing."""
        server.answers(Answer(403))

        assert told(lambda: s3.size("k")) == (
            "RemoteDeniedError",
            "cannot tell whether s3://models/team/k is there: 403 403: Forbidden",
            "grant s3:GetObject and s3:ListBucket on the bucket models",
        )

    def test_a_look_for_nothing_asks_once_for_the_bucket(
        self, s3: Backend, server: ScriptedServer
    ) -> None:
        server.script = lambda asked: Answer(404 if "team" in asked.path else 200)

        assert [s3.size("a"), s3.size("b"), s3.size("c")] == [None, None, None]
        assert server.methods == ["HEAD"] * 4

    def test_a_look_into_a_missing_bucket_says_so(
        self, s3: Backend, server: ScriptedServer
    ) -> None:
        server.answers(Answer(404))

        with pytest.raises(RemoteMissingError, match="no bucket models"):
            s3.size("a")

    def test_a_missing_object_is_not_tried_again(self, s3: Backend, server: ScriptedServer) -> None:
        server.answers(s3_error(404, "NoSuchKey"))

        with pytest.raises(ObjectMissingError):
            s3.read("k", limit=1)
        assert len(server.asked) == 1

    def test_a_login_page_is_not_a_listing(self, s3: Backend, server: ScriptedServer) -> None:
        server.answers(Answer(200, b"<html><p>Please log in<br></html>"))

        with pytest.raises(RemoteError):
            list(s3.list(""))


AZURE_ANSWERS = {
    "no container": (
        azure_error(404, "ContainerNotFound"),
        (
            RemoteMissingError,
            "there is no container models at {url}/devstoreaccount1",
            "create it, or name another one: gitmodel remote add URL --replace",
        ),
    ),
    "wrong key": (
        azure_error(403, "AuthenticationFailed"),
        (
            RemoteDeniedError,
            "there are no valid credentials for az://models/team: 403 AuthenticationFailed: Forbidden",
            "az login, or set AZURE_STORAGE_CONNECTION_STRING",
        ),
    ),
    "no role": (
        azure_error(403, "AuthorizationPermissionMismatch"),
        (
            RemoteDeniedError,
            "not allowed to write az://models/team/k: 403 AuthorizationPermissionMismatch: Forbidden",
            "grant the role Storage Blob Data Contributor on the container models",
        ),
    ),
    "a firewall": (
        azure_error(403, "AuthorizationFailure"),
        (
            RemoteDeniedError,
            "not allowed to write az://models/team/k: 403 AuthorizationFailure: Forbidden",
            (
                "az storage account network-rule list shows whether the firewall of the account "
                "lets this machine in"
            ),
        ),
    ),
    "an account without keys": (
        azure_error(403, "KeyBasedAuthenticationNotPermitted"),
        (
            RemoteDeniedError,
            (
                "there are no valid credentials for az://models/team: "
                "403 KeyBasedAuthenticationNotPermitted: Forbidden"
            ),
            (
                "az login, without account key and signature in the environment: the account "
                "takes none"
            ),
        ),
    ),
    "a token that has expired": (
        azure_error(401, "InvalidAuthenticationInfo"),
        (
            RemoteDeniedError,
            (
                "there are no valid credentials for az://models/team: "
                "401 InvalidAuthenticationInfo: Unauthorized"
            ),
            "az login, or set AZURE_STORAGE_CONNECTION_STRING",
        ),
    ),
    "an object in an archive": (
        azure_error(409, "BlobArchived"),
        (
            RemoteError,
            (
                "az://models/team/k is archived, and cannot be used before it is restored (tried to "
                "write it): 409 BlobArchived: Conflict"
            ),
            (
                "az storage blob set-tier --container-name models --name team/k --tier Hot, "
                "and wait until it is done"
            ),
        ),
    ),
    "a lease": (
        azure_error(412, "LeaseIdMissing"),
        (
            RemoteDeniedError,
            "not allowed to write az://models/team/k: 412 LeaseIdMissing: Precondition Failed",
            "the container's policy or a lease protects it: az storage blob show tells which",
        ),
    ),
    "a disabled account": (
        azure_error(403, "AccountIsDisabled"),
        (
            RemoteDeniedError,
            "not allowed to write az://models/team/k: 403 AccountIsDisabled: Forbidden",
            "ask whoever pays for the account: it is disabled",
        ),
    ),
    "a proxy that wants a login": (
        Answer(407, b"<html>Who are you?</html>"),
        (
            RemoteUnreachableError,
            (
                "the proxy on the way to {url}/devstoreaccount1 wants a user and a password "
                "(407 Proxy Authentication Required)"
            ),
            (
                "set http_proxy=http://USER:PASSWORD@HOST:PORT that lets you through, "
                "or name the server in no_proxy"
            ),
        ),
    ),
    "refused": (
        azure_error(400, "InvalidBlobType"),
        (
            RemoteError,
            "could not write az://models/team/k: 400 InvalidBlobType: Bad Request",
            "gitmodel doctor",
        ),
    ),
}


class TestWhatAzureSays:
    @pytest.mark.parametrize(("answer", "error"), AZURE_ANSWERS.values(), ids=AZURE_ANSWERS.keys())
    def test_becomes_an_error_with_a_hint(
        self,
        azure: Backend,
        server: ScriptedServer,
        answer: Answer,
        error: tuple[type[GitmodelError], str, str],
    ) -> None:
        server.answers(answer)
        kind, message, hint = error

        expected = (kind.__name__, message.format(url=server.url), hint)

        assert told(lambda: azure.write("k", b"x")) == expected
        assert len(server.asked) == 1

    def test_a_refused_look_is_not_an_absence(self, azure: Backend, server: ScriptedServer) -> None:
        server.answers(Answer(403, headers={"x-ms-error-code": "AuthorizationFailure"}))

        with pytest.raises(RemoteDeniedError, match="cannot tell whether az://models/team/k is"):
            azure.size("k")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("\n\n  first\nsecond", "first"),
        ("a\x1b[31mred\x07", "a [31mred"),
        ("https://x/?sv=1&sig=abc%3D&se=2", "https://x/?sv=1&[secret removed]&se=2"),
        ("x" * 500, "x" * 200),
    ],
)
def test_a_servers_words_fit_on_a_line(text: str, shown: str) -> None:
    assert one_line(text) == shown


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize("verb", ["read", "look for", "list", "create", "write", "delete"])
def test_the_text_of_each_failure_is_filled_in(kind: FailureKind, verb: str) -> None:
    client = CloudClient(None, "m", url="s3://m", endpoint="https://s3.example.org")
    error = describe_failure(RequestFailure(kind, "why"), client, verb=verb, key="k")

    assert not {"{", "}"} & set(f"{error} {error.hint}")


def test_braces_in_a_servers_words_stay() -> None:
    client = CloudClient(None, "m", url="s3://m", endpoint="https://s3.example.org")
    failure = RequestFailure(FailureKind.BUSY, "{verb} {0}", hint="{name}")
    error = describe_failure(failure, client, verb="read", key="{detail}")

    assert (str(error), error.hint) == (
        "https://s3.example.org was too busy to read s3://m/{detail}: {verb} {0}",
        "{name}",
    )
