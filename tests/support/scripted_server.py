"""An HTTP server that answers as a test tells it to, and remembers what it was asked.

For what no real store does on demand: being busy for ever, losing the answer to a request it carried
out, breaking off in the middle of a body.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Args:
        status: HTTP status; 0 closes the connection without any answer.
        body: What to send.
        headers: Further headers; Content-Length is that of `body` unless given.
        cut: Close the connection after so many bytes of the body.
        stall: Send nothing more after so many bytes, until the server is closed.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    stall: int | None = None


LOST = Answer(status=0)


class ScriptedServer:
    """Answers each request by calling `script`; a list of answers is given out in order.

    The last answer of a list is repeated for ever.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.script: Callable[[Asked], Answer] = lambda _asked: Answer(status=500)
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self.url = ""

    def answers(self, *answers: Answer) -> None:
        """Give these answers in order, the last one for ever."""
        rest = list(answers)
        self.script = lambda _asked: rest.pop(0) if len(rest) > 1 else rest[0]

    @property
    def methods(self) -> list[str]:
        """Methods of the requests so far."""
        return [asked.method for asked in self.asked]

    def answer(self, asked: Asked) -> Answer:
        """Remember a request and look up its answer."""
        with self._lock:
            self.asked.append(asked)
            return self.script(asked)


@contextlib.contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """Run a scripted server on a free port of 127.0.0.1."""
    scripted = ScriptedServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = scripted.answer(Asked(self.command, self.path, headers, body))
            if answer.status == 0:
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.send_body(answer)

        def send_body(self, answer: Answer) -> None:
            if self.command == "HEAD":
                return
            end = answer.cut if answer.cut is not None else answer.stall
            with contextlib.suppress(ConnectionError):  # the client may have seen enough
                self.wfile.write(answer.body[:end])
                self.wfile.flush()
            if answer.stall is not None:
                scripted.closing.wait()
            if end is not None:
                self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = handle_any  # noqa: N815 - the library's names
        do_CONNECT = handle_any  # noqa: N815 - of a proxy

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: clients that hang up are what these tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    scripted.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield scripted
    finally:
        scripted.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
