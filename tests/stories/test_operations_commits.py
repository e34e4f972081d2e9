"""Every way to commit: Git's result is as without gitmodel, and new weights are a version in it.

With clean weights the same commands give the same commit ids, the same index and the same exit codes
with and without the hooks. With new weights the commit has the pointer besides, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stories.conftest import version_in
from tests.support.operations import (
    NEW,
    POINTER,
    TWO,
    WEIGHTS,
    agree,
    with_and_without,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.operations import World


def commit(world: World) -> None:
    world.ana.write("code.py", "x = 3\n")
    world.git("add", "code.py")
    world.git("commit", "-qm", "code")


def commit_all(world: World) -> None:
    world.ana.write("code.py", "x = 3\n")
    world.git("commit", "-qam", "code")


def commit_patch(world: World) -> None:
    world.ana.write("code.py", "x = 3\n")
    world.answer("y\n", "commit", "-p", "-m", "code")


def commit_include(world: World) -> None:
    world.ana.write("code.py", "x = 3\n")
    world.ana.write("other.py", "y = 1\n")
    world.git("add", "other.py")
    world.git("commit", "-q", "-i", "code.py", "-m", "code")


def commit_empty(world: World) -> None:
    world.git("commit", "-q", "--allow-empty", "-m", "empty")


def amend(world: World) -> None:
    world.git("commit", "-q", "--amend", "-m", "reworded")


def amend_with_more(world: World) -> None:
    world.ana.write("code.py", "x = 3\n")
    world.git("commit", "-qa", "--amend", "--no-edit")


def fixup(world: World) -> None:
    world.ana.write("code.py", "x = 3\n")
    world.git("commit", "-qa", "--fixup", "HEAD")


def author(world: World) -> None:
    world.git("commit", "-q", "--allow-empty", "--author", "Cem <cem@example.org>", "-m", "as Cem")


def on_a_detached_head(world: World) -> None:
    world.git("switch", "-q", "--detach")
    commit(world)


def on_an_orphan_branch(world: World) -> None:
    world.git("switch", "-q", "--orphan", "fresh")
    world.ana.write("code.py", "x = 3\n")
    world.git("add", "code.py")
    world.git("commit", "-qm", "fresh")


WITH_THE_POINTER = [
    commit,
    commit_all,
    commit_patch,
    commit_include,
    commit_empty,
    amend,
    amend_with_more,
    fixup,
    author,
    on_a_detached_head,
]


def commit_path(world: World) -> None:
    world.ana.write("code.py", "x = 3\n")
    world.git("commit", "-q", "code.py", "-m", "code")


def commit_without_hooks(world: World) -> None:
    world.ana.write("code.py", "x = 3\n")
    world.git("commit", "-q", "--no-verify", "-am", "code")


def dry_run(world: World) -> None:
    world.ana.write("code.py", "x = 3\n")
    world.git("commit", "-a", "--dry-run")


def nothing_to_commit(world: World) -> None:
    world.git("commit", "-qam", "nothing")


WITHOUT_THE_POINTER = [commit_path, commit_without_hooks, dry_run, on_an_orphan_branch]


@pytest.mark.parametrize(
    "operation",
    [*WITH_THE_POINTER, *WITHOUT_THE_POINTER, nothing_to_commit],
    ids=lambda operation: operation.__name__,
)
def test_with_clean_weights_git_does_exactly_what_it_does_without_gitmodel(
    operation: Callable[[World], None], world: World
) -> None:
    ours, without, world = with_and_without(world, operation, new_weights=False)

    assert ours == without
    agree(world)


@pytest.mark.parametrize("operation", WITH_THE_POINTER, ids=lambda operation: operation.__name__)
def test_new_weights_are_a_version_in_that_commit(
    operation: Callable[[World], None], world: World
) -> None:
    ours, without, world = with_and_without(world, operation, new_weights=True)

    assert (ours.codes, ours.history, ours.files) == (without.codes, without.history, without.files)
    assert version_in(world.ana.git("show", f"HEAD:{POINTER}").stdout) == 4
    assert world.ana.git("status", "--porcelain").stdout == ""
    assert world.ana.read(WEIGHTS) == NEW
    row = agree(world)
    assert row is not None
    assert row.next_command == "git push"


@pytest.mark.parametrize("operation", WITHOUT_THE_POINTER, ids=lambda operation: operation.__name__)
def test_new_weights_that_a_commit_leaves_out_are_in_the_next_one(
    operation: Callable[[World], None], world: World
) -> None:
    """`git commit PATH` names no model here, and `--no-verify` runs no pre-commit."""
    ours, without, world = with_and_without(world, operation, new_weights=True)

    assert (ours.codes, ours.history, ours.files) == (without.codes, without.history, without.files)
    assert world.ana.read(WEIGHTS) == NEW
    agree(world)


def test_after_commit_path_of_the_pointer_the_index_is_right(world: World) -> None:
    """Measured: what a hook stages in `git commit PATH` is undone by the next commit otherwise."""
    world.train()
    world.ana.gitmodel("add", WEIGHTS)
    world.train(NEW + b"trained on")
    world.ana.write("code.py", "x = 3\n")
    world.git("add", "code.py")

    world.git("commit", "-q", POINTER, "-m", "fraud")

    assert version_in(world.ana.git("show", f"HEAD:{POINTER}").stdout) == 4
    assert world.ana.git("status", "--porcelain").stdout == "M  code.py\n"
    world.git("commit", "-qm", "code")
    assert version_in(world.ana.git("show", f"HEAD:{POINTER}").stdout) == 4
    agree(world)


def test_after_commit_path_of_an_edited_pointer_the_index_is_right(world: World) -> None:
    """The check of a pointer edited by hand is renewed in the commit, and stays renewed."""
    text = world.ana.read(POINTER).decode()
    world.ana.write(POINTER, text.replace("check:", 'description: "cards"\ncheck:'))

    world.git("commit", "-q", POINTER, "-m", "describe it")

    assert world.ana.git("status", "--porcelain").stdout == ""
    world.git("commit", "-q", "--allow-empty", "-m", "next")
    agree(world)


def test_amending_an_unpushed_version_with_other_weights_takes_a_new_number(world: World) -> None:
    """The number of the amended commit may be known elsewhere: gaps are fine, doubles are not."""
    world.version(NEW, "fraud 4")
    world.ana.git("branch", "keeps-it")
    world.train(NEW + b"again")
    world.ana.write("code.py", "x = 4\n")

    world.git("commit", "-q", "-a", "--amend", "--no-edit")

    assert version_in(world.ana.git("show", f"HEAD:{POINTER}").stdout) == 5
    agree(world)


def test_weights_of_an_earlier_version_give_the_commit_that_versions_pointer(world: World) -> None:
    world.git("switch", "-q", "other")
    world.train(TWO)
    world.ana.write("code.py", "x = 3\n")

    world.git("commit", "-qam", "back to 2")

    assert (
        world.ana.git("show", f"HEAD:{POINTER}").stdout
        == world.ana.git("show", f"main:{POINTER}").stdout
    )
    agree(world)


def test_of_nothing_but_weights_the_same_command_again_is_the_commit(world: World) -> None:
    """Git reads the index before it runs the hook: docs/decisions/02-one-command-commits.md.

    With the switch it asks gitmodel before it looks: the only result that the switch changes.
    """
    ours, without, world = with_and_without(world, nothing_to_commit, new_weights=True)
    assert without.codes == (1,)
    if not world.switch:
        assert ours.codes == (1,)
        assert "run the same command again" in world.said
        world.git("commit", "-qam", "fraud 4")

    assert world.codes[-1] == 0
    assert version_in(world.ana.git("show", f"HEAD:{POINTER}").stdout) == 4
    assert world.ana.git("rev-list", "--count", "main@{upstream}..main").stdout == "1\n"
    agree(world)


def test_a_refused_commit_changes_neither_index_nor_weights(world: World) -> None:
    """Somebody else's pre-commit says no after ours said yes: the version waits for the next."""
    hook = world.ana.path / ".git/hooks/commit-msg"
    hook.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    world.train()
    commit_all(world)
    assert world.codes == [1]
    hook.unlink()

    world.git("commit", "-qam", "code")

    assert version_in(world.ana.git("show", f"HEAD:{POINTER}").stdout) == 4
    agree(world)


def test_a_pointer_that_is_only_intended_to_be_added_stops_no_commit(world: World) -> None:
    """`git add -N` gives the index an empty entry, which is no part of the commit."""
    world.ana.write("churn.bin", NEW)
    world.ana.gitmodel("add", "churn.bin")
    world.git("reset", "-q", "-N")
    world.ana.write("code.py", "x = 3\n")
    world.git("add", "code.py")

    said = world.git("commit", "-qm", "code")

    assert set(world.codes) == {0}, said
    assert world.ana.git("ls-tree", "HEAD", "churn.model.yaml").stdout == ""
    world.git("commit", "-qam", "churn 1")
    assert version_in(world.ana.git("show", "HEAD:churn.model.yaml").stdout) == 1


@pytest.mark.parametrize("again", [("-am",), ("-m",)])
def test_a_version_whose_commit_another_hook_refused_is_in_the_next_commit(
    world: World, again: tuple[str, ...]
) -> None:
    """`commit -a` had an index of its own, which Git dropped: the pointer is left on disk, unstaged."""
    ana = world.ana
    world.train()
    ana.write("code.py", "x = 3\n")
    hook = ana.path / ".git/hooks/commit-msg"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert ana.git("commit", "-qam", "refused", check=False).returncode == 1
    assert version_in(ana.read(POINTER).decode()) > 2
    hook.unlink()
    ana.git("add", "code.py")

    ana.git("commit", "-q", *again, "code")

    assert version_in(ana.git("show", f"HEAD:{POINTER}").stdout) == version_in(
        ana.read(POINTER).decode()
    )
    assert ana.git("status", "--porcelain").stdout == ""


def test_a_version_whose_commit_was_given_up_is_not_in_a_commit_of_other_paths(
    world: World,
) -> None:
    ana = world.ana
    world.train()
    ana.write("code.py", "x = 3\n")
    ana.git("commit", "-qa", check=False, env={"GIT_EDITOR": "false"})

    ana.git("commit", "-qm", "code", "code.py")

    assert version_in(ana.git("show", f"HEAD:{POINTER}").stdout) == 2
