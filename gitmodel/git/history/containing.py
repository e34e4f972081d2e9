"""Which commits and refs contain a commit: git-merge-base(1), git-for-each-ref(1)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.git.repository import Repository


def is_ancestor(repository: Repository, commit: str, tip: str) -> bool:
    """Whether a commit is `tip` or one of its ancestors. One process."""
    return repository.succeeded("merge-base", "--is-ancestor", commit, tip)


def refs_containing(repository: Repository, commit: str) -> list[str]:
    """The short names of branches and tags that contain a commit, remote-tracking branches first. One process."""
    output = repository.run(
        *("for-each-ref", f"--contains={commit}", "--format=%(refname)%00%(refname:short)"),
        *("refs/remotes", "refs/heads", "refs/tags"),
    )
    lines = [line.split("\0") for line in os.fsdecode(output).splitlines()]
    order = ("refs/remotes/", "refs/heads/", "refs/tags/")
    found = [(ref, short) for ref, short in lines if not ref.endswith("/HEAD")]
    return [short for prefix in order for ref, short in found if ref.startswith(prefix)]


def not_in_history(
    repository: Repository, commits: Iterable[str], tip: str | None
) -> frozenset[str]:
    """Those of the commits that are neither `tip` nor one of its ancestors. One process: git-rev-list(1)."""
    wanted = sorted(set(commits))
    if tip is None or not wanted:
        return frozenset(wanted)
    lines = "".join(f"{commit}\n" for commit in (*wanted, f"^{tip}"))
    output = repository.run("rev-list", "--stdin", input_bytes=lines.encode())
    return frozenset(output.decode().split()) & frozenset(wanted)


def not_reachable_from(repository: Repository, tip: str) -> frozenset[str] | None:
    """The commits of all refs that are neither `tip` nor its ancestors; None if no ref reaches `tip`.

    One or two processes: git-rev-list(1).
    """
    if repository.run("rev-list", "--max-count=1", tip, "--not", "--all").strip():
        return None
    output = repository.run("rev-list", "--all", "--not", tip)
    return frozenset(output.decode("ascii").split())
