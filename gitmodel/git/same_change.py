"""Whether a commit on a branch is the change that somebody is about to propose again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.git.cat_file import present_objects
from gitmodel.git.commit_files import write_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.git.repository import Repository


def is_merged(repository: Repository, commit: str, into: str) -> bool:
    """Whether a commit is known to be in the history of another. One process."""
    code, _ = repository.attempt("merge-base", "--is-ancestor", commit, into, accept=(0, 1, 128))
    return code == 0


def makes_same_change(
    repository: Repository,
    commit: str,
    *,
    base: str,
    changes: Mapping[str, str | None],
    message: str,
) -> bool:
    """Whether a commit, which must be present, makes exactly these changes with this message.

    Its parent may be older than the base, if no commit since then has touched these files. Where a shallow clone
    does not have the parent, the answer is no.
    """
    header, _, said = repository.run("cat-file", "commit", commit).partition(b"\n\n")
    lines = header.split(b"\n")
    parents = [line[7:].decode("ascii") for line in lines if line.startswith(b"parent ")]
    tree = lines[0].removeprefix(b"tree ").decode("ascii")
    if said.decode("utf-8", "surrogateescape").strip() != message.strip() or len(parents) != 1:
        return False
    parent = parents[0]
    if parent != base and not _is_as_good(repository, parent, base, changes):
        return False
    return write_tree(repository, parent, changes) == tree


def _is_as_good(
    repository: Repository, parent: str, base: str, changes: Mapping[str, str | None]
) -> bool:
    """Whether the base has the parent in its history, and the same of these files ever since."""
    if not present_objects(repository, [parent], commits=True):
        return False
    if not is_merged(repository, parent, base):
        return False
    since = repository.run(
        *("rev-list", "--max-count=1", f"{parent}..{base}", "--"),
        *(f":(literal){path}" for path in changes),
    )
    return not since
