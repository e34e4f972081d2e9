"""A model that moves: whatever is left at its old path, no version comes back and none is made up.

The branch `ren` moves `fraud` to `prod/`; `main` gets a new version meanwhile. Every way in which Git
brings the two together meets every kind of leftover, and every memory that a clone can have of it.
With GITMODEL_TESTS_LONG=1 all combinations are run, otherwise some.
"""

from __future__ import annotations

import json
import os
from itertools import product
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import Pointer
from gitmodel.workflows.status import State, status
from tests.support.operations import NEW, ONE, POINTER, TWO, WEIGHTS, pointers

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.operations import World

LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
MOVED, MOVED_POINTER = f"prod/{WEIGHTS}", f"prod/{POINTER}"
MORE = b"weights of the next training\n" * 50


# How the model is moved on the other branch


def by_gitmodel(world: World) -> None:
    world.ana.gitmodel("mv", "fraud", "--path", MOVED)


def by_hand(world: World) -> None:
    """Pointer and weights by Git and the shell, as nobody should and somebody will."""
    (world.ana.path / "prod").mkdir()
    world.git("mv", POINTER, MOVED_POINTER)
    (world.ana.path / WEIGHTS).rename(world.ana.path / MOVED)
    world.ana.write("prod/.gitignore", f"/{WEIGHTS}\n")
    world.git("add", "prod/.gitignore")


# How Git brings the two together


def merge(world: World) -> None:
    world.git("merge", "-q", "--no-edit", "ren")


def merge_no_commit(world: World) -> None:
    world.git("merge", "-q", "--no-commit", "ren")
    world.git("commit", "-qm", "merged")


def merge_squash(world: World) -> None:
    world.git("merge", "-q", "--squash", "ren")
    world.git("commit", "-qm", "squashed")


def merge_into_the_other(world: World) -> None:
    world.git("switch", "-q", "ren")
    world.git("merge", "-q", "--no-edit", "main")


def rebase(world: World) -> None:
    world.git("rebase", "-q", "ren")


def rebase_the_other(world: World) -> None:
    world.git("rebase", "-q", "main", "ren")


def cherry_pick(world: World) -> None:
    world.git("cherry-pick", "ren")


def cherry_pick_no_commit(world: World) -> None:
    world.git("cherry-pick", "--no-commit", "ren")
    world.git("commit", "-qm", "picked")


def pull(world: World) -> None:
    world.git("push", "-q", "--no-verify", "origin", "ren:ren")
    world.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "ren")


def revert_of_the_move(world: World) -> None:
    """The pointer goes back to a path where older weights may be."""
    merge(world)
    if (world.ana.path / MOVED_POINTER).exists():
        version(world, MORE, MOVED)
        world.git("revert", "--no-edit", "ren")


def stash(world: World) -> None:
    world.ana.write("code.py", "x = 9\n")
    world.git("stash", "-q")
    world.git("switch", "-q", "ren")
    world.git("stash", "pop", "-q")
    world.git("commit", "-qam", "code")
    world.git("switch", "-q", "main")
    merge(world)


def stash_of_everything(world: World) -> None:
    """`stash --all` takes ignored files too: the weights go and come back, and the records stay."""
    world.ana.write("code.py", "x = 9\n")
    world.git("stash", "-q", "--all")
    merge(world)
    world.git("stash", "pop", "-q")
    world.git("reset", "-q", "--hard")


def switch_to_and_fro(world: World) -> None:
    for branch in ("ren", "main", "ren", "main"):
        world.git("switch", "-q", branch)
        world.git("commit", "-q", "--allow-empty", "-m", "nothing")


def in_another_worktree(world: World) -> None:
    world.git("worktree", "add", "-q", "../linked", "ren")
    linked = type(world.ana)(world.ana.path.parent / "linked")
    linked.git("merge", "-q", "--no-edit", "main")
    linked.git("commit", "-q", "--allow-empty", "-m", "nothing")
    world.git("merge", "-q", "--ff-only", "ren")


OPERATIONS = [
    merge,
    merge_no_commit,
    merge_squash,
    merge_into_the_other,
    rebase,
    rebase_the_other,
    cherry_pick,
    cherry_pick_no_commit,
    pull,
    revert_of_the_move,
    stash,
    stash_of_everything,
    switch_to_and_fro,
    in_another_worktree,
]
MOVES = [by_gitmodel, by_hand]
LEFT_BEHIND = {"as they were": TWO, "of an earlier version": ONE, "removed": None}
MEMORIES = ["kept", "none", "of the old path", "of the new path", "of an earlier build"]


def version(world: World, weights: bytes, path: str) -> None:
    """Train, and commit the next version."""
    world.ana.write(path, weights)
    world.ana.write("metrics.json", f'{{"auc": {len(weights)}}}')
    done = world.ana.git("commit", "-qam", "the next version")
    assert "in this commit" in done.stderr


def remember_only(world: World, which: str, earlier: bytes = NEW) -> None:
    """Leave of the records what a clone can have."""
    folder = world.ana.path / ".git/gitmodel/worktree"
    kept = {"of the old path": "@fraud.bin.json", "of the new path": "@prod%2Ffraud.bin.json"}
    for record in folder.glob("*.json"):
        if which != "kept" and record.name != kept.get(which):
            record.unlink()
    if which == "of an earlier build":
        value = {"have": digest_of(earlier).hex, "have_files": {}, "files": {}, "boot": ""}
        (folder / "fraud.json").write_text(json.dumps(value), encoding="utf-8")


def versions(world: World) -> set[tuple[int, str]]:
    return {(pointer.version, pointer.digest.hex) for _, pointer in pointers(world.ana)}


def pointer_of(world: World) -> Pointer:
    """The only pointer of HEAD."""
    (path,) = world.ana.git("ls-files", "*.model.yaml").stdout.split()
    return Pointer.from_text(world.ana.git("show", f"HEAD:{path}").stdout, what=path)


# Where a person overwrote what is remembered, a commit outside of a merge may go back, or asks.
_ASKS = {merge_squash, cherry_pick_no_commit, revert_of_the_move, stash}
COMBINATIONS = [
    (operation, move, left, memory)
    for operation, move, left, memory in product(OPERATIONS, MOVES, LEFT_BEHIND, MEMORIES)
    if not (
        operation in _ASKS
        and left == "of an earlier version"
        and memory in {"kept", "of the new path"}
    )
]
SOME = [
    *((operation, by_gitmodel, "as they were", "kept") for operation in OPERATIONS),
    (merge_no_commit, by_hand, "of an earlier version", "none"),
    (rebase, by_gitmodel, "removed", "of an earlier build"),
    (pull, by_hand, "as they were", "of the old path"),
]


@pytest.mark.parametrize(
    ("operation", "move", "left", "memory"),
    COMBINATIONS if LONG else SOME,
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_no_version_comes_back_and_none_is_made_up(
    world: World,
    operation: Callable[[World], None],
    move: Callable[[World], None],
    left: str,
    memory: str,
) -> None:
    ana = world.ana
    ana.git("switch", "-qc", "ren")
    move(world)
    ana.git("commit", "-qm", "fraud is in prod")
    ana.git("switch", "-q", "main")
    version(world, NEW, WEIGHTS)
    content = LEFT_BEHIND[left]
    if content is None:
        (ana.path / MOVED).unlink(missing_ok=True)
    else:
        ana.write(MOVED, content)
    remember_only(world, memory)
    before = versions(world)

    operation(world)
    done = ana.git("commit", "-q", "--allow-empty", "-m", "afterwards", check=False)
    if done.returncode:  # neither pointer's nor as they were left here: somebody put them there
        assert left == "of an earlier version"
        assert (
            "the weights on disk are those of version 1, but the pointer has moved" in done.stderr
        )
        ana.gitmodel("checkout", "fraud")

    newest = digest_of(MORE if operation is revert_of_the_move else NEW)
    made = {found for found in versions(world) - before if found[1] != digest_of(MORE).hex}
    assert made == set()
    assert pointer_of(world).digest == newest
    with world.open() as project:
        (row,) = status(project).models
        assert row.state in {State.CLEAN, State.STALE, State.MISSING}
    if row.state is not State.CLEAN:
        assert row.next_command == "gitmodel checkout fraud"
        ana.gitmodel("checkout", "fraud")
    assert digest_of((ana.path / row.path).read_bytes()) == newest


def test_training_after_a_plain_move_is_the_next_version(world: World) -> None:
    by_hand(world)
    world.ana.write(MOVED, NEW)
    world.git("commit", "-qm", "moved and trained")

    assert pointer_of(world).digest == digest_of(NEW)
    with world.open() as project:
        (row,) = status(project).models
    assert (row.state, row.committed) == (State.CLEAN, True)


def test_training_after_a_plain_move_that_was_committed_is_the_next_version(world: World) -> None:
    by_hand(world)
    world.git("commit", "-qm", "moved")
    world.ana.write(MOVED, NEW)
    with world.open() as project:
        (row,) = status(project).models
    assert row.state is State.NEW_WEIGHTS
    world.ana.write("code.py", "x = 7\n")
    world.git("commit", "-qam", "trained")

    assert pointer_of(world).digest == digest_of(NEW)


def test_weights_in_a_merge_that_are_of_an_earlier_version_are_not_taken_for_a_wish(
    world: World,
) -> None:
    """A copy from a backup, in the middle of a merge: the note names both ways out, and they work."""
    world.git("merge", "-q", "--no-commit", "--no-ff", "side")
    world.ana.write(WEIGHTS, ONE)
    world.git("commit", "-qm", "merged")

    assert pointer_of(world).digest == digest_of(TWO)
    assert (
        "run: gitmodel checkout fraud; or, to go back to version 1: gitmodel checkout fraud@1"
        in (world.said)
    )
    world.ana.gitmodel("checkout", "fraud@1")
    world.git("commit", "-qm", "back")
    assert pointer_of(world).digest == digest_of(ONE)


def test_moved_to_and_fro_by_gitmodel_the_weights_follow(world: World) -> None:
    ana = world.ana
    ana.git("switch", "-qc", "ren")
    by_gitmodel(world)
    ana.git("commit", "-qm", "fraud is in prod")
    for branch, path in [("main", WEIGHTS), ("ren", MOVED), ("main", WEIGHTS), ("ren", MOVED)]:
        ana.git("switch", "-q", branch)
        assert ana.read(path) == TWO
    version(world, NEW, MOVED)
    ana.git("switch", "-q", "main")
    ana.git("merge", "-q", "ren")
    assert ana.read(MOVED) == NEW


def test_new_weights_that_an_earlier_build_had_not_committed_become_a_version(
    world: World,
) -> None:
    """The upgrade itself loses nothing: a record without a path is one of these weights or none."""
    world.train(NEW)
    remember_only(world, "of an earlier build", TWO)
    world.ana.write("code.py", "x = 7\n")
    world.git("commit", "-qam", "after the upgrade")

    assert pointer_of(world).digest == digest_of(NEW)


def test_weights_that_an_earlier_build_placed_follow(world: World) -> None:
    remember_only(world, "of an earlier build", TWO)
    world.git("switch", "-q", "other")

    assert digest_of(world.ana.read(WEIGHTS)) == pointer_of(world).digest


def test_the_weights_of_another_model_at_the_same_path_are_no_new_version(world: World) -> None:
    """Renamed on one branch and trained there: on the other branch the file is as gitmodel left it."""
    ana = world.ana
    ana.git("switch", "-qc", "ren")
    ana.gitmodel("mv", "fraud", "scam")
    ana.git("commit", "-qm", "another name")
    ana.write(WEIGHTS, NEW)
    ana.write("metrics.json", '{"auc": 7}')
    ana.git("commit", "-qam", "scam 3")
    ana.git("switch", "-q", "main")
    ana.write("code.py", "x = 7\n")
    ana.git("commit", "-qam", "code")

    assert pointer_of(world).digest == digest_of(TWO)
