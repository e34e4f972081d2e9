"""A pointer in conflict, whatever brought it about, ends with one side taken whole.

What Git leaves in the file is not looked at here: the two stages in the index are what counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import Pointer
from tests.support.operations import NEW, ONE, OTHER, POINTER, TWO, WEIGHTS, World, agree

if TYPE_CHECKING:
    from collections.abc import Callable

# An operation that ends in a conflict: what concludes it, and what ours and theirs are.
Conflict = tuple[tuple[str, ...], bytes, bytes]


def merge(world: World) -> Conflict:
    world.git("merge", "-q", "other")
    return ("commit", "-q", "--no-edit"), TWO, OTHER


def merge_without_commit(world: World) -> Conflict:
    world.git("merge", "-q", "--no-commit", "other")
    return ("merge", "--continue"), TWO, OTHER


def cherry_pick(world: World) -> Conflict:
    world.git("cherry-pick", "other")
    return ("cherry-pick", "--continue"), TWO, OTHER


def revert(world: World) -> Conflict:
    world.version(NEW, "fraud 4")
    world.git("revert", "--no-edit", "HEAD~1")
    return ("revert", "--continue"), NEW, ONE


def rebase(world: World) -> Conflict:
    """Ours is the side that is rebased onto: Git has it so."""
    world.git("rebase", "-q", "main", "other")
    return ("rebase", "--continue"), TWO, OTHER


def rebase_by_apply(world: World) -> Conflict:
    world.git("rebase", "-q", "--apply", "main", "other")
    return ("rebase", "--continue"), TWO, OTHER


def stash_pop(world: World) -> Conflict:
    world.train(NEW)
    world.ana.gitmodel("add", WEIGHTS)
    world.git("stash", "push", "-q")
    world.git("switch", "-q", "other")
    world.git("stash", "pop", "-q")
    return ("stash", "drop", "-q"), OTHER, NEW


CONFLICTS = [merge, merge_without_commit, cherry_pick, revert, rebase, rebase_by_apply, stash_pop]


@pytest.mark.parametrize("side", ["ours", "theirs"])
@pytest.mark.parametrize("conflict", CONFLICTS, ids=lambda conflict: conflict.__name__)
def test_one_side_is_taken_whole(
    conflict: Callable[[World], Conflict], side: str, world: World
) -> None:
    conclude, ours, theirs = conflict(world)
    assert POINTER in world.ana.git("diff", "--name-only", "--diff-filter=U").stdout
    agree(world)

    world.ana.gitmodel("resolve", "fraud", f"--{side}")
    if "metrics.json" in world.ana.git("diff", "--name-only", "--diff-filter=U").stdout:
        world.git("checkout", "-q", f"--{side}", "metrics.json")
        world.git("add", "metrics.json")
    said = world.git(*conclude)

    staged = world.ana.git("diff", "--cached", "--name-only").stdout
    if world.codes[-1] and not staged:  # ours is what is there: Git has nothing to commit
        world.git(conclude[0], "--skip")
    assert world.codes[-1] == 0, said
    pointer = Pointer.from_text(world.ana.read(POINTER), what=POINTER)
    assert pointer.digest == digest_of(ours if side == "ours" else theirs)
    agree(world)
    assert world.ana.read(WEIGHTS) == (ours if side == "ours" else theirs)


@pytest.mark.parametrize("conflict", CONFLICTS[:-1], ids=lambda conflict: conflict.__name__)
def test_giving_up_leaves_everything_as_it_was(
    conflict: Callable[[World], Conflict], world: World
) -> None:
    conclude, _, _ = conflict(world)
    verb = "merge" if conclude[0] == "commit" else conclude[0]

    world.git(verb, "--abort")

    assert world.codes[-1] == 0
    assert world.ana.git("status", "--porcelain").stdout == ""
    agree(world)
