"""What a person has written into a pointer on disk and not staged: it stays on disk, beside what is staged.

A commit takes what is staged (git-commit(1)). A version that is made inside it replaces the file, so words
that are not part of the commit are laid over the new pointer and written again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import Pointer
from gitmodel.errors import GitmodelError
from gitmodel.project.models import read_pointer_file

if TYPE_CHECKING:
    from gitmodel.project.project import Project


def unstaged_words(project: Project, path: str, staged: Pointer, raw: bytes) -> Pointer | None:
    """The pointer on disk if it is of the staged version and says something else, None otherwise.

    Args:
        project: The project.
        path: Of the pointer.
        staged: What is staged.
        raw: The bytes that are staged.
    """
    with suppress(GitmodelError):
        there = read_pointer_file(project.root, path)
        if there is None or there == raw:
            return None
        pointer = Pointer.from_text(there, what=path, trust_edits=True)
        if pointer.head == staged.head:
            return pointer
    return None
