"""Objects in a bucket of a real S3 server: the common promises, and what only S3 has."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import time
import weakref
from typing import TYPE_CHECKING

import pytest

from gitmodel.backends.open import open_backend
from gitmodel.backends.open_options import OpenOptions
from gitmodel.domain.config.remote import Remote
from gitmodel.errors import (
    RemoteDeniedError,
    RemoteMissingError,
    RemoteUnreachableError,
    UntrustedRemoteError,
)
from tests.backends.backend_suite import KEY, LIMIT, BackendSuite
from tests.support.servers import S3Server, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitmodel.backends.backend import Backend

pytestmark = pytest.mark.s3


@pytest.fixture(autouse=True)
def credentials(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def url(s3_server: S3Server) -> str:
    return f"{s3_server.new_place()}/team/models"


def opened(url: str, *, trusted: bool = True, endpoint: str | None = None) -> Backend:
    remote = Remote(url=url, scheme="s3", endpoint=endpoint)
    return open_backend(remote, OpenOptions(trusted=trusted))


@pytest.fixture
def backend(url: str) -> Iterator[Backend]:
    backend = opened(url)
    yield backend
    backend.close()


@pytest.fixture
def another(url: str) -> Iterator[Backend]:
    backend = opened(url)
    yield backend
    backend.close()


class TestS3(BackendSuite):
    """The common promises."""


def test_objects_lie_below_the_prefix(s3_server: S3Server) -> None:
    bucket = s3_server.new_bucket().removeprefix("s3://")
    backend = opened(f"s3://{bucket}/team/models")
    for key in ("elsewhere", "team/modelsandmore/x"):
        s3_server.client.put_object(Bucket=bucket, Key=key, Body=b"not ours")
    backend.write("a/b", b"x")

    assert [info.key for info in backend.list("")] == ["a/b"]
    at_the_top = opened(f"s3://{bucket}")
    keys = {info.key for info in at_the_top.list("")}
    at_the_top.close()
    backend.close()
    assert keys == {"elsewhere", "team/modelsandmore/x", "team/models/a/b"}


def test_a_listing_goes_on_over_pages(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    from s3fs import S3FileSystem

    for number in range(7):
        backend.write(f"many/{number}", b"")
    call_s3 = S3FileSystem._call_s3

    async def small_pages(self: object, method: str, *more: object, **arguments: object) -> object:
        pages = {"MaxKeys": 3} if method == "list_objects_v2" else {}
        return await call_s3(self, method, *more, **arguments, **pages)

    monkeypatch.setattr(S3FileSystem, "_call_s3", small_pages)

    assert [info.key for info in backend.list("many/")] == [f"many/{n}" for n in range(7)]


@pytest.mark.parametrize(
    "call",
    [
        lambda backend: backend.read(KEY, limit=LIMIT),
        lambda backend: backend.size(KEY),
        lambda backend: backend.create(KEY, b"x"),
        lambda backend: backend.write(KEY, b"x"),
        lambda backend: list(backend.list("")),
    ],
    ids=["read", "size", "create", "write", "list"],
)
class TestTheRemoteAsAWhole:
    def test_a_wrong_secret_is_denied(
        self, url: str, call: Callable[[Backend], object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        backend = opened(url)

        with pytest.raises(RemoteDeniedError) as caught:
            call(backend)
        backend.close()

        assert url in str(caught.value)
        assert "wrong" not in f"{caught.value} {caught.value.hint}"
        assert caught.value.hint

    def test_missing_credentials_are_denied(
        self, url: str, call: Callable[[Backend], object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        backend = opened(url)

        with pytest.raises(RemoteDeniedError, match="there are no valid credentials") as caught:
            call(backend)
        backend.close()

        assert caught.value.hint == (
            "aws configure, or git config gitmodel.profile NAME for another profile"
        )

    def test_a_refused_connection_fails_within_seconds(
        self, call: Callable[[Backend], object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", nobody)
        backend = opened("s3://bucket")

        started = time.monotonic()
        with pytest.raises(RemoteUnreachableError, match=nobody) as caught:
            call(backend)
        backend.close()

        assert time.monotonic() - started < 5
        assert caught.value.hint == "git config --get gitmodel.endpoint"


@pytest.mark.parametrize(
    "call",
    [
        lambda backend: backend.read(KEY, limit=LIMIT),
        lambda backend: backend.read_range(KEY, 1, 1),
        lambda backend: backend.size(KEY),
        lambda backend: list(backend.list("")),
    ],
    ids=["read", "read_range", "size", "list"],
)
def test_a_missing_bucket_is_told_apart_from_a_missing_object(
    s3_server: S3Server, call: Callable[[Backend], object]
) -> None:
    """Writing is not asked here: this server creates the bucket then, see test_cloud_errors."""
    backend = opened("s3://no-such-bucket-here/prefix")

    with pytest.raises(RemoteMissingError) as caught:
        call(backend)
    backend.close()

    assert str(caught.value) == f"there is no bucket no-such-bucket-here at {s3_server.endpoint}"
    assert caught.value.hint == "create it, or name another one: gitmodel remote add URL --replace"


def test_a_reader_may_read_and_not_write(
    s3_server: S3Server, backend: Backend, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.write(KEY, b"x")
    for name, value in s3_server.reader_environment.items():
        monkeypatch.setenv(name, value)
    reader = opened(url)

    assert reader.read(KEY, limit=LIMIT) == b"x"
    for call in (reader.write, reader.create):
        with pytest.raises(RemoteDeniedError, match=f"{url}/{KEY}") as caught:
            call(KEY, b"y")
        assert caught.value.hint == f"grant s3:PutObject on the bucket {url.split('/')[2]}"
    with pytest.raises(RemoteDeniedError) as caught:
        reader.delete(KEY)
    reader.close()

    assert caught.value.hint == f"grant s3:DeleteObject on the bucket {url.split('/')[2]}"


def test_an_unknown_profile_is_named(url: str) -> None:
    backend = open_backend(
        Remote(url=url, scheme="s3"), OpenOptions(trusted=True, profile="nobody")
    )

    with pytest.raises(RemoteDeniedError, match="nobody"):
        backend.read(KEY, limit=LIMIT)
    backend.close()


class TestTrust:
    """An endpoint that a repository names gets no credentials before the person said yes."""

    def test_an_untrusted_endpoint_is_asked_without_credentials(
        self, s3_server: S3Server, backend: Backend, url: str
    ) -> None:
        backend.write(KEY, b"x")
        untrusted = opened(url, trusted=False, endpoint=s3_server.endpoint)

        with pytest.raises(RemoteDeniedError):  # this server knows no anonymous reader
            untrusted.read(KEY, limit=LIMIT)
        with pytest.raises(UntrustedRemoteError):
            untrusted.write(KEY, b"y")
        untrusted.close()

    def test_a_trusted_endpoint_is_used(
        self, s3_server: S3Server, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
        trusted = opened(url, trusted=True, endpoint=s3_server.endpoint)

        trusted.write(KEY, b"y")

        assert trusted.read(KEY, limit=LIMIT) == b"y"
        trusted.close()

    def test_settings_for_fsspec_do_not_reach_us(self, url: str) -> None:
        """FSSPEC_S3_ENDPOINT_URL and the like would send credentials to any address."""
        code = f"""
            from gitmodel.domain.config.remote import Remote
            from gitmodel.backends.open import open_backend
            from gitmodel.backends.open_options import OpenOptions
            backend = open_backend(Remote(url={url!r}, scheme="s3"), OpenOptions(trusted=True))
            backend.write("k", b"x")
            backend.close()
        """
        settings = {
            "FSSPEC_S3_ENDPOINT_URL": "http://127.0.0.1:9",
            "FSSPEC_S3_KEY": "other",
            "FSSPEC_S3_ANON": "true",
        }
        done = run_python(code, **settings)

        assert (done.returncode, done.stderr) == (0, "")


OPEN_AND_READ = """
    from gitmodel.domain.config.remote import Remote
    from gitmodel.backends.open import open_backend
    from gitmodel.backends.open_options import OpenOptions
    backend = open_backend(Remote(url="{url}", scheme="s3"), OpenOptions(trusted=True))
    backend.write("k", b"x")
    assert backend.read("k", limit=10) == b"x"
    {then}
"""


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "always::ResourceWarning", "-c", textwrap.dedent(code)]
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("then", "code", "words"),
    [
        ("backend.close()", 0, ""),
        ("backend.close(); backend.close()", 0, ""),
        ("pass", 0, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('words of ours')", 1, "words of ours\n"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15, ""),
    ],
    ids=["closed", "closed twice", "not closed", "exit", "exit with words", "killed"],
)
def test_nothing_is_printed_when_the_interpreter_ends(
    url: str, then: str, code: int, words: str
) -> None:
    done = run_python(OPEN_AND_READ.format(url=url, then=then))

    assert (done.returncode, done.stdout, done.stderr) == (code, "", words)


def test_nothing_is_printed_after_an_error(url: str) -> None:
    then = """
    from gitmodel.errors import ObjectMissingError
    try:
        backend.read("missing", limit=10)
    except ObjectMissingError:
        pass
    """
    done = run_python(OPEN_AND_READ.format(url=url, then=then.strip()))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_file_system_that_nobody_uses_is_freed(url: str) -> None:
    """Each holds the models of botocore, 12 MB."""
    from gitmodel.backends.s3.s3fs import open_filesystem

    filesystem = open_filesystem(Remote(url=url, scheme="s3"), profile=None, foreign=False)
    filesystem.find(url.removeprefix("s3://"))
    gone = weakref.ref(filesystem)

    del filesystem
    gc.collect()

    assert gone() is None
