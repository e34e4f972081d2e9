"""Commit a few files alone, as `git commit --only` does: what else is staged stays staged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.errors import GitCommandError, RepositoryError
from gitmodel.git.said import hint_by, said_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.project.project import Project

# Git refuses to commit single files during a merge; during the others it would end them.
_IN_THE_WAY = frozenset({"merge", "cherry-pick", "revert"})


def require_no_operation(project: Project) -> None:
    """Raise RepositoryError if the repository is bare, or a merge, cherry-pick or revert is in progress."""
    _ = project.repository.top
    operation = project.repository.in_progress()
    if operation in _IN_THE_WAY:
        raise RepositoryError(
            f"a {operation} is in progress, and during one no file can be committed alone",
            hint=f"git {operation} --continue, or git {operation} --abort, then again",
        )


def commit_paths(project: Project, paths: Sequence[str], message: str) -> str | None:
    """Commit these files as they are in the work tree, and nothing else; returns the commit's id.

    Paths are relative to the top of the work tree; a file that does not exist is removed. If all are as
    in HEAD already, nothing is committed: None. Hooks run, and Git signs as usual. If a hook refuses, the
    files stay staged. Raises as `require_no_operation`, and GitCommandError if a hook or Git refuses.
    """
    require_no_operation(project)
    project.index.stage(paths)
    if not project.index.changed_since_head(paths):
        return None
    done = project.repository.call_as_typed(
        *("commit", "--quiet", "--only", "--cleanup=whitespace", "-F", "-", "--"),
        *(f":(literal){path}" for path in paths),
        input_bytes=message.encode("utf-8", "surrogateescape"),
    )
    if done.returncode:
        raise GitCommandError(
            f"git commit failed: {said_by(done)}", hint=hint_by(done) or "git status"
        )
    return project.repository.head()
