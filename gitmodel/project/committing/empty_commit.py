"""Advice about a commit that contains only new weights.

Git checks for an empty commit before it runs pre-commit, so the hook can only name the command that
helps.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from gitmodel.project.fsmonitor.seen_weights import is_watched
from gitmodel.project.fsmonitor.switch import monitor_config, reason_against

if TYPE_CHECKING:
    from gitmodel.project.committing.commit_notes import CommitReport
    from gitmodel.project.project import Project


def advice(project: Project, report: CommitReport) -> list[str]:
    """Lines to print; empty if the commit contains anything else.

    The commit's index file shows whether the commit is plain, with `-a`, or limited to paths.
    """
    if report.unnamed and not project.index.changed_since_head():
        weights, pointer = report.unnamed[0]
        return [
            f"gitmodel: git commit PATH registers no new version of {weights}, which has changed",
            f"hint: gitmodel commit {shlex.quote(pointer)}",
        ]
    if not report.otherwise_empty:
        return []
    again = "run the same command again: the pointer is staged"
    lines = [f'gitmodel: only the weights changed. If Git reports "nothing to commit", {again}']
    real = os.path.join(project.repository.git_dir, "index")
    if project.index.file != real and not is_watched(project):  # with -a or -i
        switch = "; or let git commit detect new weights: gitmodel install --fsmonitor"
        lines.append(
            "hint: next time, in one command: gitmodel commit -am MESSAGE"
            + (switch if _may_be_switched(project) else "")
        )
    return lines


def _may_be_switched(project: Project) -> bool:
    return monitor_config(project).effective is None and reason_against(project) is None
