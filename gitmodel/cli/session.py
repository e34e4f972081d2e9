"""What a command is given: where to print, and what the front door has read for the workflows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.errors import RepositoryError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gitmodel.cli.output import Output
    from gitmodel.domain.progress import Progress
    from gitmodel.project.context import Context
    from gitmodel.project.project import Project


class Session:
    """One run of one command. Relative paths are relative to `folder`, which is absolute."""

    def __init__(self, output: Output, *, environment: Mapping[str, str], folder: str) -> None:
        self.output = output
        self.environment = environment
        self.folder = folder

    def refuse_deprecated(self) -> None:
        """Let this command refuse deprecated versions instead of warning about them."""
        from gitmodel.project.deprecated_versions import REFUSE_VARIABLE

        self.environment = {**self.environment, REFUSE_VARIABLE: "1"}

    def context(self) -> Context:
        """The context of the workflows: environment, folder, clock and progress."""
        from gitmodel.project.context import Context

        progress, interrupt = self._progress()

        def note(text: str) -> None:
            interrupt()
            self.output.warn(text)

        return Context(
            environment=self.environment, folder=self.folder, progress=progress, note=note
        )

    def project(self) -> Project:
        """The repository of the current folder; close it, or use it as a context manager.

        Raises RepositoryError if there is none.
        """
        from gitmodel.project.project import Project

        return Project.open(self.context())

    def _progress(self) -> tuple[Progress, Callable[[], None]]:
        if self.output.quiet or not self.output.stderr.isatty():
            from gitmodel.project.context import Silent

            return Silent(), lambda: None
        from gitmodel.cli.progress import TerminalProgress

        progress = TerminalProgress(self.output.stderr)
        return progress, progress.clear


def folder_after(changes: Sequence[str]) -> str:
    """The current folder after each `-C DIR` in turn, absolute; the process stays where it is.

    Raises UsageError if there is no such folder, RepositoryError if the current one was deleted.
    """
    try:
        folder = os.getcwd()
    except FileNotFoundError as error:
        raise RepositoryError("the current folder was deleted", hint="cd elsewhere") from error
    for change in changes:
        folder = os.path.normpath(os.path.join(folder, change))
        if not os.path.isdir(folder):
            raise UsageError(f"there is no folder {change}", hint="gitmodel -C DIR COMMAND")
    return folder
