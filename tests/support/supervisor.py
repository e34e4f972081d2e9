"""A program: runs a server and ends it when this program's standard input closes.

The test process holds the other end of that pipe, so the server ends with it, also where the test run
was interrupted or killed. If the server ends by itself, so does this program.

    python supervisor.py FOLDER COMMAND...      FOLDER/log gets the output; FOLDER is removed at the end
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path


def main(folder: Path, command: list[str]) -> None:
    """Run the server until standard input closes."""
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A group of its own: `node` may be a script that starts the real one.
            start_new_session=True,
        )
    closing = threading.Event()

    def leave_with_the_server() -> None:
        server.wait()
        if not closing.is_set():
            os._exit(1)

    threading.Thread(target=leave_with_the_server, daemon=True).start()
    # Control-C reaches this program too; only the pipe decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(InterruptedError):
        signal.signal(signal.SIGTERM, _interrupt)
        sys.stdin.buffer.read()
    closing.set()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    shutil.rmtree(folder, ignore_errors=True)
    _remove_sockets(command)


def _interrupt(*_: object) -> None:
    raise InterruptedError


def _remove_sockets(command: list[str]) -> None:
    """Remove the sockets that SeaweedFS leaves in the temporary folder, whatever it is told."""
    for argument in command:
        option, _, port = argument.partition("=")
        if option.endswith(".port.grpc"):
            for socket in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):  # noqa: S108
                socket.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
