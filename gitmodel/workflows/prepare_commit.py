"""The early step: new weights become a version before Git looks for something to commit.

Git decides "nothing to commit" before pre-commit runs, and weights are ignored. So the pointers that
a command is about to stage are brought up to the weights first, on disk. Git then finds them changed.

What holds: the index of Git is not touched, it may be locked; what a hook would refuse is left to the
hook; and where nothing can be done, the command goes on as it would have without.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import POINTER_SUFFIX
from gitmodel.errors import GitmodelError
from gitmodel.git.scratch_index import scratch_index
from gitmodel.project.committing.commit_report import CommitReport
from gitmodel.project.fsmonitor.seen_weights import note_seen
from gitmodel.project.project import Project
from gitmodel.workflows.register_changes import register_changes

if TYPE_CHECKING:
    from gitmodel.domain.commit_command import Staging
    from gitmodel.project.context import Context


def prepare_commit(context: Context, staging: Staging, *, prefix: str | None = None) -> list[str]:
    """Bring the pointers that a command is about to stage up to the weights on disk.

    Never fails: pre-commit finds again what is wrong, says it, and refuses.

    Args:
        context: The world of the command.
        staging: What the command stages.
        prefix: The folder from which its paths start, relative to the top of the work tree; that of
            the context if not given.

    Returns:
        What to tell the person, a line each.
    """
    with suppress(GitmodelError, OSError), Project.open(context) as project:
        if project.is_set_up():
            start = project.repository.prefix if prefix is None else prefix
            told = _told(_register(project, staging, start))
            note_seen(project)
            return told
    return []


def _register(project: Project, staging: Staging, prefix: str) -> CommitReport:
    paths = _pointers(project, staging, prefix)
    if not paths or project.index.has_conflicts():
        return CommitReport()
    with scratch_index(project.repository, paths) as index:
        # A project of its own, whose index is the scratch one; caches and records are the same.
        environment = {**project.context.environment, "GIT_INDEX_FILE": index.file}
        context = replace(project.context, environment=environment)
        with Project(project.repository, context) as scratch:
            return register_changes(scratch)


def _pointers(project: Project, staging: Staging, prefix: str) -> list[str]:
    """Paths of the pointers that the command stages."""
    entries = project.index.entries(f"*{POINTER_SUFFIX}")
    paths = {entry.path for entry in entries}
    if paths and staging.paths:
        paths &= project.index.paths_at(staging.paths, prefix=prefix)
    return sorted(path for path in paths if os.path.lexists(os.path.join(project.root, path)))


def _told(report: CommitReport) -> list[str]:
    """Only what pre-commit will not find again: it sees weights that have their version."""
    lines = []
    for name, was, version in report.bumped:
        before = f" (was v{was})" if was is not None else ""
        lines.append(f"{name} is v{version}{before}")
        lines += [note for note in report.notes if note.startswith(f"{name}: ")]
    return lines
