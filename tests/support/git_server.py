"""A Git server on loopback: `git http-backend` behind Python's HTTP server, as a forge has it.

It remembers what it was asked, can ask for a password, and is gone at the end of the `with`.
"""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, cast

from tests.support.repo import GIT, TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class GitServer:
    """A running server.

    Attributes:
        root: The folder below which repositories are.
        port: Where it listens.
        password: "USER:PASSWORD" that a request needs, if any.
        asked: Method and path of each request that was let in.
    """

    root: Path
    port: int = 0
    password: str | None = None
    asked: list[str] = field(default_factory=list)

    def url(self, name: str, *, user: str = "") -> str:
        """The URL of a repository, with user and password if given."""
        return f"http://{user}{'@' if user else ''}127.0.0.1:{self.port}/{name}"


@contextlib.contextmanager
def git_server(root: Path) -> Iterator[GitServer]:
    """Serve the repositories below a folder by HTTP."""
    server = GitServer(root)
    with _Listening(("127.0.0.1", 0), _Handler) as listening:
        listening.git = server
        server.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


class _Listening(ThreadingHTTPServer):
    """Knows what its handlers answer for."""

    git: GitServer


class _Handler(BaseHTTPRequestHandler):
    @property
    def git(self) -> GitServer:
        return cast("_Listening", self.server).git

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        if not self._is_let_in():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="models"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.git.asked.append(f"{self.command} {self.path}")
        done = subprocess.run(
            [GIT, "http-backend"],
            input=body,
            env=os.environ | self._variables(),
            capture_output=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
        self._pass_on(done.stdout)

    def _is_let_in(self) -> bool:
        password = self.git.password
        if password is None:
            return True
        wanted = "Basic " + base64.b64encode(password.encode()).decode()
        return bool(self.headers.get("Authorization") == wanted)

    def _variables(self) -> dict[str, str]:
        path, _, query = self.path.partition("?")
        return {
            "GIT_PROJECT_ROOT": str(self.git.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }

    def _pass_on(self, output: bytes) -> None:
        head, _, rest = output.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        status = next((value for name, value in lines if name == "Status"), "200")
        self.send_response(int(status.split()[0]))
        for name, value in lines:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest)

    def log_message(self, *_: object) -> None:
        pass
