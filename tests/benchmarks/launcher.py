"""Run commands one after the other and say what they took: `python -I -S launcher.py < REQUEST`.

The request is JSON: {"commands": [[program, argument, ...], ...], "log": path}. The answer, JSON on
standard output: seconds by the wall clock and of the processor, bytes of memory of the largest process, the last exit
code. It ends with the first command that fails.

A process of its own because Linux counts the peak of the process that starts a program to that
program's: a benchmark that has just made a gigabyte of weights would be found in every row. Nothing
but the standard library is imported here, so about 10 MiB is the least that can be measured.
"""

from __future__ import annotations

import json
import os
import sys
import time


def main() -> None:
    """Carry out the request on standard input."""
    request = json.load(sys.stdin)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    redirect = [(os.POSIX_SPAWN_DUP2, nothing, 0), *((os.POSIX_SPAWN_DUP2, log, n) for n in (1, 2))]
    peak_bytes, code, processor = 0, 0, 0.0
    start = time.perf_counter()
    for command in request["commands"]:
        child = os.posix_spawnp(command[0], command, os.environ, file_actions=redirect)
        _, status, used = os.wait4(child, 0)
        # ru_maxrss: KiB on Linux, of the child or the largest process that it waited for.
        peak_bytes = max(peak_bytes, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
        processor += used.ru_utime + used.ru_stime  # with all that it started and waited for
        code = os.waitstatus_to_exitcode(status)
        if code:
            break
    seconds = time.perf_counter() - start
    answer = {"seconds": seconds, "processor_seconds": processor}
    json.dump(answer | {"peak_bytes": peak_bytes, "code": code}, sys.stdout)


if __name__ == "__main__":
    main()
