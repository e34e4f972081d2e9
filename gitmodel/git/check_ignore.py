"""What Git tracks and ignores, asked for many paths by one process."""

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

_FEW = 100  # paths that Git compares with each file of the index


class Git(Protocol):
    """What is needed of a `Repository`."""

    @property
    def top(self) -> str:
        """The work tree."""

    def run(self, *arguments: str) -> bytes:
        """Run git and return its stdout."""

    def attempt(
        self, *arguments: str, accept: tuple[int, ...], input_bytes: bytes | None = None
    ) -> tuple[int, bytes]:
        """Run git where several exit codes are answers."""


def tracked(repository: Git, paths: Collection[str]) -> set[str]:
    """Return which of these paths the index has, or anything below them that can be part of a model.

    One process.
    """
    wanted = set(paths)
    if not wanted:
        return wanted
    few = ("--", *sorted(wanted)) if len(wanted) <= _FEW else ()
    output = repository.run("--literal-pathspecs", "ls-files", "-z", *few)
    files = os.fsdecode(output).split("\0")
    return at_or_above((f for f in files if not f.rpartition("/")[2].startswith(".git")), wanted)


def add_ignores(repository: Git, paths: Collection[str]) -> set[str]:
    """Make the `.gitignore` beside each path name it; returns the `.gitignore` files that changed.

    Nothing is added where a `.gitignore` of the work tree covers a path already. One process.

    Raises:
        UnsafePathError: A symbolic link leads one of their folders elsewhere.
    """
    folders = {path.rpartition("/")[0] for path in paths}
    inside = {folder: folder_within(repository.top, folder) for folder in folders}
    lines = lines_to_ignore(paths, ignore_rules(repository, paths))
    files = {folder: os.path.join(inside[folder], ".gitignore") for folder in lines}
    changed = [folder for folder in lines if append_missing(files[folder], lines[folder])]
    return {f"{folder}/.gitignore" if folder else ".gitignore" for folder in changed}


def ignore_rules(repository: Git, paths: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return, for each path that a rule is about, where the rule stands, and the rule.

    Such as ".gitignore" and "*.bin". One process.
    """
    arguments = ("check-ignore", "--verbose", "--no-index", "-z", "--stdin")
    # This command takes no literal pathspecs; with ./ in front nothing else is magic.
    data = os.fsencode("".join(f"./{path}\0" for path in paths))
    _, output = repository.attempt(*arguments, accept=(0, 1), input_bytes=data)
    return deciding_rules(os.fsdecode(output))
