"""What the script behind `core.fsmonitor` starts: the early step, for the words of a Git command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.commit_command import read_git_command, staging_of
from gitmodel.githooks.parent_command_line import words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitmodel.project.context import Context


def register_before(arguments: Sequence[str], context: Context, say: Callable[[str], None]) -> None:
    """Register the new weights that a Git command is about to need; silent where nothing is done.

    The argument is the id of the process of Git. The folder of the context is the top of the work tree.
    Git says in GIT_PREFIX where the person was.
    """
    if len(arguments) != 1 or not arguments[0].isdecimal():
        return
    command = read_git_command(words_of(int(arguments[0])))
    staging = None if command is None else staging_of(command)
    if staging is None:
        return
    from gitmodel.workflows.prepare_commit import prepare_commit

    try:
        for line in prepare_commit(
            context, staging, prefix=context.environment.get("GIT_PREFIX", "")
        ):
            say(f"gitmodel: {line}")
    except KeyboardInterrupt:
        return  # Git was interrupted as well, and says so
