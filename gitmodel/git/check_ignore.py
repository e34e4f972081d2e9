"""Which paths Git tracks and ignores, queried in one process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from gitmodel.git.ignore_rules import (
    append_missing,
    at_or_above,
    deciding_rules,
    folder_within,
    lines_to_ignore,
)

if TYPE_CHECKING:
    from collections.abc import Collection

_FEW = 100  # above this number, filtering here is faster than Git's pathspecs


class Git(Protocol):
    """The methods of `Repository` used here."""

    @property
    def top(self) -> str:
        """The work tree."""

    def run(self, *arguments: str) -> bytes:
        """Run git and return its stdout."""

    def attempt(
        self, *arguments: str, accept: tuple[int, ...], input_bytes: bytes | None = None
    ) -> tuple[int, bytes]:
        """Run git if several exit codes are valid results."""


def tracked_paths(repository: Git, paths: Collection[str]) -> set[str]:
    """The paths that are in the index, or that contain an entry which may belong to a model. One process."""
    wanted = set(paths)
    if not wanted:
        return wanted
    few = ("--", *sorted(wanted)) if len(wanted) <= _FEW else ()
    output = repository.run("--literal-pathspecs", "ls-files", "-z", *few)
    files = os.fsdecode(output).split("\0")
    return at_or_above((f for f in files if not f.rpartition("/")[2].startswith(".git")), wanted)


def add_ignores(repository: Git, paths: Collection[str]) -> set[str]:
    """Add each path to the `.gitignore` beside it; returns the changed `.gitignore` files. One process.

    Nothing is added if a `.gitignore` already covers the path.

    Raises:
        UnsafePathError: A folder is a symbolic link that leads elsewhere.
    """
    folders = {path.rpartition("/")[0] for path in paths}
    inside = {folder: folder_within(repository.top, folder) for folder in folders}
    lines = lines_to_ignore(paths, ignore_rules(repository, paths))
    files = {folder: os.path.join(inside[folder], ".gitignore") for folder in lines}
    changed = [folder for folder in lines if append_missing(files[folder], lines[folder])]
    return {f"{folder}/.gitignore" if folder else ".gitignore" for folder in changed}


def ignore_rules(repository: Git, paths: Collection[str]) -> dict[str, tuple[str, str]]:
    """The rule for each path that matches one: its file and its pattern. One process.

    For example ".gitignore" and "*.bin".
    """
    arguments = ("check-ignore", "--verbose", "--no-index", "-z", "--stdin")
    # `check-ignore` takes no literal pathspecs; a leading ./ disables pathspec magic.
    data = os.fsencode("".join(f"./{path}\0" for path in paths))
    _, output = repository.attempt(*arguments, accept=(0, 1), input_bytes=data)
    return deciding_rules(os.fsdecode(output))
