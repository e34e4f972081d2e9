"""Operations that move the work tree, the index or HEAD: stash, reset, switch, restore, bisect, clean.

Most of them run no hook at all, or post-checkout alone. Git does what it does without gitmodel; then
the weights are the pointer's, or `status` names the command that makes them so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.workflows.status import State
from tests.support.operations import NEW, ONE, OTHER, POINTER, TWO, WEIGHTS, agree, with_and_without

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.operations import World


def stash_and_pop(world: World) -> None:
    world.ana.write("code.py", "x = 9\n")
    world.git("stash", "push", "-q")
    world.git("stash", "pop", "-q")


def stash_apply_with_untracked(world: World) -> None:
    world.ana.write("code.py", "x = 9\n")
    world.ana.write("new.py", "y = 1\n")
    world.git("stash", "push", "-q", "--include-untracked")
    world.git("stash", "apply", "-q", "--index")
    world.git("stash", "drop", "-q")


def reset_hard(world: World) -> None:
    world.git("reset", "-q", "--hard", "HEAD~1")


def reset_hard_and_back(world: World) -> None:
    world.git("reset", "-q", "--hard", "HEAD~1")
    world.git("reset", "-q", "--hard", "ORIG_HEAD")


def reset_soft(world: World) -> None:
    world.git("reset", "-q", "--soft", "HEAD~1")


def reset_mixed(world: World) -> None:
    world.git("reset", "-q", "--mixed", "HEAD~1")


def reset_keep(world: World) -> None:
    world.git("update-index", "-q", "--refresh")  # it trusts the stat of files, which are copies
    world.git("reset", "-q", "--keep", "other")


def switch(world: World) -> None:
    world.git("switch", "-q", "other")


def switch_and_back(world: World) -> None:
    world.git("switch", "-q", "other")
    world.git("switch", "-q", "-")


def switch_detached(world: World) -> None:
    world.git("switch", "-q", "--detach", "HEAD~1")


def checkout_force(world: World) -> None:
    world.ana.write("code.py", "x = 9\n")
    world.git("checkout", "-qf", "other")


def checkout_a_new_branch(world: World) -> None:
    world.git("checkout", "-q", "-b", "topic", "side")


def restore_file(world: World) -> None:
    world.ana.write("code.py", "x = 9\n")
    world.git("restore", "code.py")


def restore_pointer_from_elsewhere(world: World) -> None:
    world.git("restore", "--source", "other", POINTER)


def restore_staged(world: World) -> None:
    world.git("rm", "-q", "--cached", POINTER)
    world.git("restore", "--staged", POINTER)


def checkout_pointer_of_another_commit(world: World) -> None:
    world.git("checkout", "-q", "HEAD~1", "--", POINTER)


def remove_the_pointer_and_bring_it_back(world: World) -> None:
    world.git("rm", "-q", POINTER)
    world.git("checkout", "-q", "HEAD", "--", POINTER)


def add_a_worktree(world: World) -> None:
    world.git("worktree", "add", "-q", "../linked", "other")
    world.git("worktree", "remove", "../linked")


def bisect(world: World) -> None:
    world.git("bisect", "start", "main", "main~3")
    world.git("bisect", "run", "grep", "-q", "x = 1", "code.py")
    world.git("bisect", "reset")


def clean(world: World) -> None:
    world.ana.write("junk.txt", "junk\n")
    world.git("clean", "-qfd")


def collect_garbage(world: World) -> None:
    world.git("commit", "-q", "--amend", "-m", "reworded")
    world.git("reflog", "expire", "--expire=now", "--all")
    world.git("gc", "-q", "--prune=now")


def repack(world: World) -> None:
    world.git("repack", "-qad")
    world.git("pack-refs", "--all")


def delete_a_branch(world: World) -> None:
    world.git("branch", "-qD", "other")


def sparse(world: World) -> None:
    world.git("sparse-checkout", "set", "nothing")
    world.git("sparse-checkout", "disable")


def rename_a_branch(world: World) -> None:
    world.git("branch", "-m", "main", "trunk")


OPERATIONS = [
    *(stash_and_pop, stash_apply_with_untracked, reset_hard, reset_hard_and_back, reset_soft),
    *(reset_mixed, reset_keep, switch, switch_and_back, switch_detached, checkout_force),
    *(checkout_a_new_branch, restore_file, restore_pointer_from_elsewhere, restore_staged),
    *(checkout_pointer_of_another_commit, remove_the_pointer_and_bring_it_back, add_a_worktree),
    *(bisect, clean, collect_garbage, repack, delete_a_branch, sparse, rename_a_branch),
]
# Git runs no hook after these, and they move the pointer.
NOT_FOLLOWED = {reset_hard, reset_keep}


def name_of(operation: Callable[[World], None]) -> str:
    return operation.__name__


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_git_does_exactly_what_it_does_without_gitmodel(
    operation: Callable[[World], None], world: World
) -> None:
    ours, without, world = with_and_without(world, operation, new_weights=False)

    assert ours == without
    row = agree(world)
    assert row is not None
    assert row.state is (State.STALE if operation in NOT_FOLLOWED else State.CLEAN)


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_new_weights_survive(operation: Callable[[World], None], world: World) -> None:
    world.train()
    operation(world)

    assert world.ana.read(WEIGHTS) == NEW
    agree(world)


def test_weights_follow_a_bisection(world: World) -> None:
    """Each step has the weights of its own commit, so that a script can look for a bad version."""
    world.git("bisect", "start", "main", "main~2")

    world.git("bisect", "run", "grep", "-q", "weights 1", WEIGHTS)

    assert "weights 1" in ONE.decode()
    first_bad = world.ana.git("rev-parse", "refs/bisect/bad").stdout
    assert first_bad == world.ana.git("rev-parse", "main").stdout
    world.git("bisect", "reset")
    agree(world)


def test_a_version_that_is_stashed_is_not_lost_and_comes_back(world: World) -> None:
    """Stash takes the pointer back and runs no hook; the weights are in the cache by then."""
    world.train()
    world.ana.gitmodel("add", WEIGHTS)
    world.git("stash", "push", "-q")
    row = agree(world)
    assert row is not None
    assert row.next_command == "gitmodel checkout fraud"
    assert world.ana.read(WEIGHTS) == TWO

    world.git("stash", "pop", "-q")

    agree(world)
    assert world.ana.read(WEIGHTS) == NEW


def test_after_a_mixed_reset_the_commit_of_something_else_names_the_unstaged_pointer(
    world: World,
) -> None:
    """The weights are those of the pointer on disk: only its staging is missing."""
    world.git("reset", "-q", "--mixed", "HEAD~1")
    world.ana.write("other.py", "y = 1\n")
    world.git("add", "other.py")

    said = world.git("commit", "-qm", "something else")

    assert "git add fraud.model.yaml" in said
    assert world.ana.read(WEIGHTS) == TWO
    row = agree(world)
    assert row is not None
    assert row.state is State.CLEAN
    assert row.next_command == "git add fraud.model.yaml, then git commit"


def test_git_clean_with_x_takes_weights_that_a_commit_has_seen(world: World) -> None:
    """Git deletes what it ignores, without a hook. What was committed or added is in the cache."""
    world.git("clean", "-qfdx")
    assert not (world.ana.path / WEIGHTS).exists()

    row = agree(world)

    assert row is not None
    assert row.state is State.MISSING
    assert world.ana.read(WEIGHTS) == TWO


def test_weights_of_an_uncommitted_merge_side_are_not_lost(world: World) -> None:
    world.git("merge", "-q", "--no-commit", "side")
    world.train()

    world.git("merge", "--abort")

    assert world.ana.read(WEIGHTS) == NEW
    agree(world)


def test_the_other_branchs_weights_are_there_after_a_switch(world: World) -> None:
    world.git("switch", "-q", "other")
    assert world.ana.read(WEIGHTS) == OTHER
    world.git("switch", "-q", "side")
    assert world.ana.read(WEIGHTS) == ONE
