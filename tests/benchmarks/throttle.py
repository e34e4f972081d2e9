"""A slow link: a proxy in a process of its own that passes on so many bytes a second, each way.

    python -I throttle.py PORT UPSTREAM_PORT BYTES_A_SECOND

All connections share the rate, as on one line. It ends when its standard input is closed.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 256 * 1024
BURST_SECONDS = 0.01  # what may pass at once after a pause


class Line:
    """One direction of the link."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._free_at = 0.0

    def wait(self, size: int) -> None:
        """Wait until so many bytes have passed."""
        with self._lock:
            start = max(self._free_at, time.monotonic() - BURST_SECONDS)
            self._free_at = start + size / self._rate
            pause = self._free_at - time.monotonic()
        if pause > 0:
            time.sleep(pause)


def _pass_on(source: socket.socket, target: socket.socket, line: Line) -> None:
    buffer = bytearray(PIECE)
    view = memoryview(buffer)
    with contextlib.suppress(OSError):
        while size := source.recv_into(buffer):
            line.wait(size)
            target.sendall(view[:size])
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _serve(port: int, upstream: int, rate: float) -> None:
    up, down = Line(rate), Line(rate)
    with socket.create_server(("127.0.0.1", port), backlog=128) as server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            client, _ = server.accept()
            remote = socket.create_connection(("127.0.0.1", upstream))
            for ends in ((client, remote, up), (remote, client, down)):
                threading.Thread(target=_pass_on, args=ends, daemon=True).start()


def _end_with_standard_input() -> None:
    sys.stdin.read()
    os._exit(0)


@contextlib.contextmanager
def slow_link(endpoint: str, bytes_a_second: float) -> Iterator[str]:
    """Give the address of a slow way to an endpoint of this machine (`http://127.0.0.1:PORT`)."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    upstream = endpoint.rpartition(":")[2]
    command = [sys.executable, "-I", str(Path(__file__)), str(port), upstream, str(bytes_a_second)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as proxy:
        assert proxy.stdin is not None
        assert proxy.stdout is not None
        proxy.stdout.readline()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            proxy.stdin.close()


if __name__ == "__main__":
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    _serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
