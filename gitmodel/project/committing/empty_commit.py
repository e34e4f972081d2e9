"""What to tell about a commit that has nothing in it but new weights.

Git decides that there is nothing to commit before pre-commit runs, so the hook can only say what helps.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from gitmodel.project.fsmonitor.seen_weights import is_watched
from gitmodel.project.fsmonitor.switch import monitor_place, reason_against

if TYPE_CHECKING:
    from gitmodel.project.committing.commit_report import CommitReport
    from gitmodel.project.project import Project


def advice(project: Project, report: CommitReport) -> list[str]:
    """Lines for the person, none where the commit has something else in it.

    The index that the commit uses says which kind of commit it is: plain, with `-a`, or of paths.
    """
    if report.unnamed and not project.index.changed_since_head():
        weights, pointer = report.unnamed[0]
        return [
            f"gitmodel: git commit PATH makes no version of {weights}, which was written since its last one",
            f"hint: gitmodel commit {shlex.quote(pointer)}",
        ]
    if not report.otherwise_empty:
        return []
    again = "run the same command again: the pointer is ready"
    lines = [
        f"gitmodel: only the weights changed; if Git now says there is nothing to commit, {again}"
    ]
    real = os.path.join(project.repository.git_dir, "index")
    if project.index.file != real and not is_watched(project):  # with -a or -i
        switch = "; or have git commit see new weights: gitmodel install --fsmonitor"
        lines.append(
            "hint: the next time in one command: gitmodel commit -am MESSAGE"
            + (switch if _may_be_switched(project) else "")
        )
    return lines


def _may_be_switched(project: Project) -> bool:
    return monitor_place(project).effective is None and reason_against(project) is None
