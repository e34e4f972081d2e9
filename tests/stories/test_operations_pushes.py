"""Every way to push: what the server gets has its weights on the remote; what it refuses hurts nobody.

The hooks never change Git's result: same exit codes, same refs on the server as without them.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.digest import digest_of
from tests.support.operations import (
    NEW,
    OTHER,
    POINTER,
    TWO,
    World,
    agree,
    is_stored,
    restore,
    result,
)

if TYPE_CHECKING:
    from collections.abc import Callable

LATER = b"weights even later\n"


def push(world: World) -> None:
    world.version(NEW, "fraud 4")
    world.git("push", "-q")


def push_a_new_branch(world: World) -> None:
    world.git("push", "-q", "-u", "origin", "other")


def push_another_branch_than_the_one_checked_out(world: World) -> None:
    world.version(NEW, "fraud 4")
    world.git("push", "-q", "origin", "other")


def push_head_to_another_name(world: World) -> None:
    world.version(NEW, "fraud 4")
    world.git("push", "-q", "origin", "HEAD:refs/heads/review")


def push_three_versions_at_once(world: World) -> None:
    for number in (4, 5, 6):
        world.version(NEW * number, f"fraud {number}")
    world.git("push", "-q")


def push_nothing(world: World) -> None:
    world.git("push", "-q")


def push_all(world: World) -> None:
    world.version(NEW, "fraud 4")
    world.git("push", "-q", "--all")


def push_mirror(world: World) -> None:
    world.version(NEW, "fraud 4")
    world.git("push", "-q", "--mirror")


def push_atomic(world: World) -> None:
    world.version(NEW, "fraud 4")
    world.git("push", "-q", "--atomic", "origin", "main", "other", "side")


def push_annotated_tags(world: World) -> None:
    world.git("tag", "-a", "-m", "a release", "v3.0", "other")
    world.git("tag", "lightweight", "side")
    world.git("push", "-q", "--tags")


def push_follow_tags(world: World) -> None:
    world.version(NEW, "fraud 4")
    world.git("tag", "-a", "-m", "a release", "v4.0")
    world.git("push", "-q", "--follow-tags")


def push_tags_on_a_blob_and_a_tree(world: World) -> None:
    world.git("tag", "blob", "HEAD:code.py")
    world.git("tag", "-a", "-m", "a tree", "tree", "HEAD^{tree}")
    world.git("push", "-q", "--tags")


def push_delete(world: World) -> None:
    world.git("push", "-q", "origin", "side")
    world.git("push", "-q", "--delete", "origin", "side")


def push_force(world: World) -> None:
    world.git("commit", "-q", "--amend", "-m", "rewritten")
    world.git("push", "-q", "--force")


def push_force_with_lease(world: World) -> None:
    world.git("commit", "-q", "--amend", "-m", "rewritten")
    world.git("push", "-q", "--force-with-lease")


def push_force_over_what_is_unknown_here(world: World) -> None:
    world.ben.write("ben.txt", "ben\n")
    world.ben.commit("by Ben")
    world.git("push", "-q", who=world.ben)
    world.git("commit", "-q", "--amend", "-m", "rewritten")
    world.git("push", "-q", "--force")


def push_to_a_url(world: World) -> None:
    world.version(NEW, "fraud 4")
    world.git("push", "-q", str(world.server.path), "main")


def push_to_several_urls(world: World) -> None:
    world.git("clone", "-q", "--bare", str(world.server.path), "../second.git")
    world.git("remote", "set-url", "--add", "--push", "origin", str(world.server.path))
    world.git("remote", "set-url", "--add", "--push", "origin", "../second.git")
    world.version(NEW, "fraud 4")
    world.git("push", "-q")


def push_to_a_new_remote(world: World) -> None:
    world.git("init", "-q", "--bare", "../fork.git")
    world.git("remote", "add", "fork", "../fork.git")
    world.git("push", "-q", "fork", "main", "other")


def push_dry_run(world: World) -> None:
    world.version(NEW, "fraud 4")
    world.git("push", "-q", "--dry-run")


def push_rewritten_history(world: World) -> None:
    rewrite = ("filter-branch", "-f", "--msg-filter", "sed s/fraud/FRAUD/", "--", "main")
    world.git(*rewrite, FILTER_BRANCH_SQUELCH_WARNING="1")
    world.git("push", "-q", "--force")


def push_what_a_replacement_hides(world: World) -> None:
    """The push sends the commits themselves, so the hook has to look at those."""
    world.version(NEW, "fraud 4")
    world.version(NEW * 2, "fraud 5")
    world.git("replace", "--graft", "HEAD")
    world.git("push", "-q", "--force", "origin", "main")


def push_non_fast_forward(world: World) -> None:
    """Known here: Git leaves the ref out, and refuses."""
    world.git("push", "-q", "origin", "main~1:main")


def push_fetch_first(world: World) -> None:
    """Unknown here: the hook is asked, and uploads; then the server refuses."""
    world.ben.write("ben.txt", "ben\n")
    world.ben.commit("by Ben")
    world.git("push", "-q", who=world.ben)
    world.version(NEW, "fraud 4")
    world.git("push", "-q")


def push_that_the_server_refuses(world: World) -> None:
    hook = world.server.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    world.version(NEW, "fraud 4")
    world.git("push", "-q")


PUSHES = [
    *(push, push_a_new_branch, push_another_branch_than_the_one_checked_out),
    *(push_head_to_another_name, push_three_versions_at_once, push_nothing, push_all, push_mirror),
    *(push_atomic, push_annotated_tags, push_follow_tags, push_tags_on_a_blob_and_a_tree),
    *(push_delete, push_force, push_force_with_lease, push_force_over_what_is_unknown_here),
    *(push_to_a_url, push_to_several_urls, push_to_a_new_remote, push_dry_run),
    *(push_rewritten_history, push_what_a_replacement_hides),
]
REFUSED = [push_non_fast_forward, push_fetch_first, push_that_the_server_refuses]


@pytest.mark.parametrize("operation", [*PUSHES, *REFUSED], ids=lambda push: push.__name__)
def test_the_server_gets_what_it_gets_without_gitmodel_and_every_weight_of_it_is_stored(
    operation: Callable[[World], None], world: World
) -> None:
    operation(world)
    ours = result(world)
    agree(world)

    world = restore_with_pushes_unhooked(world)
    operation(world)

    assert ours == result(world)
    assert (ours.codes[-1] != 0) == (operation in REFUSED)


def restore_with_pushes_unhooked(world: World) -> World:
    """The world anew, with the hooks of a commit but not that of a push."""
    world = restore(world.folder, world.folder.with_name("kept"))
    for clone in (world.ana, world.ben):
        (clone.path / ".git/hooks/pre-push").unlink()
    return world


def test_after_a_push_that_was_refused_a_pull_and_a_push_are_all_it_takes(world: World) -> None:
    """What the hook has uploaded and claimed is Ana's own version: it waits for the second push."""
    push_fetch_first(world)
    assert world.codes[-1] == 1
    assert is_stored(world.store, digest_of(NEW))

    world.git("pull", "-q", "--rebase")
    world.git("push", "-q")

    assert world.codes[-2:] == [0, 0]
    row = agree(world)
    assert row is not None
    assert (row.version, row.next_command) == (4, "")


def test_a_number_claimed_by_a_refused_push_stays_its_owners(world: World) -> None:
    """Ana's 3 is claimed though the server has it not: Ben's 3 is refused, and becomes 4."""
    world.git("branch", "-qD", "other")
    push_that_the_server_refuses(world)
    (world.server.path / "hooks/pre-receive").unlink()
    world.version(OTHER, "fraud 3 by Ben", who=world.ben)

    said = world.git("push", "-q", who=world.ben)

    assert world.codes[-1] == 1
    assert "fraud: version 3 is already taken by other content" in said
    world.ben.gitmodel("renumber", "fraud", "--commit")
    world.git("push", "-q", who=world.ben)
    assert world.codes[-1] == 0
    row = agree(world, world.ben)
    assert row is not None
    assert row.version == 4


def test_deleting_a_branch_needs_no_remote(world: World) -> None:
    world.git("push", "-q", "origin", "side")
    shutil.move(world.store, world.folder / "gone")

    world.git("push", "-q", "--delete", "origin", "side")

    assert world.codes[-1] == 0


def test_a_refused_number_moves_no_ref_of_the_push(world: World) -> None:
    """One branch of several has a version whose number is taken: Git pushes all of them or none."""
    world.version(LATER, "fraud 3 by Ben", who=world.ben)
    world.git("push", "-q", who=world.ben)
    before = world.server.git("for-each-ref").stdout

    said = world.git("push", "-q", "origin", "side", "other")

    assert world.codes[-1] == 1
    assert "gitmodel renumber fraud --commit" in said
    assert world.server.git("for-each-ref").stdout == before
    assert world.ana.read("fraud.bin") == TWO
    assert "version: 3" in world.ana.git("show", f"other:{POINTER}").stdout


def test_a_push_from_a_branch_without_gitmodel_uploads_the_others_weights(world: World) -> None:
    """The configuration comes from what is pushed where the work tree has none."""
    world.version(NEW, "fraud 4")
    world.git("switch", "-q", "--orphan", "before")
    world.git("commit", "-q", "--allow-empty", "-m", "before gitmodel")

    world.git("push", "-q", "origin", "main", "before")

    assert set(world.codes) == {0}
    assert is_stored(world.store, digest_of(NEW))
    agree(world)


def test_a_dry_run_uploads_since_the_hook_is_not_told(world: World) -> None:
    push_dry_run(world)

    assert world.codes[-1] == 0
    assert is_stored(world.store, digest_of(NEW))
