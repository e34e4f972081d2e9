"""`gitmodel install`: update the files that an earlier gitmodel set up in a clone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.files.temporary_names import PREFIX
from gitmodel.git.ignore_rules import append_missing
from gitmodel.project.git_files.gitattributes import add_attributes
from gitmodel.project.git_files.weights_out_of_git import ignore_leftovers
from gitmodel.project.models import read_models

if TYPE_CHECKING:
    from gitmodel.project.project import Project


def renew(project: Project) -> tuple[str, ...]:
    """Update `.gitattributes` (returns the patterns that were added) and the ignore rules of this clone."""
    hide_temporary_files(project)
    return add_attributes(project)


def hide_temporary_files(project: Project) -> None:
    """Hide the temporary files of a killed checkout from `git status` and `git add .`."""
    path = os.path.join(project.repository.common_dir, "info", "exclude")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    append_missing(path, [f"{PREFIX}*"])
    if project.repository.work_tree is None:  # a bare repository has no weights
        return
    ignore_leftovers(project, {model.weights for model in read_models(project).models})
