"""Count the processes that something starts, so that "one process" in a docstring is a promise."""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_listeners: list[list[str]] = []


@functools.cache
def _install() -> None:
    """Listen to audit events; once, since such a hook cannot be taken away again."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "subprocess.Popen":
            for started in _listeners:
                started.append(str(arguments[1]))

    sys.addaudithook(hook)


@contextlib.contextmanager
def started_processes() -> Iterator[list[str]]:
    """Collect the command lines of all processes that this process starts meanwhile."""
    _install()
    started: list[str] = []
    _listeners.append(started)
    try:
        yield started
    finally:
        # By identity: two lists that are equal are not the same listener.
        _listeners[:] = [other for other in _listeners if other is not started]
