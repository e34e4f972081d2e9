"""What post-commit does after `git commit PATH`: the real index gets the pointers that pre-commit has staged.

Git commits PATH from a temporary index, and keeps its real index for afterwards. A file in the Git folder lists the
entries that pre-commit has replaced; the script post-commit starts Python only if the file exists.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.project.clone import AFTER_COMMIT_NOTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.project.project import Project


def remove_note(project: Project) -> None:
    """Remove the note of a commit that was abandoned."""
    with suppress(FileNotFoundError):
        os.unlink(_path(project))


def write_note(project: Project, replaced: Mapping[str, str]) -> None:
    """List the replaced entries (path: earlier blob id), if the commit uses a temporary index."""
    if not replaced or not project.index.is_partial:
        return
    with open(_path(project), "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.writelines(f"{oid} {path}\0" for path, oid in replaced.items())


def sync_index(project: Project) -> None:
    """Stage the committed pointers in the real index, where it still has the replaced entries."""
    replaced: dict[str, str] = {}
    with suppress(FileNotFoundError):
        with open(_path(project), encoding="utf-8", errors="surrogateescape") as stream:
            lines = stream.read().split("\0")[:-1]
        replaced = {path: oid for oid, _, path in (line.partition(" ") for line in lines)}
        os.unlink(_path(project))
    project.index.sync_real_index(replaced=replaced)


def _path(project: Project) -> str:
    return os.path.join(project.repository.git_dir, AFTER_COMMIT_NOTE)
