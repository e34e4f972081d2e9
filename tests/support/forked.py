"""Run gitmodel many times a second, and kill it at its N-th change to the disk.

As a module: `Forks` runs commands in forks of a process that has imported everything, 0.1 s each.
As a program: that process, or with `--once N ARGUMENT...` a Python that dies at its N-th point.

A *point* is a moment just before the program changes something: opens a file for writing, renames,
links, removes, flushes, makes a folder, starts git; and for each write also the moment when half of
it has been written. Between two points the disk does not change, so killing at every point meets
every state that a kill can leave (but for the inside of git itself). Python's audit events tell the
points, with `os.write` and `os.fsync` wrapped, since these have no event.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

KILLED = -signal.SIGKILL
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_EVENTS = frozenset(
    {
        *("os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.utime"),
        *("os.truncate", "os.chmod", "subprocess.Popen"),
    }
)


@dataclass(frozen=True, slots=True)
class Ran:
    """One run.

    Attributes:
        code: Exit code, negative the signal that ended it.
        out: What it printed.
        err: What it printed to stderr.
        points: Labels of the points it passed; only of runs that came to their end.
    """

    code: int
    out: str
    err: str
    points: tuple[str, ...] = ()


class Forks:
    """Runs gitmodel in forks of one process; use as a context manager.

    Args:
        preload: Modules to import beside gitmodel's own, such as "s3fs".
    """

    def __init__(self, *preload: str) -> None:
        import gitmodel

        root = str(Path(gitmodel.__file__).parent.parent)
        self._server = subprocess.Popen(
            [sys.executable, "-P", __file__, "--serve", *preload],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": root},
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.stdout.close()
        self._server.wait(timeout=20)

    def run(
        self,
        folder: Path,
        *arguments: str,
        at: int | None = None,
        stdin: str = "",
        env: Mapping[str, str] | None = None,
        patient: bool = True,
        read_timeout: float | None = None,
    ) -> Ran:
        """Run `gitmodel ARGUMENT...` in a folder.

        Args:
            folder: Where.
            arguments: Without the program.
            at: Kill it at this point, counted from 1.
            stdin: Its standard input.
            env: Variables beside the test's own.
            patient: False lets it wait no time before it tries a request again.
            read_timeout: Seconds of silence after which a request to S3 has failed.
        """
        order = {
            "folder": str(folder),
            "arguments": arguments,
            "at": at,
            "stdin": stdin,
            "environment": os.environ | dict(env or {}),
            "patient": patient,
            "read_timeout": read_timeout,
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        return Ran(answer["code"], answer["out"], answer["err"], tuple(answer["points"]))


class Points:
    """Counts the points of this process, and kills it at one of them."""

    def __init__(self, at: int | None) -> None:
        self.labels: list[str] = []
        self._at = at
        self._count = itertools.count(1)  # `next` is atomic: points come from several threads

    def watch(self) -> None:
        """Begin to count. There is no way back."""
        write, fsync = os.write, os.fsync

        def watched_write(descriptor: int, data: bytes | memoryview, /) -> int:
            self._pass("write")
            half = memoryview(data)[: len(data) // 2]
            self._pass("half a write", lambda: write(descriptor, half) if len(half) else 0)
            return write(descriptor, data)

        def watched_fsync(descriptor: int, /) -> None:
            self._pass("fsync")
            fsync(descriptor)

        os.write, os.fsync = watched_write, watched_fsync  # type: ignore[assignment]
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _EVENTS:
            self._pass(f"{event} {_short(arguments[0])}")
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
            self._pass(f"open {_short(arguments[0])}")

    def _pass(self, label: str, last: Callable[[], object] = lambda: None) -> None:
        if next(self._count) == self._at:
            last()
            os.kill(os.getpid(), signal.SIGKILL)
        self.labels.append(label)


def _short(path: object) -> str:
    return os.path.basename(os.fsdecode(path)) if isinstance(path, (str, bytes)) else str(path)


def _serve(preload: Sequence[str]) -> None:
    """Read orders, run each in a fork, answer; until standard input closes."""
    _import_everything(preload)
    _adopt_orphans()
    for line in sys.stdin:
        order = json.loads(line)
        with tempfile.TemporaryDirectory() as folder:
            for name in ("out", "err", "points"):
                Path(folder, name).touch()
            Path(folder, "in").write_text(order["stdin"], encoding="utf-8")
            child = os.fork()
            if child == 0:
                _run_order(order, folder)
            _, status = os.waitpid(child, 0)
            _wait_for_orphans()
            answer = {
                "code": os.waitstatus_to_exitcode(status),
                "out": Path(folder, "out").read_text(encoding="utf-8", errors="replace"),
                "err": Path(folder, "err").read_text(encoding="utf-8", errors="replace"),
                "points": Path(folder, "points").read_text(encoding="utf-8").splitlines(),
            }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _adopt_orphans() -> None:
    """Become the parent of what a killed command leaves running: Git, in the middle of a commit.

    Source: prctl(2), PR_SET_CHILD_SUBREAPER.
    """
    import ctypes

    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def _wait_for_orphans() -> None:
    """Return when none is left; the next command would meet its lock, or its half of the work."""
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _import_everything(preload: Sequence[str]) -> None:
    import importlib
    import pkgutil

    import gitmodel

    for module in pkgutil.walk_packages(gitmodel.__path__, "gitmodel."):
        if not module.name.endswith(("__main__", ".s3", ".azure", ".azure_account")):
            importlib.import_module(module.name)
    for name in preload:
        importlib.import_module(name)


def _run_order(order: Mapping[str, Any], folder: str) -> NoReturn:
    """Run one order in this fork, which ends here."""
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    for number, name in enumerate(("in", "out", "err")):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND
        descriptor = os.open(os.path.join(folder, name), flags)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - forgets what was buffered
    if not order["patient"]:
        _wait_for_nothing()
    if order["read_timeout"] is not None:
        _be_silent_for(order["read_timeout"])
    points = Points(order["at"])
    points.watch()
    code = _main(order["arguments"])
    passed = list(points.labels)
    sys.stdout.flush()
    sys.stderr.flush()
    Path(folder, "points").write_text("\n".join(passed), encoding="utf-8", errors="replace")
    os._exit(code)


def _wait_for_nothing() -> None:
    """Keep the retries and their number, but not the waits between them."""
    from gitmodel.backends.cloud.retry import Retrier

    defaults: dict[str, Any] = Retrier.__init__.__kwdefaults__ or {}
    defaults["sleep"] = lambda _seconds: None


def _be_silent_for(seconds: float) -> None:
    from gitmodel.backends.cloud import obstore as obstore_transport
    from gitmodel.backends.s3 import s3fs as s3_filesystem

    for module in (s3_filesystem, obstore_transport):
        vars(module)["READ_TIMEOUT_SECONDS"] = seconds


def _main(arguments: Sequence[str]) -> int:
    from gitmodel.cli.main import main

    try:
        return main(list(arguments))
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else 1


def _run_once(at: int, rest: Sequence[str]) -> int:
    """Stand in for the Python of a hook script: `-E -P -m gitmodel hook NAME ...`."""
    arguments = list(rest)[list(rest).index("gitmodel") + 1 :]
    _import_everything(())
    Points(at).watch()
    return _main(arguments)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        if sys.argv[1] == "--once":
            sys.exit(_run_once(int(sys.argv[2]), sys.argv[3:]))
        _serve(sys.argv[2:])
