"""`gitmodel commit`: register new weights, then replace this process by `git commit`.

Git gets the arguments as typed, and the environment, terminal and standard input of the caller. Exit code, editor,
hooks and signing are Git's.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NoReturn

from gitmodel.domain.commit_command import commit_staging
from gitmodel.errors import GitCommandError
from gitmodel.git.program import find_program
from gitmodel.workflows.prepare_commit import prepare_commit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.project.context import Context


def register_weights(context: Context, arguments: Sequence[str]) -> list[str]:
    """Register changed weights before `git commit` with these arguments; returns lines to print."""
    staging = commit_staging(arguments)
    return [] if staging is None else prepare_commit(context, staging)


def become_git_commit(context: Context, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by `git commit`. Output must be flushed before.

    Raises GitCommandError if the git program is missing or cannot be started.
    """
    program = find_program(context.folder, context.environment)
    if program is None:
        raise GitCommandError("there is no git program on PATH", hint="install Git")
    # Python ignores these two signals, and the new program would inherit that.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.chdir(context.folder)
        os.execve(program, ["git", "commit", *arguments], context.environment)  # noqa: S606
    except (OSError, ValueError) as error:
        raise GitCommandError(f"git could not be run: {error}") from error
