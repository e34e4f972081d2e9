"""A version whose commit was given up: its pointer is on disk, and neither staged nor in any commit.

Another hook refused the commit, or its message stayed empty. The next commit takes that version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.project.committed_models import parsed_or_none
from gitmodel.project.committing.decisions import is_merging
from gitmodel.project.models import read_pointer_file

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.adding.next_numbers import Histories
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project


def left_by_earlier_attempt(
    project: Project, model: Model, file: Digest | None, histories: Histories
) -> Pointer | None:
    """The pointer on disk, if an earlier attempt at this commit has made it; None otherwise.

    It is of the weights on disk, follows the staged one, and is in no commit. After `git reset` it is
    in one, and the person decides.

    Args:
        project: The project.
        model: As staged.
        file: Digest of the weights on disk.
        histories: What history says of the models of this commit.
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
