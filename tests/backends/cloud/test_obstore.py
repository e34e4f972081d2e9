"""Packs through obstore: what it sends, with what it logs in, and what happens when it fails."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import pytest
from obstore.store import S3Store

from gitmodel.backends.cloud.checksums import MD5, SHA256
from gitmodel.backends.cloud.obstore import S3Address, s3_transport
from gitmodel.backends.cloud.retry import Retrier
from gitmodel.backends.open import open_backend
from gitmodel.backends.open_options import OpenOptions
from gitmodel.domain.config.remote import Remote
from gitmodel.errors import DamagedObjectError, GitmodelError, RemoteDeniedError, RemoteMissingError
from tests.support.scripted_server import LOST, Answer, Asked, ScriptedServer, scripted_server
from tests.support.servers import (
    ACCESS_KEY,
    AZURE_ACCOUNT,
    AZURE_KEY,
    SECRET_KEY,
    AzureServer,
    S3Server,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gitmodel.backends.backend import Backend
    from gitmodel.backends.cloud.backend import CloudBackend

pytestmark = pytest.mark.slow

KEY = "packs/ab/ab12"
SIZE = 1 << 20
DATA = bytes(range(256)) * (SIZE // 256)
STORED = {"ETag": '"1"', "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"}
OBSTORE = "object_store/"


def in_thread(call: Callable[[], object]) -> object:
    """Packs move in worker threads."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(call).result()


def read(backend: Backend) -> object:
    return in_thread(lambda: backend.read(KEY, limit=SIZE))


def read_range(backend: Backend) -> object:
    return in_thread(lambda: backend.read_range(KEY, 0, SIZE))


def write(backend: Backend) -> object:
    return in_thread(lambda: backend.write(KEY, DATA))


CALLS = {"read": read, "read_range": read_range, "write": write}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
CLAIM = "versions/p/fraud@7.yaml"
# What goes through obstore where settings are plain, also from the main thread.
PLAIN_CALLS: dict[str, Callable[[Backend], object]] = CALLS | {
    "read small": lambda backend: backend.read(CLAIM, limit=SIZE),
    "write small": lambda backend: backend.write(CLAIM, DATA),
    "create": lambda backend: backend.create(CLAIM, DATA),
    "size": lambda backend: backend.size(CLAIM),
}
every_plain_call = pytest.mark.parametrize("call", PLAIN_CALLS.values(), ids=PLAIN_CALLS.keys())


def stored(asked: Asked) -> Answer:
    """What a store answers that has DATA under every key."""
    if asked.method == "PUT":
        return Answer(201 if "x-ms-version" in asked.headers else 200, headers=STORED)
    wanted = asked.headers.get("x-ms-range") or asked.headers.get("range")
    if asked.method == "HEAD" or wanted is None:
        return Answer(200, DATA, STORED)
    first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
    part = DATA[first : last + 1]
    content_range = f"bytes {first}-{first + len(part) - 1}/{len(DATA)}"
    return Answer(206, part, STORED | {"Content-Range": content_range})


def compares_checksums(backend: Backend) -> Backend:
    """Let a backend know of its server what a probe would find out."""
    cast("CloudBackend", backend)._checks._found = {SHA256: True, MD5: True}
    return backend


def is_quick(asked: Asked) -> bool:
    return asked.headers.get("user-agent", "").startswith(OBSTORE)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with scripted_server() as server:
        server.script = stored
        yield server


@pytest.fixture
def open_s3(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Backend]]:
    """Open a backend and ask for one thing, so that the address and the bucket are known."""
    opened: list[Backend] = []
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something")

    def open_it(*, trusted: bool = True, plain: bool = False, **options: object) -> Backend:
        if not plain:  # a variable that botocore alone understands
            monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", "regional")
        value = {"url": "s3://models/team", "endpoint": server.url, "region": "eu-west-1"}
        remote = Remote.from_value(value | options, where="test")  # type: ignore[arg-type] # values of texts and flags
        retrier = Retrier(sleep=lambda _seconds: None)
        backend = open_backend(remote, OpenOptions(trusted=trusted, retrier=retrier))
        opened.append(compares_checksums(backend))
        opened[-1].size("first")
        server.asked.clear()
        return opened[-1]

    yield open_it
    for backend in opened:
        backend.close()


@pytest.fixture
def s3(open_s3: Callable[..., Backend]) -> Backend:
    return open_s3()


@pytest.fixture
def s3_plain(open_s3: Callable[..., Backend]) -> Backend:
    return open_s3(plain=True)


@pytest.fixture
def open_azure(server: ScriptedServer) -> Iterator[Callable[..., Backend]]:
    """Open a backend; one with plain settings asks for one thing, as that of S3 does."""
    opened: list[Backend] = []
    connection = AzureServer(endpoint=f"{server.url}/{AZURE_ACCOUNT}").connection_string

    def open_it(*, plain: bool) -> Backend:
        # A part that the SDK alone is to understand.
        string = connection if plain else f"{connection}Unknown=part"
        backend = open_backend(
            Remote(url="az://models/team", scheme="az"),
            OpenOptions(
                trusted=True,
                environment={"AZURE_STORAGE_CONNECTION_STRING": string},
                retrier=Retrier(sleep=lambda _seconds: None),
            ),
        )
        opened.append(compares_checksums(backend))
        if plain:
            backend.size("first")
            server.asked.clear()
        return backend

    yield open_it
    for backend in opened:
        backend.close()


@pytest.fixture
def azure(open_azure: Callable[..., Backend]) -> Backend:
    return open_azure(plain=False)


@pytest.fixture
def azure_plain(open_azure: Callable[..., Backend]) -> Backend:
    return open_azure(plain=True)


@pytest.fixture(params=["s3", "s3_plain", "azure", "azure_plain"])
def either(request: pytest.FixtureRequest) -> Backend:
    backend: Backend = request.getfixturevalue(request.param)
    return backend


class TestWhatIsSent:
    @every_call
    def test_a_pack_is_one_request(
        self, either: Backend, server: ScriptedServer, call: Callable[[Backend], object]
    ) -> None:
        assert call(either) in (True, False, DATA)

        assert [is_quick(asked) for asked in server.asked] == [True]
        assert server.asked[0].path.endswith(f"/models/team/{KEY}")
        assert server.asked[0].headers["authorization"]

    def test_the_first_request_to_a_bucket_goes_the_usual_way(self, server: ScriptedServer) -> None:
        """It shows where requests go: nothing else knows all of options, profile and environment."""
        remote = Remote(url="s3://models/team", scheme="s3", endpoint=server.url, anonymous=True)
        backend = open_backend(remote, OpenOptions(trusted=True))

        assert [read(backend), read(backend)] == [DATA, DATA]
        backend.close()

        assert [is_quick(asked) for asked in server.asked] == [False, True]

    @pytest.mark.parametrize("either", ["s3", "azure"], indirect=True)
    def test_small_objects_and_claims_go_the_usual_way(
        self, either: Backend, server: ScriptedServer
    ) -> None:
        for key in (KEY, CLAIM):
            in_thread(lambda key=key: either.write(key, b"small"))  # type: ignore[misc] # mypy knows no default here
        in_thread(lambda: either.create(KEY, DATA))

        assert not any(is_quick(asked) for asked in server.asked)

    @every_plain_call
    @pytest.mark.parametrize("either", ["s3_plain", "azure_plain"], indirect=True)
    def test_with_static_config_everything_is_one_request(
        self, either: Backend, server: ScriptedServer, call: Callable[[Backend], object]
    ) -> None:
        """But for what is read back, because nothing compared it on its way: obstore has no checksum for Azure."""
        call(either)

        small = call not in CALLS.values() and server.methods[0] == "PUT"
        is_azure = "x-ms-version" in server.asked[0].headers
        assert server.methods[1:] == (["GET"] if small and is_azure else [])
        assert all(is_quick(asked) for asked in server.asked)
        assert server.asked[0].headers["authorization"]

    @pytest.mark.parametrize("scheme", ["s3", "az"])
    def test_with_static_config_the_usual_way_is_never_imported(
        self, server: ScriptedServer, scheme: str
    ) -> None:
        error = s3_error(404, "NoSuchKey") if scheme == "s3" else azure_error(404, "BlobNotFound")
        server.script = lambda asked: error if "missing" in asked.path else stored(asked)
        code = f"""
            import sys
            from gitmodel.domain.config.remote import Remote
            from gitmodel.errors import ObjectMissingError
            from gitmodel.backends.open import open_backend
            from gitmodel.backends.open_options import OpenOptions
            remote = Remote(url="{scheme}://models", scheme="{scheme}", endpoint="{server.url}")
            with_keys = open_backend(remote, OpenOptions(trusted=True))
            with_keys.write("packs/a", b"b")
            with_keys.create("c", bytes(range(256)) * {SIZE // 256})
            assert with_keys.size("a") == {SIZE}
            try:
                with_keys.read("missing", limit=10)
            except ObjectMissingError:
                print("missing")
            with_keys.close()
            usual = {{"s3fs", "adlfs", "fsspec", "botocore", "azure", "aiohttp"}}
            print(usual & sys.modules.keys())
        """
        plain = {
            "AWS_ACCESS_KEY_ID": "someone",
            "AWS_SECRET_ACCESS_KEY": "something",
            "AWS_DEFAULT_REGION": "here",
            "AZURE_STORAGE_ACCOUNT_NAME": AZURE_ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY,
        }
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, **plain},
        )

        assert (done.stdout, done.stderr) == ("missing\nset()\n", "")

    def test_a_claim_goes_with_a_checksum_and_only_if_its_name_is_free(
        self, s3_plain: Backend, server: ScriptedServer
    ) -> None:
        s3_plain.create(CLAIM, b"pointer: mine\n")

        checksum = base64.b64encode(hashlib.sha256(b"pointer: mine\n").digest()).decode()
        assert server.asked[0].headers["x-amz-checksum-sha256"] == checksum
        assert server.asked[0].headers["if-none-match"] == "*"
        assert server.asked[0].body == b"pointer: mine\n"

    def test_signing_is_for_the_region_of_the_usual_way(
        self, s3: Backend, server: ScriptedServer
    ) -> None:
        read(s3)

        assert "/eu-west-1/s3/aws4_request" in server.asked[0].headers["authorization"]

    def test_encryption_is_asked_for(
        self, open_s3: Callable[..., Backend], server: ScriptedServer
    ) -> None:
        write(open_s3(sse="aws:kms", sse_kms_key_id="alias/models"))

        assert is_quick(server.asked[0])
        assert server.asked[0].headers["x-amz-server-side-encryption"] == "aws:kms"
        key = server.asked[0].headers["x-amz-server-side-encryption-aws-kms-key-id"]
        assert key == "alias/models"

    @pytest.mark.parametrize(
        ("url", "expected"), [("http://host/models", False), ("https://host/models", True)]
    )
    def test_a_body_is_signed_where_tls_does_not_protect_it(
        self, url: str, *, expected: bool
    ) -> None:
        stores: list[Any] = []

        def keep(*arguments: Any, **options: Any) -> Any:
            stores.append(options["config"])
            return S3Store(*arguments, **options)

        with pytest.MonkeyPatch.context() as patched:
            for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
                patched.delenv(name, raising=False)
            patched.setattr("gitmodel.backends.cloud.obstore.S3Store", keep)
            transport = s3_transport(S3Address(url=url, region="here"), None)
            assert transport is not None
            transport._store("put")

        assert stores[0]["unsigned_payload"] is expected

    def test_an_anonymous_remote_is_asked_unsigned(
        self, open_s3: Callable[..., Backend], server: ScriptedServer
    ) -> None:
        assert read(open_s3(anonymous=True)) == DATA

        assert is_quick(server.asked[0])
        assert "authorization" not in server.asked[0].headers

    def test_a_strangers_endpoint_never_sees_the_transport(
        self, open_s3: Callable[..., Backend], server: ScriptedServer
    ) -> None:
        assert read(open_s3(trusted=False)) == DATA

        assert not is_quick(server.asked[0])
        assert "authorization" not in server.asked[0].headers

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9", True),
            ("AWS_ENDPOINT", "http://127.0.0.1:9", True),
            ("AWS_SKIP_SIGNATURE", "true", True),
            ("AWS_UNSIGNED_PAYLOAD", "true", True),
            ("AWS_REQUEST_PAYER", "true", True),
            ("AWS_S3_EXPRESS", "true", True),
            ("AWS_CONDITIONAL_PUT", "other", True),
            ("AWS_COPY_IF_NOT_EXISTS", "other", True),
            ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "false", True),
            ("AWS_PROXY_URL", "http://127.0.0.1:9", True),
            ("AWS_TIMEOUT", "1ns", True),
            ("AWS_ALLOW_INVALID_CERTIFICATES", "true", True),
            ("AWS_BUCKET", "other", True),
            ("AWS_REGION", "us-west-1", True),
            ("AWS_CHECKSUM_ALGORITHM", "SHA256", False),
            ("AWS_SERVER_SIDE_ENCRYPTION", "AES256", False),
            ("AWS_SSE_CUSTOMER_KEY_BASE64", "AAAA", False),
            ("GITMODEL_TRANSPORT", "fsspec", False),
        ],
    )
    def test_variables_of_obstore_change_nothing(
        self,
        open_s3: Callable[..., Backend],
        server: ScriptedServer,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        value: str,
        *,
        expected: bool,
    ) -> None:
        """It reads many that s3fs does not know; those that cannot be overruled end it."""

        def sent() -> tuple[bool, object]:
            server.asked.clear()
            write(open_s3())
            changing = {"authorization", "x-amz-date", "host"}
            headers = {k: v for k, v in server.asked[0].headers.items() if k not in changing}
            return is_quick(server.asked[0]), (server.asked[0].path, headers)

        _, usual = sent()
        monkeypatch.setenv(name, value)
        quick, with_variable = sent()

        assert quick is expected
        assert with_variable == usual or not expected


def s3_error(status: int, code: str) -> Answer:
    text = f"<Error><Code>{code}</Code><Message>In words.</Message></Error>"
    return Answer(status, text.encode(), {"Content-Type": "application/xml"})


def azure_error(status: int, code: str) -> Answer:
    headers = {"Content-Type": "application/xml", "x-ms-error-code": code}
    text = f"<Error><Code>{code}</Code><Message>In words.</Message></Error>"
    return Answer(status, text.encode(), headers)


S3_FAULTS = {
    "s3 denied": ("s3", s3_error(403, "AccessDenied")),
    "s3 unauthorised": ("s3", s3_error(401, "InvalidAccessKeyId")),
    "s3 expired": ("s3", s3_error(400, "ExpiredToken")),
    "s3 no bucket": ("s3", s3_error(404, "NoSuchBucket")),
    "s3 no key": ("s3", s3_error(404, "NoSuchKey")),
    "s3 clock": ("s3", s3_error(403, "RequestTimeTooSkewed")),
    "s3 short": ("s3", s3_error(416, "InvalidRange")),
    "s3 not implemented": ("s3", s3_error(501, "NotImplemented")),
    "s3 busy": ("s3", s3_error(503, "SlowDown")),
    "s3 too many": ("s3", s3_error(429, "SlowDown")),
    "s3 lost": ("s3", LOST),
}
AZURE_FAULTS = {
    "azure denied": ("azure", azure_error(403, "AuthorizationPermissionMismatch")),
    "azure no container": ("azure", azure_error(404, "ContainerNotFound")),
    "azure no blob": ("azure", azure_error(404, "BlobNotFound")),
    "azure busy": ("azure", azure_error(503, "ServerBusy")),
    "azure lost": ("azure", LOST),
}


PACK_CASES = [
    pytest.param(kind, answer, call, id=f"{name}-{verb}")
    for name, (kind, answer) in {**S3_FAULTS, **AZURE_FAULTS}.items()
    for verb, call in CALLS.items()
]
PLAIN_CASES = [
    pytest.param(f"{kind}_plain", answer, call, id=f"plain {name}-{verb}")
    for name, (kind, answer) in {**S3_FAULTS, **AZURE_FAULTS}.items()
    for verb, call in PLAIN_CALLS.items()
    if verb not in CALLS  # packs fail as they do above
    # The answer to a HEAD says nothing but 404; the bucket was there a moment ago.
    and (verb != "size" or answer.status != 404)
]


class TestFailures:
    @pytest.mark.parametrize(
        ("either", "answer", "call"), [*PACK_CASES, *PLAIN_CASES], indirect=["either"]
    )
    def test_the_error_is_that_of_the_usual_way_for_one_request_more(
        self,
        either: CloudBackend,
        server: ScriptedServer,
        call: Callable[[Backend], object],
        answer: Answer,
        request: pytest.FixtureRequest,
    ) -> None:
        server.script = lambda _asked: answer
        missing = answer.status == 404 and b"NoSuchBucket" not in answer.body

        def outcome() -> tuple[str, str | None, int]:
            server.asked.clear()
            try:
                found = call(either)
            except GitmodelError as error:
                return f"{type(error).__name__}: {error}", error.hint, len(server.asked)
            return str(found), None, len(server.asked)

        *quick, requests = outcome()
        quick_requests = [asked for asked in server.asked if is_quick(asked)]
        either._fast_path.turn_off()  # from now on the usual way alone
        *usual, usual_requests = outcome()

        assert quick == usual
        if "no key" in request.node.name or "no blob" in request.node.name:
            assert missing
            assert len(server.asked) <= requests <= usual_requests + 1
        else:
            assert len(quick_requests) == 1
            assert requests == usual_requests + 1

    def test_a_bare_404_means_the_object_only_where_the_bucket_was_seen(
        self, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something")
        remote = Remote(url="s3://models", scheme="s3", endpoint=server.url, region="here")
        backend = open_backend(remote, OpenOptions(trusted=True))
        server.script = lambda _asked: Answer(404)
        with pytest.raises(RemoteMissingError):
            backend.size("another")
        server.script = stored
        backend.read(CLAIM, limit=SIZE)
        server.script = lambda _asked: Answer(404)
        server.asked.clear()

        assert backend.size(CLAIM) is None
        backend.close()

        assert [is_quick(asked) for asked in server.asked] == [True]

    @every_call
    def test_one_failure_is_healed_at_once(
        self, either: Backend, server: ScriptedServer, call: Callable[[Backend], object]
    ) -> None:
        server.script = lambda asked: Answer(503) if len(server.asked) == 1 else stored(asked)

        assert call(either) in (True, False, DATA)
        assert call(either) in (True, False, DATA)
        assert [is_quick(asked) for asked in server.asked] == [True, False, True]

    @pytest.mark.parametrize("cut", [0, 1, SIZE - 1])
    @pytest.mark.parametrize("call", [read, read_range], ids=["read", "read_range"])
    def test_a_body_that_breaks_off_is_fetched_again(
        self,
        either: Backend,
        server: ScriptedServer,
        call: Callable[[Backend], object],
        cut: int,
    ) -> None:
        def script(asked: Asked) -> Answer:
            whole = stored(asked)
            if is_quick(asked):
                return Answer(whole.status, whole.body, whole.headers, cut=cut)
            return whole

        server.script = script

        assert call(either) == DATA
        assert [is_quick(asked) for asked in server.asked] == [True, False]

    def test_a_silent_server_is_given_up(
        self,
        open_s3: Callable[..., Backend],
        server: ScriptedServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("gitmodel.backends.cloud.obstore.READ_TIMEOUT_SECONDS", 0.1)
        backend = open_s3()
        server.script = lambda asked: (
            Answer(200, DATA, STORED, stall=1000) if len(server.asked) == 1 else stored(asked)
        )

        assert read(backend) == DATA
        assert [is_quick(asked) for asked in server.asked] == [True, False]

    def test_an_upload_that_nobody_answers_is_given_up(
        self,
        open_s3: Callable[..., Backend],
        server: ScriptedServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for name in ("PUT_TIMEOUT_SECONDS", "READ_TIMEOUT_SECONDS"):
            monkeypatch.setattr(f"gitmodel.backends.cloud.obstore.{name}", 0.2)
        backend = open_s3()
        server.script = lambda asked: Answer(100, stall=0) if is_quick(asked) else stored(asked)

        write(backend)

        assert [is_quick(asked) for asked in server.asked] == [True, False]

    def test_more_than_allowed_is_not_read(self, either: Backend, server: ScriptedServer) -> None:
        server.answers(Answer(200, b"", STORED | {"Content-Length": "999999999999"}, stall=0))

        with pytest.raises(DamagedObjectError, match="at most 1,048,576 are possible"):
            read(either)

    def test_the_wrong_range_is_refused(self, s3: Backend, server: ScriptedServer) -> None:
        wrong = Answer(206, DATA, STORED | {"Content-Range": f"bytes 0-{SIZE - 1}/9999999"})
        server.script = lambda _asked: wrong

        with pytest.raises(GitmodelError, match="does not serve ranges"):
            in_thread(lambda: s3.read_range(KEY, 50, SIZE))

    def test_an_upload_is_not_sent_where_a_redirect_points(
        self, s3: Backend, server: ScriptedServer
    ) -> None:
        server.script = lambda asked: (
            Answer(307, b"", {"Location": f"{server.url}/elsewhere"})
            if is_quick(asked)
            else stored(asked)
        )

        write(s3)

        assert {asked.path for asked in server.asked} == {f"/models/team/{KEY}"}


@pytest.fixture
def s3_url(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return f"{s3_server.new_place()}/team"


@pytest.fixture
def azure_url(azure_server: AzureServer, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return f"{azure_server.new_place()}/team"


def assert_packs_move_quickly(
    url: str, monkeypatch: pytest.MonkeyPatch, profile: str | None = None, **options: str
) -> None:
    """Write and read a pack, and prove that the transport did it."""
    from gitmodel.backends.cloud import obstore as obstore_transport

    remote = Remote(
        url=url,
        scheme="s3" if url.startswith("s3:") else "az",
        endpoint=options.get("endpoint"),
        account=options.get("account"),
    )
    done: list[str] = []
    for verb in ("get", "get_range", "put"):
        method = getattr(obstore_transport.ObstoreTransport, verb)

        def counted(*arguments: object, method: Callable[..., object] = method) -> object:
            result = method(*arguments)
            done.append(method.__name__)
            return result

        monkeypatch.setattr(obstore_transport.ObstoreTransport, verb, counted)
    backend = open_backend(remote, OpenOptions(trusted=True, profile=profile))
    backend.size("first")

    write(backend)
    assert read(backend) == DATA
    assert in_thread(lambda: backend.read_range(KEY, 0, SIZE)) == DATA
    backend.close()

    assert done == ["put", "get", "get_range"]


@pytest.mark.s3
class TestCredentialsOfS3:
    def test_variables(self, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert_packs_move_quickly(s3_url, monkeypatch)

    def test_a_profile(self, s3_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "credentials").write_text(
            f"[team]\naws_access_key_id={ACCESS_KEY}\naws_secret_access_key={SECRET_KEY}\n"
        )
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")

        assert_packs_move_quickly(s3_url, monkeypatch, profile="team")

    def test_a_program_whose_credentials_end(
        self, s3_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """`credential_process`; as with roles, botocore renews what it gives."""
        program = tmp_path / "login"
        program.write_text(
            "#!/bin/sh\n"
            f'echo \'{{"Version": 1, "AccessKeyId": "{ACCESS_KEY}", "SecretAccessKey": '
            f'"{SECRET_KEY}", "Expiration": "2099-01-01T00:00:00Z"}}\'\n'
        )
        program.chmod(0o755)
        (tmp_path / "config").write_text(f"[profile team]\ncredential_process={program}\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)

        assert_packs_move_quickly(s3_url, monkeypatch, profile="team")

    def test_a_reader_may_not_write(
        self, s3_server: S3Server, s3_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in s3_server.reader_environment.items():
            monkeypatch.setenv(name, value)
        backend = open_backend(Remote(url=s3_url, scheme="s3"), OpenOptions(trusted=True))
        backend.size("first")

        with pytest.raises(RemoteDeniedError) as caught:
            write(backend)
        backend.close()

        assert caught.value.hint == f"grant s3:PutObject on the bucket {s3_url.split('/')[2]}"


@pytest.mark.azure
class TestCredentialsOfAzure:
    def test_a_connection_string(
        self, azure_server: AzureServer, azure_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azure_server.connection_string)

        assert_packs_move_quickly(azure_url, monkeypatch)

    def test_a_connection_string_with_a_signature(
        self, azure_server: AzureServer, azure_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        signature = sas_token(azure_url.split("/")[2])
        text = f"BlobEndpoint={azure_server.endpoint};SharedAccessSignature={signature}"
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)

        assert_packs_move_quickly(azure_url, monkeypatch, account=AZURE_ACCOUNT)

    def test_an_account_key(
        self, azure_server: AzureServer, azure_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY)

        assert_packs_move_quickly(
            azure_url, monkeypatch, endpoint=azure_server.endpoint, account=AZURE_ACCOUNT
        )

    def test_a_shared_access_signature(
        self, azure_server: AzureServer, azure_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", sas_token(azure_url.split("/")[2]))

        assert_packs_move_quickly(
            azure_url, monkeypatch, endpoint=azure_server.endpoint, account=AZURE_ACCOUNT
        )


def sas_token(container: str) -> str:
    from datetime import UTC, datetime, timedelta

    from azure.storage.blob import generate_container_sas

    return generate_container_sas(
        AZURE_ACCOUNT,
        container,
        account_key=AZURE_KEY,
        permission="rwlc",
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )


MOVE = """
    import os, signal, sys, threading
    from concurrent.futures import ThreadPoolExecutor
    from gitmodel.domain.config.remote import Remote
    from gitmodel.errors import GitmodelError
    from gitmodel.backends.open import open_backend
    from gitmodel.backends.open_options import OpenOptions
    remote = Remote(url="s3://models", scheme="s3", endpoint="{url}", anonymous=True)
    backend = open_backend(remote, OpenOptions(trusted=True))
    backend.size("first")
    def move(number):
        return len(backend.read(f"packs/{{number}}", limit={size}))
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(move, range(16))) == [{size}] * 16
    assert "obstore" in sys.modules
    {then}
"""


@pytest.mark.parametrize(
    ("then", "code", "words"),
    [
        ("backend.close()", 0, ""),
        ("backend.close(); backend.close()", 0, ""),
        ("pass", 0, ""),
        ("raise SystemExit('words of ours')", 1, "words of ours\n"),
        ("threading.Thread(target=move, args=(1,)).start()", 0, ""),
        ("threading.Thread(target=move, args=(1,), daemon=True).start()", 0, ""),
        ("os.kill(os.getpid(), signal.SIGTERM)", -15, ""),
    ],
    ids=["closed", "closed twice", "open", "words", "under way", "daemon under way", "killed"],
)
def test_nothing_is_printed_when_the_interpreter_ends(
    server: ScriptedServer, then: str, code: int, words: str
) -> None:
    source = textwrap.dedent(MOVE.format(url=server.url, size=SIZE, then=then))
    done = subprocess.run(
        [sys.executable, "-W", "always::ResourceWarning", "-c", source],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=dict(os.environ),
    )

    assert (done.returncode, done.stdout, done.stderr) == (code, "", words)


INTERRUPTED = """
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from gitmodel.domain.config.remote import Remote
    from gitmodel.backends.open import open_backend
    from gitmodel.backends.open_options import OpenOptions
    remote = Remote(url="s3://models", scheme="s3", endpoint="{url}", anonymous=True)
    backend = open_backend(remote, OpenOptions(trusted=True))
    backend.size("first")
    try:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda n: backend.read(f"packs/{{n}}", limit={size}), range(8)))
    except KeyboardInterrupt:
        sys.exit("interrupted")
    finally:
        backend.close()
"""


def test_nothing_else_is_printed_when_a_transfer_is_interrupted(server: ScriptedServer) -> None:
    asked, interrupted = threading.Event(), threading.Event()

    def script(request: Asked) -> Answer:
        if is_quick(request):
            asked.set()
            interrupted.wait(timeout=30)
        return stored(request)

    server.script = script
    code = textwrap.dedent(INTERRUPTED.format(url=server.url, size=SIZE))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert asked.wait(timeout=30)
        process.send_signal(signal.SIGINT)
        interrupted.set()
        _, errors = process.communicate(timeout=30)

    assert (process.returncode, errors) == (1, "interrupted\n")
