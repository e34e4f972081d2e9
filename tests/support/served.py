"""Run gitmodel in a fork of a process that has imported it: 0.04 s of work instead of 0.13 s.

It is a process of its own all the same, with its own arguments, environment, folder and standard input, and
ends with its own exit code. As a module: `run_served`. As a program: the process that is forked. With
GITMODEL_TESTS_LONG=1 every command is a new Python, as it is for the hooks that Git runs.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import gitmodel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
# What a Python, a C library or a library of Python reads when it starts, so before the fork.
_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "TZ", "MALLOC_", "OPENBLAS_", "OMP_", "COVERAGE_")
# As `tests/conftest.py` and `Repo.gitmodel` set them, if the test does not.
_USUAL = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONPATH": str(Path(gitmodel.__file__).parents[1])}
_STREAMS = ("stdin", "stdout", "stderr")
# Loaded by the commands that need them; libgit2 remembers the home folder that it sees first.
_LATE = ("gitmodel.backends.s3", "gitmodel.backends.azure", "gitmodel.backends.cloud")

_busy = threading.Lock()
_servers: list[_Server] = []


def run_served(
    folder: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    text: str,
    timeout: float,
) -> subprocess.CompletedProcess[str] | None:
    """Run `gitmodel ARGUMENT...`; None if that takes a new Python.

    Raises:
        subprocess.TimeoutExpired: It did not end; it is killed.
    """
    if LONG or not folder.is_dir() or not _busy.acquire(blocking=False):
        return None
    try:
        if not _servers:
            if not _USUAL.items() <= environment.items():
                return None  # the process is for what nearly all tests have
            _servers.append(_Server(environment))
        if _servers[0].started_with != _read_at_start(environment):
            return None
        try:
            return _servers[0].run(folder, arguments, environment, text, timeout)
        except BaseException:
            _servers.pop().close()  # its next answer would be that of this command
            raise
    finally:
        _busy.release()


def end_served() -> None:
    """End the process that is forked."""
    while _servers:
        _servers.pop().close()


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_AT_START)}


class _Server:
    """The process that is forked; it ends when this one does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.started_with = _read_at_start(environment)
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=environment,
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        self._socket.close()
        self._process.kill()
        self._process.wait()

    def run(
        self,
        folder: Path,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        text: str,
        timeout: float,
    ) -> subprocess.CompletedProcess[str]:
        with contextlib.ExitStack() as stack:
            order, *streams = (
                stack.enter_context(os.fdopen(os.memfd_create(name), "r+b"))
                for name in ("order", *_STREAMS)
            )
            words = [str(folder), list(arguments), dict(environment)]
            order.write(json.dumps(words).encode())
            streams[0].write(text.encode("utf-8", "surrogateescape"))
            for stream in (order, streams[0]):
                stream.seek(0)
            socket.send_fds(self._socket, [b"x"], [one.fileno() for one in (order, *streams)])
            code = self._wait(arguments, timeout)
            out, err = (
                os.pread(stream.fileno(), os.fstat(stream.fileno()).st_size, 0)
                for stream in streams[1:]
            )
        command = [sys.executable, "-P", "-m", "gitmodel", *arguments]
        return subprocess.CompletedProcess(
            command, code, *(raw.decode("utf-8", "surrogateescape") for raw in (out, err))
        )

    def _wait(self, arguments: Sequence[str], timeout: float) -> int:
        self._socket.settimeout(timeout)
        with self._socket.makefile("rb", buffering=0) as answers:
            child = int(answers.readline())
            try:
                return int(answers.readline())
            except TimeoutError as error:
                os.kill(child, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(arguments), timeout) from error


def _serve(orders: socket.socket) -> None:
    """Run each order in a fork and answer with its process and its exit code."""
    _import_everything()
    gc.collect()
    gc.freeze()
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, 1, 1 + len(_STREAMS))
        if not message:
            return
        child = os.fork()
        if child == 0:
            orders.close()
            _run(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        orders.sendall(b"%d\n" % child)
        _, status = os.waitpid(child, 0)
        orders.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _import_everything() -> None:
    import importlib
    import pkgutil

    for module in pkgutil.walk_packages(gitmodel.__path__, "gitmodel."):
        if not module.name.startswith(_LATE) and not module.name.endswith((".__main__", ".build")):
            importlib.import_module(module.name)
    assert "pygit2" not in sys.modules


def _run(order: int, *streams: int) -> NoReturn:
    """Be `python -P -m gitmodel ARGUMENT...` from here on."""
    with os.fdopen(order, "rb") as file:
        folder, arguments, environment = json.load(file)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    from gitmodel.cli import main

    sys.argv = [str(Path(gitmodel.__file__).with_name("__main__.py")), *arguments]
    sys.orig_argv = [sys.executable, "-P", "-m", "gitmodel", *arguments]
    code: object = 1
    try:
        main.run()
    except SystemExit as ending:
        code = ending.code
    except BaseException:  # noqa: BLE001  (as Python itself ends)
        sys.excepthook(*sys.exc_info())
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
