"""A path that a person typed, in the form of Unicode in which paths are recorded (NFC).

macOS takes both forms of `ü` for one name, Linux for two. A pointer that names one of them must find its weights
on both, so weights whose name on the disk is in the other form are not registered before they are renamed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.paths import normalised
from gitmodel.errors import UnsafePathError

if TYPE_CHECKING:
    from gitmodel.project.project import Project


def composed_place(project: Project, place: str) -> str:
    """A path relative to the top of the work tree in composed form, where that is what is on the disk.

    Raises:
        UnsafePathError: On the disk is the same name in another form.
    """
    composed = normalised(place)
    if composed.isascii() or os.path.lexists(os.path.join(project.root, composed)):
        return composed
    here = _twin(project.root, composed)
    if here is None:
        return place
    raise UnsafePathError(
        f"{composed} is on the disk in the decomposed form of Unicode (NFD), which Linux takes for another name",
        hint=f"mv {project.typed(here)} {project.typed(composed)}",
    )


def _twin(root: str, composed: str) -> str | None:
    """The path on the disk that is the same but for its form of Unicode."""
    found = ""
    for part in composed.split("/"):
        names: list[str] = []
        with suppress(OSError):
            names = os.listdir(os.path.join(root, found))
        same = [name for name in names if normalised(name) == part]
        if not same:
            return None
        found = os.path.join(found, part if part in same else same[0])
    return found
