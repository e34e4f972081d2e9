"""What stands between here and a store is named for what it is: proxies, certificates, login pages."""

from __future__ import annotations

import ssl
import subprocess
import sys
import textwrap
import threading
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from gitmodel.backends.cloud.retry import Retrier
from gitmodel.backends.open import open_backend
from gitmodel.backends.open_options import OpenOptions
from gitmodel.domain.config.remote import Remote
from gitmodel.errors import GitmodelError, RemoteDeniedError, RemoteUnreachableError
from tests.support.scripted_server import Answer, Asked, ScriptedServer, scripted_server
from tests.support.servers import AZURE_ACCOUNT, AZURE_KEY, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gitmodel.backends.backend import Backend

pytestmark = pytest.mark.slow

KEY = "versions/p/fraud@7.yaml"
PORTAL = b"<html><body><form>Please accept our terms</form></body></html>"
CALLS: dict[str, Callable[[Backend], object]] = {
    "read": lambda backend: backend.read(KEY, limit=1 << 20),
    "read_range": lambda backend: backend.read_range(KEY, 0, 4),
    "size": lambda backend: backend.size(KEY),
    "create": lambda backend: backend.create(KEY, b"mine"),
    "write": lambda backend: backend.write(KEY, b"mine"),
    "write pack": lambda backend: backend.write("packs/ab/ab12", bytes(2 << 20)),
    "list": lambda backend: list(backend.list("")),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
every_kind = pytest.mark.parametrize("kind", ["s3", "az"])
every_way = pytest.mark.parametrize("way", ["auto", "fsspec"])


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "something",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AZURE_STORAGE_ACCOUNT": AZURE_ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def failing(kind: str, url: str, call: Callable[[Backend], object]) -> GitmodelError:
    endpoint = f"{url}/{AZURE_ACCOUNT}" if kind == "az" else url
    remote = Remote.from_value({"url": f"{kind}://models/team", "endpoint": endpoint}, where="test")
    retrier = Retrier(sleep=lambda _seconds: None)
    with (
        closing(open_backend(remote, OpenOptions(trusted=True, retrier=retrier))) as backend,
        pytest.raises(GitmodelError) as caught,
    ):
        call(backend)
    assert "\n" not in caught.value.message
    return caught.value


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@every_call
@every_kind
@every_way
def test_a_login_page_is_no_store(
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    kind: str,
    call: Callable[[Backend], object],
) -> None:
    """A captive portal answers 200 to anything."""
    monkeypatch.setenv("GITMODEL_TRANSPORT", way)
    server.answers(Answer(200, PORTAL, {"Content-Type": "text/html"}))

    error = failing(kind, server.url, call)

    assert isinstance(error, RemoteUnreachableError)
    assert f"the server at {server.url}" in error.message
    assert "is not a store" in error.message
    assert "browser" in str(error.hint)


@every_kind
@pytest.mark.parametrize("status", [302, 303, 511])
def test_a_redirect_to_a_login_page_is_no_store(
    server: ScriptedServer, kind: str, status: int
) -> None:
    server.script = lambda asked: (
        Answer(200, PORTAL, {"Content-Type": "text/html"})
        if "portal" in asked.path
        else Answer(status, PORTAL, {"Location": f"{server.url}/portal"})
    )

    error = failing(kind, server.url, CALLS["read"])

    assert "is not a store" in error.message


@every_kind
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (407, "wants a user and a password (407 Proxy Authentication Required)"),
        (403, "refuses the connection: 403"),
    ],
)
def test_a_proxy_that_refuses_is_named(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, kind: str, status: int, words: str
) -> None:
    server.answers(Answer(status, b"<html>no</html>"))
    monkeypatch.setenv("https_proxy", server.url)
    monkeypatch.setenv("HTTPS_PROXY", server.url)

    error = failing(kind, "https://store.example.org", CALLS["read"])

    assert isinstance(error, RemoteUnreachableError)
    assert error.message.startswith("the proxy on the way to https://store.example.org")
    assert words in error.message
    assert "https_proxy=" in str(error.hint)
    assert set(server.methods) == {"CONNECT"}


@every_kind
def test_a_proxy_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    url = f"http://someone:secret@127.0.0.1:{free_ports(1)[0]}"
    monkeypatch.setenv("https_proxy", url)
    monkeypatch.setenv("HTTPS_PROXY", url)

    error = failing(kind, "https://store.example.org", CALLS["read"])

    assert error.message.startswith("the proxy on the way to https://store.example.org")
    assert "does not answer" in error.message
    assert "secret" not in str(error)


@every_kind
def test_a_name_that_nobody_knows_is_no_silence(kind: str) -> None:
    error = failing(kind, "https://nobody.invalid", CALLS["read"])

    assert error.message.startswith("the name of https://nobody.invalid")
    assert "cannot be looked up" in error.message
    assert "VPN" in str(error.hint)


@every_kind
def test_a_certificate_of_a_stranger_is_told(tmp_path: Path, kind: str) -> None:
    with tls_server(tmp_path) as url:
        error = failing(kind, url, CALLS["read"])

    assert isinstance(error, RemoteUnreachableError)
    assert error.message.startswith(f"no secure connection to {url}")
    assert "self" in error.message
    variable = "AWS_CA_BUNDLE" if kind == "s3" else "SSL_CERT_FILE"
    assert str(error.hint).startswith(f"set {variable} to the file with the certificates")


ASKING = """
    from gitmodel.domain.config.remote import Remote
    from gitmodel.errors import ObjectMissingError
    from gitmodel.backends.open import open_backend
    from gitmodel.backends.open_options import OpenOptions
    backend = open_backend(
        Remote(url="{kind}://models", scheme="{kind}", endpoint="{endpoint}"), OpenOptions(trusted=True))
    try:
        backend.read("k", limit=100)
    except ObjectMissingError:
        print("missing")
    backend.close()
"""


@every_kind
def test_the_variable_of_the_hint_makes_the_certificate_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """In a process of its own: aiohttp reads the variable when it is imported."""
    variable = "AWS_CA_BUNDLE" if kind == "s3" else "SSL_CERT_FILE"
    monkeypatch.setenv(variable, str(tmp_path / "certificate.pem"))
    with tls_server(tmp_path) as url:
        endpoint = f"{url}/{AZURE_ACCOUNT}" if kind == "az" else url
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(ASKING.format(kind=kind, endpoint=endpoint))],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert (done.stdout, done.stderr) == ("missing\n", "")  # what the server says


@every_kind
def test_a_server_without_tls_at_a_secure_address_is_told(
    server: ScriptedServer, kind: str
) -> None:
    server.answers(Answer(200, b"hello"))

    error = failing(kind, server.url.replace("http:", "https:"), CALLS["read"])

    assert error.message.startswith("no secure connection to https://127.0.0.1")
    assert str(error.hint).startswith("write http://")


def test_a_refused_look_says_why(server: ScriptedServer) -> None:
    """The answer to a HEAD has no text; it read "grant s3:GetObject" to people whose token had expired."""
    text = b"<Error><Code>ExpiredToken</Code><Message>It has expired.</Message></Error>"

    def script(asked: Asked) -> Answer:
        return Answer(400) if asked.method == "HEAD" else Answer(400, text)

    server.script = script

    error = failing("s3", server.url, CALLS["size"])

    assert isinstance(error, RemoteDeniedError)
    assert "no valid credentials" in error.message
    assert "400 ExpiredToken: It has expired." in error.message


@contextmanager
def tls_server(folder: Path) -> Iterator[str]:
    """A server at https, with a certificate that nobody has signed; every object is missing."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<Error><Code>NoSuchKey</Code></Error>"
            self.send_response_only(404)
            self.send_header("x-ms-error-code", "BlobNotFound")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: clients that hang up are what this is about."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
