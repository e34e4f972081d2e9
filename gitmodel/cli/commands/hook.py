"""`gitmodel hook NAME ARGUMENT...`: run a hook; called by the scripts in the hooks folder.

It costs every commit its time, so there is no parser here.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from gitmodel.cli.session import Session, folder_after
from gitmodel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.cli.output import Output


def run(output: Output, *, folders: Sequence[str], words: Sequence[str]) -> int:
    """Run one hook, from its name and what Git passed to it; the exit code is the hook's.

    Hooks print to stderr only. Raises UsageError if no hook is named.
    """
    if not words:
        raise UsageError(
            "gitmodel hook: which hook is missing", hint="gitmodel install, which lets Git run it"
        )
    from gitmodel.githooks.run import run_hook

    session = Session(output, environment=os.environ, folder=folder_after(folders))
    try:
        return run_hook(
            words[0], words[1:], stdin=_read_stdin, context=session.context(), say=output.note
        )
    except SystemExit as error:  # of some library: Git must not take its 0 for our answer
        raise RuntimeError("a library ended the hook") from error


def _read_stdin() -> bytes:
    # Python has no stdin where the parent closed it, as some graphical clients do.
    return b"" if sys.stdin is None else sys.stdin.buffer.read()
