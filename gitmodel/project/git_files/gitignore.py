"""Ignore weights through the `.gitignore` beside them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.git.ignore_rules import add_ignores, ignore_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.project.project import Project


def ignore_weights(project: Project, places: Sequence[str]) -> list[str]:
    """Add weights to the `.gitignore` beside them; returns the files to stage. At most four processes."""
    changed = add_ignores(project.repository, places)
    lines: dict[str, set[str]] = {}
    for place in places:
        folder, slash, name = place.rpartition("/")
        lines.setdefault(f"{folder}{slash}.gitignore", set()).add(ignore_line(name))
    return sorted(changed | _not_in_index(project, lines, changed))


def _not_in_index(project: Project, lines: dict[str, set[str]], changed: set[str]) -> set[str]:
    """Files that have such a line on disk but not in the index, because an earlier run was killed."""
    unstaged = {}
    for path in lines.keys() - changed:
        found = lines[path] & _lines_of(project, path)
        if found:
            unstaged[path] = found
    if not unstaged:
        return set()
    staged = {entry.path: entry.oid for entry in project.index.entries(".gitignore")}
    blobs = project.reader.blobs([staged[path] for path in unstaged if path in staged])
    committed = {
        path: set(os.fsdecode(blobs.get(staged.get(path, ""), b"")).splitlines())
        for path in unstaged
    }
    return {path for path, found in unstaged.items() if not found <= committed[path]}


def _lines_of(project: Project, path: str) -> set[str]:
    try:
        with open(os.path.join(project.root, path), "rb") as stream:
            return set(os.fsdecode(stream.read()).splitlines())
    except FileNotFoundError:
        return set()
