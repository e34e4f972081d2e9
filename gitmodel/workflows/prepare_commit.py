"""Register new weights before Git decides whether there is something to commit.

Git ignores weights, and reports "nothing to commit" before pre-commit runs. So the pointers that a command stages
are updated on disk first, and Git finds them changed. The index is not touched, because Git may have locked it.
Errors are left to pre-commit, which finds them again. `gitmodel commit` and the fsmonitor hook share this step.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import POINTER_SUFFIX
from gitmodel.errors import GitmodelError
from gitmodel.git.scratch_index import scratch_index
from gitmodel.project.committing.commit_notes import CommitReport
from gitmodel.project.fsmonitor.seen_weights import note_seen
from gitmodel.project.project import Project
from gitmodel.workflows.register_changes import register_changes

if TYPE_CHECKING:
    from gitmodel.domain.commit_command import Staging
    from gitmodel.project.context import Context


def prepare_commit(context: Context, staging: Staging, *, prefix: str | None = None) -> list[str]:
    """Register the changed weights of the pointers that a command stages; returns lines to print.

    Raises no errors. The paths are relative to `prefix`, a folder from the top of the work tree, or to the
    current folder.
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
        # A second project with the scratch index; it shares cache and records.
        environment = {**project.context.environment, "GIT_INDEX_FILE": index.file}
        context = replace(project.context, environment=environment)
        with Project(project.repository, context) as scratch:
            return register_changes(scratch)


def _pointers(project: Project, staging: Staging, prefix: str) -> list[str]:
    """The pointers that the command stages."""
    entries = project.index.entries(f"*{POINTER_SUFFIX}")
    paths = {entry.path for entry in entries}
    if paths and staging.paths:
        paths &= project.index.paths_at(staging.paths, prefix=prefix)
    return sorted(path for path in paths if os.path.lexists(os.path.join(project.root, path)))


def _told(report: CommitReport) -> list[str]:
    """The new versions and their notes. Pre-commit reports everything else again."""
    lines = []
    for name, was, version in report.bumped:
        before = f" (was v{was})" if was is not None else ""
        lines.append(f"{name} is v{version}{before}")
        lines += [note for note in report.notes if note.startswith(f"{name}: ")]
    return lines
