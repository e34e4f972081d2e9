"""Alias files of models in the work tree."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import aliases_path_for
from gitmodel.worktree.move import move_entry

if TYPE_CHECKING:
    from gitmodel.project.project import Project


def move_aliases(project: Project, old_pointer: str, new_pointer: str) -> list[str]:
    """Move the alias file along with its pointer; returns the changed paths."""
    old, new = aliases_path_for(old_pointer), aliases_path_for(new_pointer)
    if not os.path.lexists(os.path.join(project.root, old)):
        return []
    move_entry(project.root, old, new)
    return [old, new]
