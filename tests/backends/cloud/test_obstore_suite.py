"""The common promises with every request that may take the transport taking it, and only those.

The suites in test_backend_s3.py and test_backend_azure.py are the reference: small objects on the
main thread go the usual way there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.backends.open import open_backend
from gitmodel.backends.open_options import OpenOptions
from gitmodel.domain.config.remote import Remote
from tests.backends.backend_suite import BackendSuite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.backends.backend import Backend
    from tests.support.servers import AzureServer, S3Server

SIZE = 2 << 20
KEY = "packs/ab/ab12"


def opened(url: str) -> Backend:
    """A backend whose bucket has been asked for something, so that its address is known."""
    remote = Remote(url=url, scheme="s3" if url.startswith("s3:") else "az")
    backend = open_backend(remote, OpenOptions(trusted=True))
    assert backend.size("nothing") is None
    return backend


@pytest.fixture(params=["obstore", "fsspec"], autouse=True)
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is not exclusive goes by obstore; or nothing does."""
    chosen: str = request.param
    monkeypatch.setattr("gitmodel.backends.cloud.fast_path.is_large_pack", lambda _key, _size: True)
    if chosen == "fsspec":
        monkeypatch.setenv("GITMODEL_TRANSPORT", "fsspec")
    # A miss is answered by the usual way, and many of those in a row must not end the transport.
    monkeypatch.setattr("gitmodel.backends.cloud.fast_path.MAX_FAILURES", 1_000_000)


@pytest.mark.s3
class TestS3(BackendSuite):
    @pytest.fixture
    def url(self, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
        for name, value in s3_server.environment.items():
            monkeypatch.setenv(name, value)
        return f"{s3_server.new_place()}/team/models"

    @pytest.fixture
    def backend(self, url: str) -> Iterator[Backend]:
        backend = opened(url)
        yield backend
        backend.close()

    @pytest.fixture
    def another(self, url: str) -> Iterator[Backend]:
        backend = opened(url)
        yield backend
        backend.close()


@pytest.mark.azure
class TestAzure(BackendSuite):
    @pytest.fixture
    def url(self, azure_server: AzureServer, monkeypatch: pytest.MonkeyPatch) -> str:
        for name, value in azure_server.environment.items():
            monkeypatch.setenv(name, value)
        return f"{azure_server.new_place()}/team/models"

    @pytest.fixture
    def backend(self, url: str) -> Iterator[Backend]:
        backend = opened(url)
        yield backend
        backend.close()

    @pytest.fixture
    def another(self, url: str) -> Iterator[Backend]:
        backend = opened(url)
        yield backend
        backend.close()
