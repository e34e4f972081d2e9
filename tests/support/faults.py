"""A bad network between gitmodel and a real store: an HTTP proxy that fails as it is told to.

It passes requests on as they are, with the client's own Host header, so that signatures stay valid.
A rule says for each request what goes wrong, if anything. Rules with chance in them are seeded, and
say their seed when they are printed.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import threading
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_UPSTREAM_SECONDS = 30


class Kind(StrEnum):
    """What goes wrong with one request."""

    STATUS = "status"  # the store is never asked, and this status comes back
    CUT = "cut"  # the connection is closed in the middle of the answer
    CUT_UPLOAD = "cut upload"  # the connection is closed in the middle of the request
    STALL = "stall"  # the request is carried out, and nothing ever comes back
    TRUNCATE = "truncate"  # half of the body comes back, with a length that fits
    FLIP = "flip"  # a bit of the answer's body is another
    FLIP_UPLOAD = "flip upload"  # a bit of the request's body is another
    LOST = "lost"  # the request is carried out, and the connection closed without an answer


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Args:
        kind: What goes wrong.
        after: Bytes that pass before it does, for CUT, CUT_UPLOAD, FLIP and FLIP_UPLOAD.
        status: For STATUS.
        bit: Which bit of the byte, for FLIP and FLIP_UPLOAD.
    """

    kind: Kind
    after: int = 0
    status: int = 503
    bit: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as rules see it.

    Args:
        method: Such as "PUT".
        path: Without the query.
        tries: How often this method was asked of this path, this time included.
    """

    method: str
    path: str
    tries: int


CODES = {403: "AccessDenied", 404: "NoSuchKey", 429: "SlowDown", 500: "InternalError"}


def never(_request: Request) -> Fault | None:
    """A good network."""
    return None


class Chance:
    """A rule by which each request fails with a probability, in any way.

    Args:
        seed: Equal seeds, equal faults (as far as the order of requests is equal).
        rate: Probability, 0 to 1.
    """

    def __init__(self, seed: int, rate: float) -> None:
        self._description = f"Chance(seed={seed}, rate={rate})"
        self._rate = rate
        self._random = random.Random(seed)  # noqa: S311 - the same faults each time
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return self._description

    def __call__(self, _request: Request) -> Fault | None:
        with self._lock:
            if self._random.random() >= self._rate:
                return None
            kinds = [kind for kind in Kind if kind is not Kind.STALL]
            status = self._random.choice((429, 500, 502, 503, 504))
            after = self._random.choice((0, 1, 100, 50_000))
            return Fault(self._random.choice(kinds), after=after, status=status)


class Proxy:
    """A running proxy.

    Attributes:
        url: Its address, for AWS_ENDPOINT_URL_S3.
        rule: What goes wrong from now on.
        asked: Requests by method and path.
        fetched: Bytes of bodies that the store sent to clients.
    """

    def __init__(self, upstream: str) -> None:
        self.url = ""
        self.rule: Callable[[Request], Fault | None] = never
        self.asked: Counter[tuple[str, str]] = Counter()
        self.fetched = 0
        self.closing = threading.Event()
        self.upstream = urlsplit(upstream).netloc
        self._lock = threading.Lock()

    def judge(self, method: str, path: str) -> Fault | None:
        """Count a request and look up its fault."""
        with self._lock:
            self.asked[method, path] += 1
            request = Request(method, path, self.asked[method, path])
        return self.rule(request)

    def count(self, sent: int) -> None:
        """Count the bytes of a body."""
        with self._lock:
            self.fetched += sent

    def most_tries(self, method: str) -> int:
        """The greatest number of requests of a method for one path."""
        return max((n for (verb, _), n in self.asked.items() if verb == method), default=0)

    def use(self, rule: Callable[[Request], Fault | None]) -> None:
        """Go over to another rule, and count from nothing."""
        with self._lock:
            self.rule = rule
            self.asked.clear()
            self.fetched = 0


@contextlib.contextmanager
def bad_network(upstream: str) -> Iterator[Proxy]:
    """Run a proxy on a free port of 127.0.0.1; without faults until it is given a rule."""
    proxy = Proxy(upstream)

    class Handler(_Handler):
        def judge(self, method: str, path: str) -> Fault | None:
            return proxy.judge(method, path)

        def count(self, sent: int) -> None:
            proxy.count(sent)

        upstream = proxy.upstream
        closing = proxy.closing

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: clients that hang up are what this is about."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: str
    closing: threading.Event

    def judge(self, method: str, path: str) -> Fault | None:
        raise NotImplementedError

    def count(self, sent: int) -> None:
        raise NotImplementedError

    def handle_any(self) -> None:
        fault = self.judge(self.command, urlsplit(self.path).path)
        length = int(self.headers.get("Content-Length") or 0)
        if fault is not None and fault.kind is Kind.CUT_UPLOAD:
            self.rfile.read(min(fault.after, length))
            self.hang_up()
            return
        body = self.rfile.read(length)
        if fault is not None and fault.kind is Kind.STATUS:
            self.fail(fault.status)
            return
        if fault is not None and fault.kind is Kind.FLIP_UPLOAD:
            body = _flipped(body, fault.after, fault.bit)
        status, headers, answer = self.pass_on(body)
        if fault is not None and fault.kind in (Kind.LOST, Kind.STALL):
            if fault.kind is Kind.STALL:
                self.closing.wait()
            self.hang_up()
            return
        self.give_back(status, headers, answer, fault)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = handle_any  # noqa: N815 - the library's names

    def pass_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """Ask the store; returns status, headers and body of its answer."""
        connection = http.client.HTTPConnection(self.upstream, timeout=_UPSTREAM_SECONDS)
        with contextlib.closing(connection):
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in {"connection", "expect"}:
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def give_back(
        self, status: int, headers: list[tuple[str, str]], body: bytes, fault: Fault | None
    ) -> None:
        """Send the store's answer, or what is left of it."""
        sent = body
        if fault is not None and self.command != "HEAD":
            match fault.kind:
                case Kind.FLIP:
                    body = sent = _flipped(body, fault.after, fault.bit)
                case Kind.TRUNCATE:
                    body = sent = body[: len(body) // 2]
                case Kind.CUT:
                    sent = body[: min(fault.after, max(len(body) - 1, 0))]
                case _:
                    pass
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                self.send_header(name, value)
        length = {name.lower(): value for name, value in headers}.get("content-length", "0")
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
        if fault is not None and fault.kind is Kind.CUT and fault.after == 0:
            self.hang_up()  # the headers are still in the buffer: not a byte arrives
            return
        self.end_headers()
        if self.command != "HEAD":
            self.count(len(sent))
        with contextlib.suppress(ConnectionError):
            self.wfile.write(sent)
        if fault is not None and fault.kind is Kind.CUT:
            self.hang_up()

    def fail(self, status: int) -> None:
        """Answer as S3 does when it refuses."""
        code = CODES.get(status, "SlowDown" if status == 503 else "Error")
        text = f"<Error><Code>{code}</Code><Message>a fault for a test</Message></Error>"
        body = b"" if self.command == "HEAD" else text.encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


def _flipped(body: bytes, at: int, bit: int) -> bytes:
    """The same with one bit changed."""
    if not body:
        return body
    changed = bytearray(body)
    changed[at % len(body)] ^= 1 << bit
    return bytes(changed)
