"""What a command costs, and how two things are compared: in turn, round by round.

A machine's disk and its neighbours drift by more than most differences of interest, so absolute
times of two runs say nothing. Here both sides run in each round, and what is reported is the median
of the rounds' ratios.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LAUNCHER = Path(__file__).with_name("launcher.py")
COMMAND_SECONDS = 3600.0
_RESERVE_BYTES = 1 << 30
_READ_BYTES = 1 << 20
_MADV_POPULATE_WRITE = 23  # madvise(2); the module mmap has no name for it yet


class CommandFailedError(Exception):
    """A measured command ended with an error; the text has its last words."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run of a step took.

    Attributes:
        seconds: By the wall clock.
        peak_bytes: Memory of its largest process.
        processor_seconds: Time of the processor, of all its processes.
    """

    seconds: float
    peak_bytes: int
    processor_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides over the same rounds.

    Attributes:
        ours: Median seconds.
        theirs: Median seconds of the other side.
        ratio: Median of ours / theirs, each of one round.
        lowest: Smallest ratio of a round.
        highest: Largest ratio of a round.
        difference: Median of ours - theirs in seconds, each of one round.
    """

    ours: float
    theirs: float
    ratio: float
    lowest: float
    highest: float
    difference: float


def spend(
    commands: Sequence[Sequence[str]],
    *,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    settle: int,
) -> Spent:
    """Run commands in a folder, and measure them as one.

    With `settle`, bytes of memory, what is still to be written from before is written first, what lies
    in the folder is read, and that much memory is touched and freed, so that no side pays for another.

    Raises:
        CommandFailedError: A command failed.
    """
    if settle:
        os.sync()
        read_once(folder)
        have_pages_at_hand(settle)
    log.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(LAUNCHER)],
        input=json.dumps({"commands": [list(one) for one in commands], "log": str(log)}),
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    if done.returncode:
        raise CommandFailedError(f"{commands}: {done.stderr.strip()[-500:]}")
    answer = json.loads(done.stdout)
    if answer["code"]:
        words = log.read_text(errors="replace").strip()[-500:]
        raise CommandFailedError(f"{commands} ended with {answer['code']}: {words}")
    return Spent(answer["seconds"], answer["peak_bytes"], answer["processor_seconds"])


def read_once(folder: Path) -> None:
    """Have the system keep in memory what lies in a folder, however long ago it was written.

    With several tools, the copies of the others push it out before a second version needs it: then the
    disk is measured, of whichever side comes later.
    """
    buffer = memoryview(bytearray(_READ_BYTES))
    for path in _files(folder):
        with path.open("rb", buffering=0) as stream:
            while stream.readinto(buffer):
                pass


def make_room(size: int, folder: Path, *, keep: Sequence[Path]) -> None:
    """Have the system forget what lies in a folder, but for some parts, where so much is not free.

    Once the copies of all tools fill memory, whoever writes next has to wait until old pages are
    given up, and no pages are left to be at hand (`have_pages_at_hand`).
    """
    if _free_bytes() >= size + _RESERVE_BYTES:
        return
    os.sync()  # what is not on the disk cannot be forgotten
    for path in _files(folder):
        if not any(path.is_relative_to(kept) for kept in keep):
            with path.open("rb", buffering=0) as stream:
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path


def have_pages_at_hand(size: int) -> None:
    """Touch memory and free it, so that the system need not ask for it when a command does.

    A virtual machine's host takes back what has been free for two seconds, and asks 1 to 2 s a GiB to
    give it again: more than most commands take, and at random the price of one side. Done only as
    far as memory is free: what must be reclaimed first has not been taken back.
    """
    size = min(size, _free_bytes() - _RESERVE_BYTES)
    if size <= 0 or not hasattr(mmap, "MADV_HUGEPAGE"):
        return
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with memory, contextlib.suppress(OSError):  # a kernel without huge pages, or older than 5.14
        memory.madvise(mmap.MADV_HUGEPAGE)
        memory.madvise(_MADV_POPULATE_WRITE)


def _free_bytes() -> int:
    """Memory that holds nothing, not even a page of a file."""
    with open("/proc/meminfo", encoding="ascii") as stream:
        fields = dict(line.split(":", 1) for line in stream)
    return int(fields["MemFree"].split()[0]) * 1024


def compare(ours: Sequence[Spent], theirs: Sequence[Spent]) -> Comparison:
    """Compare two sides that ran in turn: the n-th of one beside the n-th of the other."""
    pairs = [(one.seconds, other.seconds) for one, other in zip(ours, theirs, strict=True)]
    ratios = [mine / other for mine, other in pairs]
    return Comparison(
        ours=statistics.median(mine for mine, _ in pairs),
        theirs=statistics.median(other for _, other in pairs),
        ratio=statistics.median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        difference=statistics.median(mine - other for mine, other in pairs),
    )


def peak(spent: Sequence[Spent]) -> int:
    """Bytes of the largest process of any round."""
    return max((one.peak_bytes for one in spent), default=0)
