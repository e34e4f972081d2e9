"""Where no hook runs: `status` sees it, the next push heals it, and CI refuses it until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.digest import digest_of
from tests.support.operations import (
    NEW,
    ONE,
    OTHER,
    POINTER,
    WEIGHTS,
    World,
    agree,
    claimed,
    everything_pushed_is_stored,
    is_stored,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def cherry_pick(world: World) -> None:
    world.git("reset", "-q", "--hard", "side")
    world.git("cherry-pick", "other")


def clean_merge(world: World) -> None:
    world.git("switch", "-q", "side")
    world.git("merge", "-q", "--no-edit", "other")


def reset(world: World) -> None:
    world.git("reset", "-q", "--hard", "other")


def without_verify(world: World) -> None:
    world.train()
    world.ana.gitmodel("add", WEIGHTS)
    world.git("commit", "-q", "--no-verify", "-m", "fraud 4")


def plumbing(world: World) -> None:
    world.train()
    world.ana.gitmodel("add", WEIGHTS)
    tree = world.ana.git("write-tree").stdout.strip()
    commit = world.ana.git("commit-tree", tree, "-p", "HEAD", "-m", "fraud 4").stdout.strip()
    world.git("update-ref", "refs/heads/main", commit)


def libgit2(world: World) -> None:
    """As graphical clients and scripts that are built on libgit2 commit."""
    import pygit2

    world.train()
    world.ana.gitmodel("add", WEIGHTS)
    repository = pygit2.Repository(str(world.ana.path))
    person = pygit2.Signature("Ana", "ana@example.org", 1_760_000_000, 0)
    tree = repository.index.write_tree()
    parents = [repository.head.target]
    repository.create_commit("HEAD", person, person, "fraud 4", tree, parents)


WAYS = [cherry_pick, clean_merge, reset, without_verify, plumbing, libgit2]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_status_sees_it_ci_refuses_it_and_the_next_push_heals_it(
    way: Callable[[World], None], world: World
) -> None:
    """The version is pushed without the hook, and something unrelated with it."""
    way(world)
    assert agree(world) is not None
    world.git("push", "-q", "--no-verify", "--force", "origin", "HEAD:main")
    row = agree(world, server=False)
    assert row is not None
    assert row.next_command == "git push"
    world.git("fetch", "-q", who=world.ben)
    refused = world.ben.gitmodel("verify", "--refs", "origin/main", check=False)
    assert refused.returncode == 1
    assert f"the weights of version {row.version}" in refused.stderr + refused.stdout

    world.git("tag", "unrelated", "side~2")
    world.git("push", "-q", "--tags")

    assert world.codes[-1] == 0
    agree(world)
    world.ben.gitmodel("verify", "--refs", "origin/main")


def test_new_weights_that_a_commit_without_hooks_left_out_are_seen_by_status(world: World) -> None:
    world.train()
    world.git("commit", "-q", "--no-verify", "--allow-empty", "-m", "code")
    world.git("push", "-q")

    row = agree(world)

    assert row is not None
    assert (row.version, row.next_command) == (
        2,
        "git commit -am MESSAGE, or gitmodel add fraud.bin",
    )


def test_a_hole_below_a_later_version_heals(world: World) -> None:
    """git-lfs never looks at it again: the server's branch has the commit already."""
    world.version(NEW, "fraud 4")
    world.git("push", "-q", "--no-verify")
    world.version(NEW * 2, "fraud 5")
    assert not is_stored(world.store, digest_of(NEW))

    world.git("push", "-q")

    everything_pushed_is_stored(world)
    assert claimed(world, 4) == digest_of(NEW)


def test_a_hole_on_another_branch_heals(world: World) -> None:
    world.git("push", "-q", "--no-verify", "origin", "other")
    world.version(NEW, "fraud 4")

    world.git("push", "-q", "origin", "main")

    everything_pushed_is_stored(world)
    assert claimed(world, 3) == digest_of(OTHER)


def test_a_hole_heals_with_a_push_that_has_nothing_to_push(world: World) -> None:
    world.version(NEW, "fraud 4")
    world.version(NEW * 2, "fraud 5")
    world.git("push", "-q", "--no-verify")

    world.git("push", "-q")

    everything_pushed_is_stored(world)


def test_gitmodel_push_heals_as_well(world: World) -> None:
    world.version(NEW, "fraud 4")
    world.version(NEW * 2, "fraud 5")
    world.git("push", "-q", "--no-verify")

    world.ana.gitmodel("push")

    everything_pushed_is_stored(world)


def test_a_mirror_gets_every_version_of_history_that_is_here(world: World) -> None:
    mirror = world.folder / "mirror"
    world.ana.gitmodel("remote", "add", str(mirror), "--name", "backup")

    world.ana.gitmodel("push", "--remote", "backup")

    assert is_stored(mirror, digest_of(ONE))


def test_what_was_looked_through_is_not_looked_through_again(world: World) -> None:
    """Versions of unpushed branches wait in the cache for long, and cost later pushes nothing."""
    world.git("push", "-q")

    with world.open() as project:
        assert project.ledger().walked() >= {world.ana.head(), world.ana.head("origin/main")}


def test_versions_that_were_never_pushed_stay_at_home(world: World) -> None:
    """`other` is Ana's own branch: a push of `main` brings neither its weights nor its number."""
    world.version(NEW, "fraud 4")

    world.git("push", "-q", "origin", "main")

    assert not is_stored(world.store, digest_of(OTHER))
    assert claimed(world, 3) is None


def test_a_hole_that_only_a_colleague_can_fill_refuses_no_push(world: World) -> None:
    """Ben's pointer is below what Ana pushes, and only Ben has its weights."""
    world.git("branch", "-qD", "other")
    world.version(NEW, "fraud 3 by Ben", who=world.ben)
    world.git("push", "-q", "--no-verify", who=world.ben)
    world.git("pull", "-q", "--no-rebase")
    world.train(NEW * 2)
    world.ana.gitmodel("add", WEIGHTS)
    world.git("commit", "-qm", "fraud 4")

    world.git("push", "-q")

    assert world.codes[-1] == 0
    world.git("pull", "-q", who=world.ben)
    world.git("push", "-q", who=world.ben)
    everything_pushed_is_stored(world)
    assert POINTER in world.ana.git("ls-files").stdout


@pytest.mark.parametrize("branch", ["main", "topic"])
def test_a_colleagues_hole_at_the_tip_refuses_no_push_of_code(branch: str, world: World) -> None:
    """The server has Ben's pointer already: Ana's code makes nothing worse, and only Ben can mend it."""
    ben_leaves_a_hole(world)

    world.git("switch", "-q", *(() if branch == "main" else ("-c",)), branch)
    said = [push_code(world, branch) for _ in range(2)]

    for words in said:
        assert "fraud@3: incomplete on the remote: " in words
        assert "the weights of version 3" in words
        assert "this push does not need it and continues" in words
    world.git("push", "-q", who=world.ben)
    assert "incomplete on the remote: " not in push_code(world, branch)
    everything_pushed_is_stored(world)


def test_a_colleagues_broken_pointer_at_the_tip_refuses_no_push_of_code(world: World) -> None:
    text = world.ben.read(POINTER)
    world.ben.write(POINTER, text.replace(b"version: 2", b"version: 9"))
    world.git("commit", "-qam", "mixed", "--no-verify", who=world.ben)
    world.git("push", "-q", "--no-verify", who=world.ben)
    world.git("pull", "-q")

    said = push_code(world, "main")

    assert "the Git remote has it already, so this push continues" in said


def test_a_colleagues_number_that_is_taken_refuses_no_push_of_code(world: World) -> None:
    """Ben's 3 is not the 3 that Ana claimed from another branch."""
    world.git("push", "-q", "origin", "other")
    ben_leaves_a_hole(world)

    said = push_code(world, "main")

    assert "version 3 is already taken by other content" in said
    assert "this push does not need it and continues" in said


def test_a_new_version_upon_a_colleagues_hole_is_whole(world: World) -> None:
    """What the new version relies on is there, though the version before it is not."""
    ben_leaves_a_hole(world)
    world.train(NEW * 3)
    world.ana.gitmodel("add", WEIGHTS)
    world.git("commit", "-qm", "fraud 4")

    said = world.git("push", "-q")

    assert world.codes[-1] == 0
    assert is_stored(world.store, digest_of(NEW * 3))
    assert claimed(world, 4) == digest_of(NEW * 3)
    assert not is_stored(world.store, digest_of(NEW))
    assert "fraud@4" in said


def ben_leaves_a_hole(world: World) -> None:
    """Version 3, which is on the server and on no remote for weights; Ana has pulled it."""
    world.git("branch", "-qD", "other")
    world.version(NEW, "fraud 3 by Ben", who=world.ben)
    world.git("push", "-q", "--no-verify", who=world.ben)
    world.git("pull", "-q", "--no-rebase")
    assert not is_stored(world.store, digest_of(NEW))


def push_code(world: World, branch: str) -> str:
    """Commit something that is no model, and push it; returns what was said."""
    world.ana.write("code.py", world.ana.read("code.py") + b"x += 1\n")
    world.git("commit", "-qam", "code")
    said = world.git("push", "-q", "origin", branch)
    assert world.codes[-1] == 0, said
    return said


def test_a_hole_that_cannot_be_filled_now_refuses_no_push_that_needs_nothing(world: World) -> None:
    """The remote is away, which is why the other branch was pushed without the hook."""
    world.git("push", "-q", "--no-verify", "origin", "other")
    world.store.rename(world.folder / "away")

    said = world.git("push", "-q", "origin", "side")

    assert world.codes == [0, 0]
    assert "fraud@3: not confirmed on the remote" in said
    assert "run: gitmodel push" in said
    (world.folder / "away").rename(world.store)
    world.git("push", "-q")
    everything_pushed_is_stored(world)
