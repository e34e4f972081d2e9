"""The branches and tags that have each of many commits: one walk instead of one process for each commit."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from gitmodel.git.repository import Repository

MAX_REFS = 1000  # a commit keeps a bit for each
_NAMESPACES = ("refs/heads", "refs/remotes", "refs/tags")


def refs_of_commits(
    repository: Repository, commits: Collection[str]
) -> dict[str, tuple[str, ...]] | None:
    """The short names of the refs that reach each commit: branches, then remote-tracking branches, then tags.

    A commit that no ref reaches has none. None if there are more than `MAX_REFS` refs. Two processes:
    git-for-each-ref(1), git-rev-list(1).
    """
    refs = _refs(repository)
    if len(refs) > MAX_REFS:
        return None
    reached: dict[str, int] = {}
    for number, (_, tip) in enumerate(refs):
        reached[tip] = reached.get(tip, 0) | 1 << number
    lines = "".join(f"{tip}\n" for tip in reached).encode("ascii")
    found: dict[str, int] = {}
    if lines:
        output = repository.run(
            "rev-list", "--topo-order", "--parents", "--stdin", input_bytes=lines
        )
        wanted = frozenset(commits)
        for line in output.decode("ascii").splitlines():
            commit, *parents = line.split(" ")
            bits = reached.pop(commit, 0)  # its children came before it
            for parent in parents:
                reached[parent] = reached.get(parent, 0) | bits
            if commit in wanted:
                found[commit] = bits
    names: dict[int, tuple[str, ...]] = {}
    for bits in {*found.values(), 0}:
        names[bits] = tuple(name for number, (name, _) in enumerate(refs) if bits >> number & 1)
    return {commit: names[found.get(commit, 0)] for commit in commits}


def _refs(repository: Repository) -> list[tuple[str, str]]:
    """Short names and commits of branches and tags; tags of other objects are left out."""
    format_ = (
        "%(refname:short)%00%(symref)%00%(objecttype) %(objectname)%00%(*objecttype) %(*objectname)"
    )
    found = []
    for namespace in _NAMESPACES:
        output = repository.run("for-each-ref", f"--format={format_}", namespace)
        for line in os.fsdecode(output).splitlines():
            name, symbolic, itself, peeled = line.split("\0")
            kind, _, oid = (peeled if itself.startswith("tag ") else itself).partition(" ")
            if kind == "commit" and not symbolic:  # origin/HEAD is another ref's name
                found.append((name, oid))
    return found
