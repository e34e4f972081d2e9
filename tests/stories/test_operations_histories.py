"""Merges, picks, reverts, rebases, patches: operations that make commits from other commits.

Git does what it does without gitmodel. Weights follow the pointer where a hook runs afterwards; where
none does, `status` names the command, and the command ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.workflows.status import State
from tests.support.operations import (
    EDITOR,
    NEW,
    WEIGHTS,
    agree,
    with_and_without,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.operations import World


def merge_clean(world: World) -> None:
    world.git("merge", "-q", "--no-edit", "side")


def merge_that_brings_a_version(world: World) -> None:
    world.git("switch", "-q", "side")
    world.git("merge", "-q", "--no-edit", "main")


def merge_fast_forward(world: World) -> None:
    world.git("switch", "-q", "-c", "behind", "main~2")
    world.git("merge", "-q", "--ff-only", "main")


def merge_squash(world: World) -> None:
    world.git("switch", "-q", "side")
    world.git("merge", "-q", "--squash", "other")
    world.git("commit", "-qm", "squashed")


def merge_no_commit(world: World) -> None:
    world.git("switch", "-q", "side")
    world.git("merge", "-q", "--no-commit", "other")
    world.git("commit", "-q", "--no-edit")


def merge_octopus(world: World) -> None:
    world.git("branch", "third", "side~1")
    world.git("switch", "-q", "-c", "arms", "main~1")
    world.ana.write("arm.txt", "arm\n")
    world.git("add", "arm.txt")
    world.git("commit", "-qm", "arm")
    world.git("merge", "-q", "--no-edit", "side", "other")


def merge_ours(world: World) -> None:
    world.git("merge", "-q", "--no-edit", "-s", "ours", "other")


def merge_aborted(world: World) -> None:
    world.git("merge", "-q", "other")
    world.git("merge", "--abort")


def cherry_pick(world: World) -> None:
    world.git("cherry-pick", "side")


def cherry_pick_a_version(world: World) -> None:
    world.git("switch", "-q", "side")
    world.git("cherry-pick", "other")


def cherry_pick_without_commit(world: World) -> None:
    world.git("switch", "-q", "side")
    world.git("cherry-pick", "-n", "other")
    world.git("commit", "-qm", "picked")


def cherry_pick_aborted(world: World) -> None:
    world.git("cherry-pick", "other")
    world.git("cherry-pick", "--abort")


def revert_a_version(world: World) -> None:
    world.git("revert", "--no-edit", "HEAD")


def revert_something_else(world: World) -> None:
    world.git("revert", "--no-edit", "HEAD~1")


def rebase(world: World) -> None:
    world.git("rebase", "-q", "main", "side")


def rebase_apply_backend(world: World) -> None:
    world.git("rebase", "-q", "--apply", "main", "side")


def rebase_of_a_version(world: World) -> None:
    world.git("rebase", "-q", "side", "other")


def rebase_that_is_a_fast_forward(world: World) -> None:
    world.git("switch", "-q", "-c", "behind", "main~2")
    world.git("rebase", "-q", "main")


def rebase_onto(world: World) -> None:
    world.git("rebase", "-q", "--onto", "main~2", "main~1", "other")


def rebase_interactive_edit(world: World) -> None:
    world.git("switch", "-q", "-c", "topic")
    world.git("rebase", "-q", "-i", "HEAD~2", GIT_SEQUENCE_EDITOR=f"{EDITOR} 1s/pick/edit/")
    world.git("commit", "-q", "--amend", "-m", "edited")
    world.git("rebase", "--continue")


def rebase_interactive_squash(world: World) -> None:
    world.git("switch", "-q", "-c", "topic")
    world.git("rebase", "-q", "-i", "HEAD~2", GIT_SEQUENCE_EDITOR=f"{EDITOR} 2s/pick/squash/")


def rebase_interactive_reword(world: World) -> None:
    world.git("switch", "-q", "-c", "topic")
    world.git("rebase", "-q", "-i", "HEAD~2", GIT_SEQUENCE_EDITOR=f"{EDITOR} 1s/pick/reword/")


def rebase_interactive_drop(world: World) -> None:
    world.git("switch", "-q", "-c", "topic")
    world.git("rebase", "-q", "-i", "HEAD~1", GIT_SEQUENCE_EDITOR=f"{EDITOR} 1s/pick/drop/")


def rebase_exec(world: World) -> None:
    world.git("switch", "-q", "side")
    world.git("rebase", "-q", "--exec", "test -e code.py", "main")


def rebase_exec_that_fails(world: World) -> None:
    world.git("switch", "-q", "side")
    world.git("rebase", "-q", "--exec", "false", "main")
    world.git("rebase", "--abort")


def rebase_autostash(world: World) -> None:
    world.git("switch", "-q", "side")
    world.ana.write("code.py", "x = 9\n")
    world.git("rebase", "-q", "--autostash", "main")


def rebase_aborted(world: World) -> None:
    world.git("switch", "-q", "other")
    world.git("rebase", "-q", "main")
    world.git("rebase", "--abort")


def rebase_skip(world: World) -> None:
    world.git("switch", "-q", "other")
    world.git("rebase", "-q", "main")
    world.git("rebase", "--skip")


def format_patch_and_am(world: World) -> None:
    world.git("format-patch", "-q", "-1", "-o", "../patches", "other")
    world.git("switch", "-q", "side")
    world.git("am", "-q", *map(str, (world.folder / "patches").glob("*.patch")))


def pull_rebase(world: World) -> None:
    world.git("switch", "-q", "side")
    world.git("pull", "-q", "--rebase", "origin", "main")


def pull_fast_forward(world: World) -> None:
    world.git("reset", "-q", "--hard", "HEAD~1")
    world.git("pull", "-q")


def filter_branch(world: World) -> None:
    rewrite = ("filter-branch", "--msg-filter", "sed s/fraud/FRAUD/", "--", "main")
    world.git(*rewrite, FILTER_BRANCH_SQUELCH_WARNING="1")


def replaced(world: World) -> None:
    world.git("replace", "--graft", "main")
    world.git("log", "-q", "--oneline")


OPERATIONS = [
    *(merge_clean, merge_that_brings_a_version, merge_fast_forward, merge_squash, merge_no_commit),
    *(merge_octopus, merge_ours, merge_aborted, cherry_pick, cherry_pick_a_version),
    *(cherry_pick_without_commit, cherry_pick_aborted, revert_a_version, revert_something_else),
    *(rebase, rebase_apply_backend, rebase_of_a_version, rebase_that_is_a_fast_forward),
    *(rebase_onto, rebase_interactive_edit, rebase_interactive_squash, rebase_interactive_reword),
    *(rebase_interactive_drop, rebase_exec, rebase_exec_that_fails, rebase_autostash),
    *(rebase_aborted, rebase_skip, format_patch_and_am, pull_rebase, pull_fast_forward),
    *(filter_branch, replaced),
]
# After these the weights are those of the pointer, without a further command: a hook ran at the end.
FOLLOWED = {
    *(merge_clean, merge_that_brings_a_version, merge_fast_forward, merge_squash),
    *(merge_octopus, merge_ours, merge_aborted, cherry_pick, cherry_pick_aborted),
    *(revert_something_else, rebase, rebase_apply_backend, rebase_of_a_version),
    *(rebase_that_is_a_fast_forward, rebase_onto, rebase_interactive_edit),
    *(rebase_interactive_squash, rebase_interactive_reword, rebase_exec, rebase_exec_that_fails),
    *(rebase_autostash, rebase_aborted, rebase_skip, pull_rebase, pull_fast_forward),
    *(filter_branch, replaced, rebase_interactive_drop),
}


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
    assert (row.state is State.CLEAN) == (operation in FOLLOWED), row
    if operation not in FOLLOWED:
        assert row.next_command == "gitmodel checkout fraud"


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_new_weights_survive(operation: Callable[[World], None], world: World) -> None:
    """Nobody has saved them yet: no hook may touch them, whatever Git does to the pointer."""
    world.train()
    operation(world)

    assert world.ana.read(WEIGHTS) == NEW
    agree(world)


def test_a_merge_that_brings_a_version_says_one_thing(world: World) -> None:
    """Before post-merge brings the weights, pre-merge-commit advises nothing about them."""
    world.git("switch", "-q", "side")
    world.said = ""

    world.git("merge", "-q", "--no-edit", "main")

    assert world.said == "gitmodel: fraud is v2\n"
