"""Names of files that are being written, by which anyone can tell those that a kill has left behind.

A name says who writes: which start of which machine, which container (its numbers of processes are its
own), which process, and when that began. Where this can be looked up here, a file that no process writes
any more is removed at once. What another machine writes, over a network share, or what an earlier start of
this one wrote, is removed only by age: the processes of another machine cannot be seen from here.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import lru_cache

PREFIX = ".gitmodel-tmp-"
STALE_SECONDS = 86_400  # what nobody has written to for a day belongs to nobody
_BOOT_ID = "/proc/sys/kernel/random/boot_id"  # Source: proc(5)
_CONTAINER = "/proc/self/ns/pid"  # Source: pid_namespaces(7)


def new_name() -> str:
    """A name that no other process uses."""
    return f"{PREFIX}{_machine()}-{_process(os.getpid())}-{os.urandom(6).hex()}"


def is_abandoned(name: str, *, modified: float) -> bool:
    """Whether nobody writes a file of such a name any more.

    Args:
        name: From `new_name`, of any process.
        modified: When the file was last written to, unix seconds.
    """
    machine, _, rest = name.removeprefix(PREFIX).partition("-")
    process = rest.rpartition("-")[0]
    if machine == _machine() != "0" and process:
        return not _is_alive(process)
    return time.time() - modified > STALE_SECONDS


def sweep(folder: str | int) -> None:
    """Remove what kills have left behind in a folder, and nothing else; never fails.

    Args:
        folder: Its path, or a handle of it.
    """
    at = {"dir_fd": folder} if isinstance(folder, int) else {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(PREFIX):
                continue
            with suppress(OSError):
                modified = entry.stat(follow_symlinks=False).st_mtime
                if is_abandoned(entry.name, modified=modified):
                    _remove(entry, at)


def _remove(entry: os.DirEntry[str], at: dict[str, int]) -> None:
    """Remove a file, or the copy of a folder that a move has begun."""
    path = entry.name if at else entry.path
    if not entry.is_dir(follow_symlinks=False):
        os.unlink(path, **at)
        return
    import shutil  # 3 ms, and hardly ever needed

    shutil.rmtree(path, ignore_errors=True, dir_fd=at.get("dir_fd"))


@lru_cache(maxsize=1)
def _machine() -> str:
    """This start of this machine, and the container on it; "0" where the system does not say."""
    try:
        with open(_BOOT_ID, encoding="ascii") as stream:
            boot = stream.read().strip().replace("-", "")[:16]
        return f"{boot}.{os.stat(_CONTAINER).st_ino:x}"
    except OSError:
        return "0"


@lru_cache(maxsize=1)
def _process(number: int) -> str:
    """A process of this machine: its number, which is given out again, and when it began."""
    return f"{number}.{_began(number) or 0}"


def _is_alive(process: str) -> bool:
    number, _, began = process.partition(".")
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        pass  # it is another person's
    now = _began(int(number))
    return now is None or str(now) == began


def _began(number: int) -> int | None:
    """When a process began, in ticks since the machine was started: 0 if it is dead, None if hidden."""
    try:
        with open(f"/proc/{number}/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])
