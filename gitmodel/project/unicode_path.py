"""A path given by the user, converted to the Unicode form in which paths are recorded (NFC).

For macOS the two forms of `ü` are the same name, for Linux they are two. A pointer must find its weights on
both systems, so weights with a decomposed name must be renamed before they are registered.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.paths import to_nfc
from gitmodel.errors import UnsafePathError

if TYPE_CHECKING:
    from gitmodel.project.project import Project


def composed_path(project: Project, path: str) -> str:
    """The NFC form of a path relative to the top of the work tree.

    Raises UnsafePathError if the file on disk has the same name in another form.
    """
    composed = to_nfc(path)
    if composed.isascii() or os.path.lexists(os.path.join(project.root, composed)):
        return composed
    decomposed = _twin(project.root, composed)
    if decomposed is None:
        return path
    raise UnsafePathError(
        f"{composed} has a decomposed Unicode name (NFD) on disk, which Linux treats as a "
        "different name",
        hint=f"mv {project.typed(decomposed)} {project.typed(composed)}",
    )


def _twin(root: str, composed: str) -> str | None:
    """The path on disk that differs only in its Unicode form."""
    found = ""
    for part in composed.split("/"):
        names: list[str] = []
        with suppress(OSError):
            names = os.listdir(os.path.join(root, found))
        same = [name for name in names if to_nfc(name) == part]
        if not same:
            return None
        found = os.path.join(found, part if part in same else same[0])
    return found
