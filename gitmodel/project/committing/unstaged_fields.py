"""Fields of a pointer that a user has edited but not staged.

A commit contains what is staged. A new version made during the commit replaces the pointer file, so the
unstaged fields are copied into the new pointer and written to disk after it is staged.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import Pointer
from gitmodel.errors import GitmodelError
from gitmodel.project.models import read_pointer_file

if TYPE_CHECKING:
    from gitmodel.project.project import Project


def unstaged_fields(project: Project, path: str, staged: Pointer, raw: bytes) -> Pointer | None:
    """The pointer on disk, if it is of the staged version and has other fields; None otherwise.

    `raw` is the text of the staged pointer.
    """
    with suppress(GitmodelError):
        there = read_pointer_file(project.root, path)
        if there is None or there == raw:
            return None
        pointer = Pointer.from_text(there, what=path, trust_edits=True)
        if pointer.head == staged.head:
            return pointer
    return None
