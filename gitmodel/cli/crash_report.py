"""Write a report of an unexpected error to a file.

What holds: the report has no secret that we can recognise, and only its owner can read it.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

_MOST_REPORTS = 100  # of one second; then something else is wrong


def state_folder(environment: Mapping[str, str]) -> str:
    """Where reports go: `gitmodel` in the user's state directory (XDG Base Directory 0.8)."""
    state = environment.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):  # the specification says to ignore a relative one
        home = environment.get("HOME") or os.path.expanduser("~")
        state = os.path.join(home, ".local", "state")
    return os.path.join(state, "gitmodel")


def write_report(
    error: BaseException,
    *,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    now: datetime,
) -> str | None:
    """Write `error-<time>.log`; returns its path, None if it cannot be written.

    `arguments` lack the program. The environment is to find the folder; nothing else of it is written
    down. `now` (UTC) is for the file's name.
    """
    folder = state_folder(environment)
    stem = os.path.join(folder, f"error-{now:%Y%m%dT%H%M%SZ}")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for number in range(_MOST_REPORTS):
            path = f"{stem}-{number}.log" if number else f"{stem}.log"
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(report_text(error, arguments=arguments))
            return path
    except OSError:
        pass  # a full or read-only disk may be what the error is about
    return None


def report_text(error: BaseException, *, arguments: Sequence[str]) -> str:
    """Versions, platform, command line and traceback, with secrets taken out."""
    import platform

    from gitmodel.domain.text.secrets import redact
    from gitmodel.version import __version__

    lines = [
        f"gitmodel {__version__}",
        f"Python {sys.version}",
        f"platform {platform.platform()}",
        f"command {[*arguments]!r}",
        "",
        *(line.rstrip("\n") for line in traceback.format_exception(error)),
    ]
    return redact("\n".join(lines)) + "\n"
