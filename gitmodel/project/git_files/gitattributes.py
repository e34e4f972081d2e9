"""The lines in `.gitattributes` for pointers and the files beside them.

A line that a user has written for one of these patterns is never changed, and no line is added for it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gitmodel.errors import GitmodelError

if TYPE_CHECKING:
    from gitmodel.project.project import Project

ATTRIBUTES_FILE: Final = ".gitattributes"
_OURS: Final = "text eol=lf merge=gitmodel"
# Two branches that add a model to the same folder both add a line to its `.gitignore`. With this
# attribute Git keeps both lines, even where gitmodel is not installed.
_WANTED: Final = {
    **dict.fromkeys(("*.model.yaml", "*.alias.yaml", "*.deprecated.yaml"), _OURS),
    ".gitignore": "merge=union",
}


@dataclass(frozen=True, slots=True)
class AttributesState:
    """The state of the patterns."""

    missing: tuple[str, ...]  # without a line; Git treats their files as ordinary text
    edited: tuple[str, ...]  # for which users have written a line of their own


def attributes_state(project: Project) -> AttributesState:
    """Read `.gitattributes` at the top, and the attributes that Git derives from other files. One process."""
    lines = _lines(project)
    own = {pattern: [line for line in lines if line[:1] == [pattern]] for pattern in _WANTED}
    edited = [
        pattern
        for pattern, found in own.items()
        if found and found[-1][1:] != _WANTED[pattern].split(" ")
    ]
    unsaid = [pattern for pattern, found in own.items() if not found]
    elsewhere = _said_elsewhere(project, unsaid)
    missing = [pattern for pattern in unsaid if pattern not in elsewhere]
    return AttributesState(tuple(missing), tuple(edited))


def add_attributes(project: Project) -> tuple[str, ...]:
    """Add the missing lines and stage the file; returns their patterns.

    If the file has unstaged changes, it is not staged. Raises RepositoryError if it cannot be written.
    """
    missing = attributes_state(project).missing
    if not missing:
        return ()
    clean = project.repository.succeeded("diff", "--quiet", "--", ATTRIBUTES_FILE)
    project.repository.ensure_attributes([f"{pattern} {_WANTED[pattern]}" for pattern in missing])
    if clean:
        project.index.stage([ATTRIBUTES_FILE])
    return missing


def _lines(project: Project) -> list[list[str]]:
    """The lines of the top `.gitattributes`, split into words."""
    path = os.path.join(project.root, ATTRIBUTES_FILE)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            return [line.split() for line in stream]
    except OSError:
        return []


def _said_elsewhere(project: Project, patterns: list[str]) -> set[str]:
    """The patterns whose files get the right merge driver from another rule. One process."""
    if not patterns:
        return set()
    names = {pattern: pattern.replace("*", "any") for pattern in patterns}
    try:
        output = project.repository.run("check-attr", "-z", "merge", "--", *names.values())
    except GitmodelError:
        return set()
    words = os.fsdecode(output).split("\0")
    values = dict(zip(words[0::3], words[2::3], strict=False))
    return {
        pattern
        for pattern, name in names.items()
        if values.get(name) == _WANTED[pattern].rpartition("merge=")[2]
    }
