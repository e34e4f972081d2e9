"""Versions that are not on the remote yet: `status` knows them without a look, a push says how to go on."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from gitmodel.workflows.status import ModelStatus, status
from tests.support.operations import (
    NEW,
    POINTER,
    WEIGHTS,
    World,
    agree,
    everything_pushed_is_stored,
)

if TYPE_CHECKING:
    from tests.support.repo import Repo


def published(world: World, who: Repo | None = None) -> bool:
    """What `status` believes, with the remote out of reach."""
    away = world.folder / "away"
    shutil.move(world.store, away)
    try:
        return row(world, who).published
    finally:
        shutil.move(away, world.store)


def row(world: World, who: Repo | None = None) -> ModelStatus:
    with world.open(who) as project:
        (found,) = status(project).models
    return found


def test_a_version_is_published_by_git_push(world: World) -> None:
    world.version(NEW, "fraud 4")
    assert not published(world)
    assert row(world).next_command == "git push"

    world.git("push", "-q")

    assert published(world)


def test_a_version_is_published_by_gitmodel_push(world: World) -> None:
    world.version(NEW, "fraud 4")

    world.ana.gitmodel("push")

    assert published(world)
    assert row(world).next_command == ""


def test_a_version_is_not_published_by_a_push_without_the_hook(world: World) -> None:
    world.version(NEW, "fraud 4")

    world.git("push", "-q", "--no-verify")

    assert not published(world)


def test_a_version_that_another_clone_pushed_is_published_once_its_weights_are_here(
    world: World,
) -> None:
    world.version(NEW, "fraud 4")
    world.git("push", "-q")
    world.git("pull", "-q", who=world.ben)
    assert row(world, world.ben).next_command == "gitmodel checkout fraud"

    world.ben.gitmodel("checkout")

    assert published(world, world.ben)
    assert row(world, world.ben).next_command == ""


def test_a_description_that_another_clone_pushed_is_published_too(world: World) -> None:
    """Other words, the same weights: nothing has to be fetched for it."""
    text = world.ana.read(POINTER).decode()
    world.ana.write(POINTER, text.replace("check:", 'description: "cards"\ncheck:'))
    world.git("commit", "-qam", "describe it")
    world.git("push", "-q")

    world.git("pull", "-q", who=world.ben)

    assert published(world, world.ben)


def test_a_model_of_ones_own_with_weights_that_are_there_is_not_published(world: World) -> None:
    ben = world.ben
    ben.write("other.bin", (ben.path / WEIGHTS).read_bytes())
    ben.gitmodel("add", "other.bin")
    ben.git("commit", "-qm", "the same weights as another model")

    def told() -> dict[str, bool]:
        with world.open(ben) as project:
            return {model.name: model.published for model in status(project).models}

    assert told() == {"fraud": True, "other": False}
    world.git("push", "-q", who=ben)
    assert told() == {"fraud": True, "other": True}


def test_a_push_says_what_is_wrong_with_the_remote_and_the_command_to_retry(world: World) -> None:
    world.version(NEW, "fraud 4")
    shutil.move(world.store, world.folder / "away")
    before = world.server.git("for-each-ref").stdout

    said = world.git("push", "-q")

    assert world.codes[-1] == 1
    assert str(world.store) in said
    assert "hint: " in said
    assert "git push" in said
    assert not world.store.exists(), "a share that is not mounted is not an empty store"
    assert world.server.git("for-each-ref").stdout == before
    shutil.move(world.folder / "away", world.store)
    world.git("push", "-q")
    agree(world)


@pytest.mark.parametrize("operation", ["commit", "switch", "merge", "rebase", "push"])
def test_only_a_push_with_a_new_version_needs_the_remote(operation: str, world: World) -> None:
    """Everything else works on a train."""
    shutil.move(world.store, world.folder / "away")
    if operation == "commit":
        world.version(NEW, "fraud 4")
    elif operation == "push":
        world.git("push", "-q", "origin", "side")
    else:
        world.git(operation, "-q", "other" if operation == "switch" else "side")

    assert set(world.codes) == {0}


def test_gitmodel_push_uploads_first_and_git_push_then_uploads_nothing(world: World) -> None:
    """A long upload does not keep a connection to the Git server waiting; a look at sizes is short."""
    world.version(NEW, "fraud 4")
    world.ana.gitmodel("push")
    before = {path: path.stat().st_ino for path in world.store.glob("packs/*/*")}

    world.git("push", "-q")

    assert world.codes[-1] == 0
    assert {path: path.stat().st_ino for path in world.store.glob("packs/*/*")} == before
    everything_pushed_is_stored(world)


def test_a_long_upload_inside_git_push_is_announced_before_it_starts(world: World) -> None:
    """Without a look at the remote, so it is said even where that is out of reach."""
    world.git("config", "gitmodel.longUpload", "20")
    world.version(NEW, "fraud 4")
    shutil.move(world.store, world.folder / "away")

    said = world.git("push", "-q")

    assert "to upload before Git goes on" in said
    assert "gitmodel push" in said


def test_a_short_upload_is_not_announced(world: World) -> None:
    world.version(NEW, "fraud 4")

    assert "to upload before Git goes on" not in world.git("push", "-q")
