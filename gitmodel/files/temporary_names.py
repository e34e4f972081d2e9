"""Temporary names of unfinished files, which tell whether the process that writes the file still runs.

A name holds the boot of the machine, the container (its process numbers are its own), the process, and the
time at which it started. A file of this boot and container is removed as soon as its process has
ended. A file of another machine, on a network share, or of an earlier boot is removed by age, because its
process cannot be looked up.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import lru_cache

PREFIX = ".gitmodel-tmp-"
STALE_SECONDS = 86_400  # a file that was not written for a day is abandoned
_BOOT_ID = "/proc/sys/kernel/random/boot_id"  # Source: proc(5)
_CONTAINER = "/proc/self/ns/pid"  # Source: pid_namespaces(7)


def new_name() -> str:
    """A unique temporary name."""
    return f"{PREFIX}{_machine()}-{_process(os.getpid())}-{os.urandom(6).hex()}"


def is_abandoned(name: str, *, modified: float) -> bool:
    """Whether the process that wrote a temporary file, named by `new_name` of any process, has ended.

    The modification time is in Unix seconds.
    """
    machine, _, rest = name.removeprefix(PREFIX).partition("-")
    process = rest.rpartition("-")[0]
    if machine == _machine() != "0" and process:
        return not _is_alive(process)
    return time.time() - modified > STALE_SECONDS


def sweep(folder: str | int) -> None:
    """Remove the abandoned files in a folder, by its path or handle; never fails."""
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
    """Remove a file, or an unfinished copy of a folder."""
    path = entry.name if at else entry.path
    if not entry.is_dir(follow_symlinks=False):
        os.unlink(path, **at)
        return
    import shutil  # 3 ms, and rarely needed

    shutil.rmtree(path, ignore_errors=True, dir_fd=at.get("dir_fd"))


@lru_cache(maxsize=1)
def _machine() -> str:
    """The boot of this machine, and the container; "0" if the system does not tell."""
    try:
        with open(_BOOT_ID, encoding="ascii") as stream:
            boot = stream.read().strip().replace("-", "")[:16]
        return f"{boot}.{os.stat(_CONTAINER).st_ino:x}"
    except OSError:
        return "0"


@lru_cache(maxsize=1)
def _process(number: int) -> str:
    """A process of this machine: its number, which may be reused, and its start time."""
    return f"{number}.{_began(number) or 0}"


def _is_alive(process: str) -> bool:
    number, _, began = process.partition(".")
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        pass  # another user's process
    now = _began(int(number))
    return now is None or str(now) == began


def _began(number: int) -> int | None:
    """Start time of a process in ticks since boot; 0 if it has ended, None if it is hidden."""
    try:
        with open(f"/proc/{number}/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])
