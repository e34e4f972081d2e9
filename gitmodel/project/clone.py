"""The clone that a command runs in: its work tree, its Git folder, its hooks folder and its git program."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from gitmodel.project.project import Project

# A file in the Git folder, from pre-commit to post-commit.
AFTER_COMMIT_NOTE = "gitmodel-after-commit"


def work_tree_of(project: Project) -> str | None:
    """The top of the work tree, None in a bare repository."""
    return project.repository.work_tree


def git_folder_of(project: Project) -> str:
    """The Git folder of this work tree."""
    return project.repository.git_dir


def hooks_folder_of(project: Project) -> str:
    """The folder in which Git looks for hooks (`core.hooksPath`)."""
    return project.repository.hooks_folder()


def has_committed_hooks(project: Project) -> bool:
    """Whether the hooks folder is part of what people commit (`core.hooksPath=.githooks`)."""
    top, folder = work_tree_of(project), hooks_folder_of(project)
    if top is None or not folder.startswith(os.path.join(top, "")):
        return False
    inside = os.path.relpath(folder, top).replace(os.sep, "/")
    return ".git" not in inside.split("/") and not project.repository.is_ignored(f"{inside}/x")


def run_git(
    project: Project,
    arguments: Sequence[str],
    *,
    folder: str,
    extra: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run the project's git program in another folder, with `extra` variables in its environment."""
    return project.repository.program.call(tuple(arguments), folder=folder, extra=extra)
