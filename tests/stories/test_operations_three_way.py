"""File, have and pointer in real repositories: the situations behind the table of the decision.

`tests/domain/test_three_way.py` has the table. Here real Git brings about each way in which the three
can differ, and the commit after it does what the table says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.workflows.status import State
from tests.stories.conftest import version_in
from tests.support.operations import EDITOR, NEW, ONE, POINTER, TWO, WEIGHTS, agree

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.operations import World


# Ways to move the pointer of "main" away from version 2, and what it is then.


def reset(world: World) -> int:
    world.git("reset", "-q", "--hard", "HEAD~1")
    return 1


def revert(world: World) -> int:
    world.git("revert", "--no-edit", "HEAD")
    return 1


def cherry_pick(world: World) -> int:
    world.git("reset", "-q", "--hard", "side")
    world.git("cherry-pick", "other")
    return 3


def pull(world: World) -> int:
    """Ben's version comes without its weights: they are not in Ana's cache."""
    world.git("branch", "-qD", "other")  # where Ana has a version 3 of her own
    world.version(b"Ben's weights\n", "fraud 3 by Ben", who=world.ben)
    world.git("push", "-q", who=world.ben)
    world.git("pull", "-q", "--no-rebase")
    return 3


def stash(world: World) -> int:
    world.train(b"to be stashed\n")
    world.ana.gitmodel("add", WEIGHTS)
    world.git("stash", "push", "-q")
    return 2


def plumbing(world: World) -> int:
    """As libgit2 and graphical clients that are built on it do it: no hook."""
    world.git("update-ref", "refs/heads/main", "side")
    world.git("read-tree", "-u", "--reset", "HEAD")
    return 1


MOVES = [reset, revert, cherry_pick, pull, stash, plumbing]


def name_of(move: Callable[[World], int]) -> str:
    return move.__name__


def commit_something(world: World) -> int:
    world.ana.write("else.py", "z = 1\n")
    world.git("add", "else.py")
    world.git("commit", "-qam", "something else")
    return world.codes[-1]


@pytest.mark.parametrize("move", MOVES, ids=name_of)
def test_stale_weights_leave_the_pointer_that_git_moved(
    move: Callable[[World], int], world: World
) -> None:
    """File = have: the weights are as gitmodel left them, so the pointer is right."""
    number = move(world)

    assert commit_something(world) == 0

    assert version_in(world.ana.git("show", f"HEAD:{POINTER}").stdout) == number
    agree(world)


@pytest.mark.parametrize("move", MOVES, ids=name_of)
def test_new_weights_under_a_pointer_that_git_moved_are_a_choice(
    move: Callable[[World], int], world: World
) -> None:
    """All three differ: refused with both ways out, and both work."""
    number = move(world)
    world.train()
    before = world.ana.git("rev-parse", "HEAD").stdout

    assert commit_something(world) == 1

    assert "gitmodel add fraud.bin" in world.said
    assert "gitmodel checkout --force fraud" in world.said
    assert world.ana.git("rev-parse", "HEAD").stdout == before
    assert world.ana.read(WEIGHTS) == NEW
    row = agree(world)
    assert row is not None
    assert row.state is State.CHOOSE
    world.ana.gitmodel("add", WEIGHTS)
    assert commit_something(world) == 0
    assert version_in(world.ana.git("show", f"HEAD:{POINTER}").stdout) > max(number, 3)
    agree(world)


def test_weights_of_a_known_version_under_a_moved_pointer_are_a_choice(world: World) -> None:
    world.git("switch", "-q", "other")
    world.git("reset", "-q", "--hard", "main")
    world.train(ONE)

    assert commit_something(world) == 1
    agree(world)


def test_missing_weights_never_touch_the_pointer(world: World) -> None:
    (world.ana.path / WEIGHTS).unlink()

    assert commit_something(world) == 0

    assert version_in(world.ana.git("show", f"HEAD:{POINTER}").stdout) == 2
    agree(world)


def test_a_pointer_in_conflict_is_left_to_git(world: World) -> None:
    """Git itself refuses the commit while it is unmerged; nobody's weights are touched."""
    world.git("merge", "-q", "other")
    world.train()
    world.git("commit", "-qm", "too early")
    assert world.codes[-1] == 128

    assert commit_something(world) == 1, "with -a, which stages the pointer as it stands"

    assert "gitmodel resolve fraud --ours|--theirs" in world.said
    assert world.ana.read(WEIGHTS) == NEW
    agree(world)


def test_a_broken_pointer_stops_the_commit_with_its_name(world: World) -> None:
    world.ana.write(POINTER, "not a pointer\n")

    assert commit_something(world) == 1

    assert POINTER in world.said
    assert world.ana.read(WEIGHTS) == TWO
    agree(world)


def test_an_edit_stop_of_a_rebase_makes_no_version_of_stale_weights(world: World) -> None:
    """No hook runs at the stop: the weights are later ones than the commit that is edited."""
    editor = f"{EDITOR} 1s/pick/edit/"
    world.git("rebase", "-q", "-i", "HEAD~2", GIT_SEQUENCE_EDITOR=editor)
    world.git("commit", "-q", "--amend", "-m", "edited")

    assert version_in(world.ana.git("show", f"HEAD:{POINTER}").stdout) == 1

    world.git("rebase", "--continue")
    assert version_in(world.ana.git("show", f"HEAD:{POINTER}").stdout) == 2
    agree(world)


@pytest.mark.parametrize("change", ["added", "removed", "changed"])
def test_a_folder_with_files_added_removed_or_changed_is_a_version(
    change: str, world: World
) -> None:
    ana = world.ana
    for name in ("config.json", "model.bin"):
        ana.write(f"bert/{name}", f"{name} one\n")
    ana.gitmodel("add", "bert", "-m", "bert 1")
    if change == "removed":
        (ana.path / "bert/config.json").unlink()
    else:
        ana.write("bert/vocab.txt" if change == "added" else "bert/model.bin", "two\n")

    assert commit_something(world) == 0

    assert version_in(ana.git("show", "HEAD:bert.model.yaml").stdout) == 2
    ana.git("switch", "-q", "--detach", "HEAD~1")
    assert sorted(path.name for path in (ana.path / "bert").iterdir()) == [
        "config.json",
        "model.bin",
    ]
    assert ana.read("bert/model.bin") == b"model.bin one\n"


def test_a_file_of_ones_own_in_a_folder_survives_a_switch(world: World) -> None:
    """New in the folder and saved nowhere: the folder is new weights, so no hook touches it."""
    ana = world.ana
    ana.write("bert/model.bin", "one\n")
    ana.gitmodel("add", "bert", "-m", "bert 1")
    ana.write("bert/model.bin", "two\n")
    ana.gitmodel("add", "bert", "-m", "bert 2")
    ana.write("bert/notes.txt", "my own\n")

    ana.git("switch", "-q", "--detach", "HEAD~1")

    assert ana.read("bert/notes.txt") == b"my own\n"
    assert ana.read("bert/model.bin") == b"two\n"
