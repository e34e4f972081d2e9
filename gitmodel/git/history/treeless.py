"""History in a clone without trees (`git clone --filter=tree:0`), without fetching any tree.

A walk limited to paths needs the tree of every commit, and Git would fetch them one by one, even inside `git
commit`. So only commits whose tree is present are read: those that were checked out or made here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.git.cat_file import present_objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.git.repository import Repository

_MOST_COMMITS = 1000  # newest first
_MOST_TREES = 25  # each is read by one process


def lacks_trees(repository: Repository) -> bool:
    """Whether this clone lacks trees. No process in a full clone, else one."""
    if not repository.is_partial_clone():
        return False
    question = ("config", "--get-regexp", r"^remote\..*\.partialclonefilter$")
    _, output = repository.attempt(*question, accept=(0, 1))
    return any(line.split(b" ")[-1].startswith(b"tree:") for line in output.splitlines())


def commits_with_trees(repository: Repository, format_: str) -> Iterator[tuple[str, list[str]]]:
    """Yield commits of all refs whose tree is present, newest first, each with lines of `git log`.

    The format has placeholders of git-log(1), one a line. Two processes.
    """
    options = ("--all", f"-n{_MOST_COMMITS}", "--no-show-signature", "--no-color", "-z")
    output = repository.run("log", *options, f"--format=%H%n%T%n{format_}")
    commits = [text.split("\n") for text in output.decode("utf-8", "replace").split("\0") if text]
    present = present_objects(repository, [lines[1] for lines in commits])
    left = _MOST_TREES
    for commit, tree, *lines in commits:
        if tree in present and left:
            left -= 1
            yield commit, lines
