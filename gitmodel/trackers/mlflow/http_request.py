"""Asks a server of MLflow for JSON: one deadline, a bounded answer, and no credentials to another host.

Redirects are followed on the same host only. Proxies of the environment are not used. Guarantee: neither an
error nor a hint contains a credential.
"""

from __future__ import annotations

import http.client
import io
import json
import ssl
import time
from base64 import b64encode
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from gitmodel.domain.text.escape import quote_text, without_user_info
from gitmodel.errors import TrackerError
from gitmodel.trackers.mlflow.settings import MlflowSettings

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

MAX_SECONDS = 10
MAX_ANSWER = 8 << 20  # 8 MiB
_MAX_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_PORTS = {"http": 80, "https": 443}
_CREDENTIALS_HINT = (
    "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
)
_ADDRESS_HINT = "check the address; it must be that of an MLflow tracking server"


class Answer(NamedTuple):
    """Status and JSON object of an answer; an empty object where an error has no JSON."""

    status: int
    body: dict[str, Any]


class Server:
    """A tracking server.

    Args:
        uri: `http(s)://[user:password@]host[:port][/prefix]`.
        settings: Credentials and certificates; user info of the address comes first, as in MLflow.

    Raises:
        TrackerError: This is no such address, or a credential cannot be sent.
    """

    def __init__(self, uri: str, settings: MlflowSettings | None) -> None:
        self._settings = settings or MlflowSettings()
        shown = quote_text(without_user_info(uri), limit=200)
        parts = _split(uri)
        if parts is None:
            raise TrackerError(f"{shown} is not the address of a server", hint=_ADDRESS_HINT)
        place = parts.netloc.rpartition("@")[2]
        self.base = f"{parts.scheme}://{place}{parts.path.rstrip('/')}"
        self.where = f"the MLflow server {quote_text(self.base, limit=200)}"
        self._headers = self._made_headers(parts)

    def ask(self, path: str, body: Mapping[str, object] | None = None) -> Answer:
        """Send a GET request, or with a body a POST request, to a path of the API.

        Raises:
            TrackerError: There is no answer, or none that is JSON within the bounds.
        """
        end = time.monotonic() + MAX_SECONDS
        url = f"{self.base}/api/2.0/mlflow/{path}"
        data = None if body is None else json.dumps(body).encode()
        try:
            for _ in range(_MAX_REDIRECTS + 1):
                status, raw, location = self._exchange(url, data, end)
                if status not in _REDIRECTS:
                    return Answer(status, self._parsed(status, raw))
                url = self._redirected(url, location)
        except ssl.SSLCertVerificationError as error:
            reason = quote_text(error.verify_message, limit=200)
            raise TrackerError(
                f"the certificate of {self.where} is not accepted: {reason}",
                hint="set MLFLOW_TRACKING_SERVER_CERT_PATH to the authority that signed it",
            ) from error
        except TimeoutError as error:
            raise TrackerError(
                f"{self.where} does not answer within {MAX_SECONDS} seconds",
                hint="check the address and the network, then run the same command again",
            ) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise TrackerError(
                f"{self.where} cannot be reached: {quote_text(str(reason), limit=200)}",
                hint="check the address and the network, then run the same command again",
            ) from error
        raise TrackerError(
            f"{self.where} redirects more than {_MAX_REDIRECTS} times", hint=_ADDRESS_HINT
        )

    def unexpected(self, answer: Answer) -> TrackerError:
        """Return the error for a status that is none of success."""
        if answer.status in {401, 403}:
            return TrackerError(
                f"{self.where} denied the access (HTTP {answer.status})", hint=_CREDENTIALS_HINT
            )
        said = answer.body.get("message")
        text = f": {quote_text(said, limit=200)}" if isinstance(said, str) and said else ""
        return TrackerError(
            f"{self.where} answered with HTTP {answer.status}{text}", hint=_ADDRESS_HINT
        )

    def _made_headers(self, parts: SplitResult) -> dict[str, str]:
        chosen = self._settings
        user, password = chosen.username, chosen.password
        if parts.username is not None:
            user, password = unquote(parts.username), unquote(parts.password or "")
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        headers |= {"User-Agent": "gitmodel", "Content-Type": "application/json"}
        if user is not None and password is not None:
            pair = f"{user}:{password}".encode("utf-8", "surrogateescape")
            headers["Authorization"] = f"Basic {b64encode(pair).decode()}"
        elif chosen.token is not None:
            headers["Authorization"] = f"Bearer {chosen.token}"
        if chosen.workspace is not None:
            headers["X-MLFLOW-WORKSPACE"] = chosen.workspace
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise TrackerError(
                f"the token or workspace for {self.where} contains characters that cannot be sent",
                hint=_CREDENTIALS_HINT,
            )
        return headers

    def _exchange(self, url: str, data: bytes | None, end: float) -> tuple[int, bytes, str | None]:
        parts = urlsplit(url)
        with closing(self._connection(parts, end)) as connection:
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            connection.request("GET" if data is None else "POST", target, data, self._headers)
            with closing(connection.getresponse()) as response:
                raw = response.read(MAX_ANSWER + 1)
                if response.length and len(raw) <= MAX_ANSWER:
                    raise http.client.IncompleteRead(raw)
                return response.status, raw, response.getheader("Location")

    def _connection(self, parts: SplitResult, end: float) -> http.client.HTTPConnection:
        left = max(0.001, end - time.monotonic())
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "http":
            connection = http.client.HTTPConnection(host, port, timeout=left)
        else:
            connection = http.client.HTTPSConnection(
                host, port, timeout=left, context=self._context()
            )
        connection.response_class = partial(_TimedResponse, end=end)  # type: ignore[assignment]
        return connection

    def _context(self) -> ssl.SSLContext:
        chosen = self._settings
        try:
            context = _trusting(chosen.server_cert_path)
            if chosen.insecure_tls:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if chosen.client_cert_path is not None:
                context.load_cert_chain(chosen.client_cert_path)
        except OSError as error:
            reason = error.strerror or "not a certificate"
            raise TrackerError(
                f"a certificate for {self.where} cannot be read: {quote_text(reason)}",
                hint="check MLFLOW_TRACKING_SERVER_CERT_PATH and MLFLOW_TRACKING_CLIENT_CERT_PATH",
            ) from error
        return context

    def _redirected(self, url: str, location: str | None) -> str:
        """Return where a redirect leads, if it is the same host; from http to https is permitted."""
        target = urljoin(url, location or "")
        old, new = urlsplit(url), _split(target)
        if new is not None and new.hostname == old.hostname and "@" not in new.netloc:
            ports = _port(old), _port(new)
            if new.scheme == old.scheme and ports[0] == ports[1]:
                return target
            if (old.scheme, new.scheme, *ports) == ("http", "https", 80, 443):
                return target
        shown = quote_text(without_user_info(target).partition("?")[0], limit=200)
        raise TrackerError(
            f"{self.where} redirects to another address, {shown}, which was not asked",
            hint="use the address of the tracking server itself; a login page in front of it needs a token",
        )

    def _parsed(self, status: int, raw: bytes) -> dict[str, Any]:
        if len(raw) > MAX_ANSWER:
            raise TrackerError(
                f"the answer of {self.where} is larger than {MAX_ANSWER >> 20} MiB",
                hint="record the metrics of this version from a file",
            )
        try:
            read = json.loads(raw)
        except (ValueError, RecursionError) as error:
            read = None
            if status == http.client.OK:
                raise TrackerError(
                    f"{self.where} did not answer with JSON", hint=_ADDRESS_HINT
                ) from error
        if not isinstance(read, dict):
            if status == http.client.OK:
                raise TrackerError(f"{self.where} did not answer with JSON", hint=_ADDRESS_HINT)
            return {}
        return read


class _TimedResponse(http.client.HTTPResponse):
    """A response of which every byte must come before one instant."""

    def __init__(self, sock: socket.socket, *, end: float, **options: Any) -> None:
        super().__init__(sock, **options)
        self.fp = io.BufferedReader(_TimedReader(sock, self.fp.detach(), end))


class _TimedReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, raw: io.RawIOBase, end: float) -> None:
        self._sock = sock
        self._raw = raw
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _split(uri: str) -> SplitResult | None:
    """Split an address of HTTP; None if it is none."""
    try:
        parts = urlsplit(uri)
        valid = parts.scheme in _PORTS and bool(parts.hostname) and _port(parts) > 0
    except ValueError:
        return None
    return parts if valid and uri.isprintable() and " " not in uri else None


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS.get(parts.scheme, 0)


def _trusting(path: str | None) -> ssl.SSLContext:
    """A context that trusts the authorities of the system, or those of a file or folder."""
    from os.path import isdir

    if path is None:
        return ssl.create_default_context()
    if isdir(path):
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path)
