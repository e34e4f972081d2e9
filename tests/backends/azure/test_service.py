"""Objects in a container of a real Azure Blob emulator: the common promises, and what only Azure has."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
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
from tests.support.servers import AZURE_ACCOUNT, AZURE_KEY, AzureServer, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitmodel.backends.backend import Backend

pytestmark = pytest.mark.azure


@pytest.fixture(autouse=True)
def credentials(azure_server: AzureServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in azure_server.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def url(azure_server: AzureServer) -> str:
    return f"{azure_server.new_place()}/team/models"


def opened(url: str, *, trusted: bool = True, **options: str) -> Backend:
    remote = Remote(
        url=url, scheme="az", endpoint=options.get("endpoint"), account=options.get("account")
    )
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


class TestAzure(BackendSuite):
    """The common promises."""


def test_objects_lie_below_the_prefix(azure_server: AzureServer) -> None:
    container = azure_server.new_bucket()
    backend, top = opened(f"{container}/team/models"), opened(container)
    top.write("elsewhere", b"not ours")
    top.write("team/modelsandmore/x", b"not ours")

    backend.write("a/b", b"x")

    assert [info.key for info in backend.list("")] == ["a/b"]
    assert {info.key for info in top.list("")} == {
        "elsewhere",
        "team/modelsandmore/x",
        "team/models/a/b",
    }
    top.close()
    backend.close()


def test_a_listing_goes_on_over_pages(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitmodel.backends.azure.service.LIST_PAGE", 3)
    for number in range(7):
        backend.write(f"many/{number}", b"")

    assert [info.key for info in backend.list("many/")] == [f"many/{n}" for n in range(7)]


@pytest.mark.parametrize(
    "call",
    [
        lambda backend: backend.read(KEY, limit=LIMIT),
        lambda backend: backend.size(KEY),
        lambda backend: backend.create(KEY, b"x"),
        lambda backend: backend.write(KEY, b"x"),
        lambda backend: backend.delete(KEY),
        lambda backend: list(backend.list("")),
    ],
    ids=["read", "size", "create", "write", "delete", "list"],
)
class TestTheRemoteAsAWhole:
    def test_a_missing_container_is_told_apart_from_a_missing_object(
        self, azure_server: AzureServer, call: Callable[[Backend], object]
    ) -> None:
        backend = opened("az://no-such-container/prefix")

        with pytest.raises(RemoteMissingError) as caught:
            call(backend)
        backend.close()

        assert str(caught.value) == (
            f"there is no container no-such-container at {azure_server.endpoint}"
        )

    def test_a_wrong_key_is_denied(
        self,
        azure_server: AzureServer,
        url: str,
        call: Callable[[Backend], object],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        wrong = azure_server.connection_string.replace(AZURE_KEY, "d3Jvbmc=")
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", wrong)
        backend = opened(url)

        with pytest.raises(RemoteDeniedError) as caught:
            call(backend)
        backend.close()

        assert url in str(caught.value)
        assert "d3Jvbmc" not in f"{caught.value} {caught.value.hint}"
        assert caught.value.hint  # the emulator answers as to a missing role here

    def test_a_refused_connection_fails_within_seconds(
        self, call: Callable[[Backend], object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nobody = AzureServer(endpoint=f"http://127.0.0.1:{free_ports(1)[0]}/{AZURE_ACCOUNT}")
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", nobody.connection_string)
        backend = opened("az://container")

        started = time.monotonic()
        with pytest.raises(RemoteUnreachableError, match=nobody.endpoint):
            call(backend)
        backend.close()

        assert time.monotonic() - started < 5


class TestTheAccount:
    """The account may come from the repository, the secret comes from the environment alone."""

    def test_an_account_key_serves_a_trusted_endpoint(
        self, azure_server: AzureServer, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY)
        backend = opened(url, endpoint=azure_server.endpoint, account=AZURE_ACCOUNT)

        backend.write(KEY, b"x")

        assert backend.read(KEY, limit=LIMIT) == b"x"
        backend.close()

    def test_a_shared_access_signature_serves(
        self, azure_server: AzureServer, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
        monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", sas_token(url.split("/")[2], "rl"))
        backend = opened(url, endpoint=azure_server.endpoint, account=AZURE_ACCOUNT)

        assert backend.size(KEY) is None
        with pytest.raises(RemoteDeniedError) as caught:
            backend.write(KEY, b"x")
        backend.close()

        assert "sig=" not in f"{caught.value} {caught.value.hint} {backend.url}"
        assert "it needs sp=rcwl" in str(caught.value.hint)

    def test_without_an_account_the_variable_is_named(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")

        with pytest.raises(RemoteDeniedError) as caught:
            opened("az://container")

        assert str(caught.value) == "the storage account of az://container is unknown"
        assert caught.value.hint == (
            "set AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT_NAME"
        )

    def test_a_broken_connection_string_is_not_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "hidden-words")

        with pytest.raises(RemoteDeniedError) as caught:
            opened("az://container")

        assert "hidden-words" not in str(caught.value)
        assert caught.value.hint

    def test_an_untrusted_endpoint_is_asked_without_credentials(
        self, azure_server: AzureServer, backend: Backend, url: str
    ) -> None:
        backend.write(KEY, b"x")
        untrusted = opened(url, trusted=False, endpoint=azure_server.endpoint)

        with pytest.raises(RemoteDeniedError):  # the container is private
            untrusted.read(KEY, limit=LIMIT)
        with pytest.raises(UntrustedRemoteError):
            untrusted.write(KEY, b"y")
        untrusted.close()


def sas_token(container: str, permission: str) -> str:
    from datetime import UTC, datetime, timedelta

    from azure.storage.blob import generate_container_sas

    return generate_container_sas(
        AZURE_ACCOUNT,
        container,
        account_key=AZURE_KEY,
        permission=permission,
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )


OPEN_AND_READ = """
    from gitmodel.domain.config.remote import Remote
    from gitmodel.backends.open import open_backend
    from gitmodel.backends.open_options import OpenOptions
    backend = open_backend(Remote(url="{url}", scheme="az"), OpenOptions(trusted=True))
    backend.write("k", b"x")
    assert backend.read("k", limit=10) == b"x"
    {then}
"""


@pytest.mark.parametrize(
    ("then", "code", "words"),
    [
        ("backend.close()", 0, ""),
        ("backend.close(); backend.close()", 0, ""),
        ("pass", 0, ""),
        ("backend.size('missing')", 0, ""),
        ("raise SystemExit('words of ours')", 1, "words of ours\n"),
    ],
    ids=["closed", "closed twice", "not closed", "after a miss", "exit with words"],
)
def test_nothing_is_printed_when_the_interpreter_ends(
    url: str, then: str, code: int, words: str
) -> None:
    source = textwrap.dedent(OPEN_AND_READ.format(url=url, then=then))
    done = subprocess.run(
        [sys.executable, "-W", "always::ResourceWarning", "-c", source],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=dict(os.environ),
    )

    assert (done.returncode, done.stdout, done.stderr) == (code, "", words)
