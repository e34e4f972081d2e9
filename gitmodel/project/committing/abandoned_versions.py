"""A version whose commit failed: its pointer is on disk, but neither staged nor committed.

This happens if another hook refuses the commit, or if its message is empty. The next commit uses
that version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.project.committed_models import parsed_or_none
from gitmodel.project.committing.version_decisions import is_merging
from gitmodel.project.models import read_pointer_file

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.history.histories import Histories
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project


def pointer_of_failed_commit(
    project: Project, model: Model, file: Digest | None, histories: Histories
) -> Pointer | None:
    """The pointer on disk, if a failed attempt at this commit wrote it; None otherwise.

    Such a pointer names the weights on disk (digest `file`), follows the staged version of `model`, and
    is in no commit. After `git reset` it is in a commit, so the user decides.
    """
    if is_merging(project):
        return None
    raw = read_pointer_file(project.root, model.path)
    left = None if raw is None else parsed_or_none(raw, model.path)
    if left is None or left.digest != file or left.name != model.name or left.previous is None:
        return None
    staged = model.pointer
    if (left.previous.version, left.previous.digest) != (staged.version, staged.digest):
        return None
    return None if histories.of(model.name).version_of(left.digest) is not None else left
