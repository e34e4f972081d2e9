"""What went wrong with other tools, by the numbers of our research, and what happens here.

H1 to H17 are about hooks, D1 to D15 about everything else; all were reproduced with DVC 3.67.1 and GTO
1.10.1. Those about hook managers and kinds of repositories, stages, collection and speed are
elsewhere: docs/development/situations.md names each.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.digest import digest_of
from gitmodel.workflows.status import State, status
from tests.stories.conftest import version_in
from tests.support.operations import (
    NEW,
    ONE,
    OTHER,
    POINTER,
    TWO,
    WEIGHTS,
    World,
    agree,
    everything_pushed_is_stored,
    is_stored,
)

if TYPE_CHECKING:
    from pathlib import Path


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def cut_packs(world: World) -> None:
    """Cut every pack of the remote to half its length, as a broken upload leaves it."""
    for pack in world.store.glob("packs/*/*"):
        pack.write_bytes(pack.read_bytes()[: pack.stat().st_size // 2])


def forget_weights(world: World) -> None:
    """Ben starts anew: no weights on disk, nothing in the cache."""
    (world.ben.path / WEIGHTS).unlink()
    for name in ("packs", "manifests"):
        shutil.rmtree(world.ben.path / ".git/gitmodel" / name)


def without_gitmodel(world: World) -> str:
    """The environment that ran `gitmodel install` is gone; returns a PATH without gitmodel."""
    for hook in (world.ana.path / ".git/hooks").iterdir():
        text = hook.read_text(encoding="utf-8")
        line = next(li for li in text.splitlines() if li.startswith("gitmodel_python="))
        hook.write_text(text.replace(line, "gitmodel_python='/gone/python'"), encoding="utf-8")
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(f for f in folders if not os.path.exists(os.path.join(f, "gitmodel")))


def test_h1_the_branch_that_is_pushed_is_uploaded_not_the_one_checked_out(world: World) -> None:
    world.git("push", "-q", "origin", "other")

    assert is_stored(world.store, digest_of(OTHER))
    everything_pushed_is_stored(world)


def test_h2_three_versions_in_one_push_are_all_uploaded(world: World) -> None:
    for number in (4, 5, 6):
        world.version(NEW * number, f"fraud {number}")

    world.git("push", "-q")

    everything_pushed_is_stored(world)


def test_h3_a_new_branch_in_a_clone_without_weights_is_git_exit_code_0(world: World) -> None:
    forget_weights(world)

    said = world.git("checkout", "-q", "-b", "topic", who=world.ben)

    assert world.codes == [0]
    assert said == "gitmodel: weights to fetch: fraud; run: gitmodel checkout\n"
    agree(world, world.ben)


def test_h4_a_pull_that_moves_a_pointer_brings_the_weights_or_names_the_command(
    world: World,
) -> None:
    world.version(NEW, "fraud 4")
    world.git("push", "-q")

    said = world.git("pull", "-q", who=world.ben)

    assert said == "gitmodel: weights to fetch: fraud; run: gitmodel checkout\n"
    world.ben.gitmodel("fetch")
    world.git("switch", "-q", "--detach", "HEAD~1", who=world.ben)
    assert "fraud is v4" in world.git("switch", "-q", "main", who=world.ben)
    assert world.ben.read(WEIGHTS) == NEW


def test_h8_a_missing_gitmodel_blocks_no_commit_and_lets_no_version_out(world: World) -> None:
    path = without_gitmodel(world)
    world.ana.write("code.py", "x = 3\n")
    said = world.git("commit", "-qam", "code", PATH=path)
    assert world.codes == [0]
    assert "gitmodel install" in said
    world.git("push", "-q", PATH=path)
    assert world.codes == [0, 0]

    said = world.git("push", "-q", "origin", "other", PATH=path)

    assert world.codes == [0, 0, 1]
    assert "gitmodel install" in said


def test_h9_an_unreachable_remote_refuses_the_push_with_the_command_to_retry(world: World) -> None:
    world.version(NEW, "fraud 4")
    shutil.move(world.store, world.folder / "away")

    said = world.git("push", "-q")

    assert world.codes[-1] == 1
    assert "does not exist" in said
    assert "then git push" in said


def test_h10_a_conflict_on_one_model_stops_no_command_about_others(world: World) -> None:
    world.ana.write("churn.bin", NEW)
    world.ana.gitmodel("add", "churn.bin", "-m", "churn 1")
    world.git("merge", "-q", "other")

    with world.open() as project:
        report = status(project)

    assert [row.name for row in report.models if row.state is State.CLEAN] == ["churn"]
    shown = world.ana.gitmodel("show", "churn")
    assert shown.returncode == 0
    hints = [str(error.hint) for error in report.broken]
    assert any("gitmodel resolve fraud" in hint for hint in hints)


def test_h11_a_commit_that_would_be_wrong_is_refused(world: World) -> None:
    text = world.ana.read(POINTER).decode()
    world.ana.write(POINTER, text.replace("version: 2", "version: 7"))

    said = world.git("commit", "-qam", "wrong")

    assert world.codes == [1]
    assert POINTER in said


def test_h12_git_commit_makes_the_version_itself(world: World) -> None:
    world.version(NEW, "fraud 4")

    assert version_in(world.ana.git("show", f"HEAD:{POINTER}").stdout) == 4


def test_h13_a_clone_that_never_installed_hooks_is_told_and_caught_by_ci(world: World) -> None:
    clone = world.server.clone(world.folder / "container")
    clone.gitmodel("checkout")
    told = clone.gitmodel("status").stderr
    assert "hooks that are not installed in this clone: pre-commit, pre-push" in told
    clone.write(WEIGHTS, NEW)
    clone.gitmodel("add", WEIGHTS, "-m", "fraud 3")
    clone.git("push", "-q")
    world.git("fetch", "-q", who=world.ben)

    assert world.ben.gitmodel("verify", "--refs", "origin/main", check=False).returncode == 1

    clone.gitmodel("install")
    clone.git("push", "-q")
    world.ben.gitmodel("verify", "--refs", "origin/main")


def test_h14_a_branch_without_gitmodel_is_left_alone(world: World) -> None:
    """Also the way there and back, with the hooks installed."""
    world.git("switch", "-q", "--orphan", "before")
    world.ana.write("code.py", "x = 0\n")
    world.git("add", "code.py")
    world.git("commit", "-qm", "before gitmodel")
    world.git("push", "-q", "origin", "before")
    world.git("switch", "-q", "main")

    assert set(world.codes) == {0}
    assert world.said == ""
    agree(world)


def test_h15_a_commit_needs_no_remote(world: World) -> None:
    """The digest is known before the upload: no version id of a bucket is part of a pointer."""
    shutil.move(world.store, world.folder / "away")

    world.version(NEW, "fraud 4")

    assert version_in(world.ana.git("show", f"HEAD:{POINTER}").stdout) == 4


def test_h16_an_unrelated_commit_reads_no_weights(world: World) -> None:
    """They are told apart by stat; `test_idle.py` counts what is imported."""
    with world.open() as project:
        status(project)  # the world is a copy, so its stats are new
    world.ana.write("code.py", "x = 3\n")
    world.git("commit", "-qam", "code")

    with world.open() as project:
        assert project.worktree.size_to_read("fraud", WEIGHTS) == 0


@pytest.mark.parametrize("damage", ["cut", "replaced"])
def test_d1_damaged_weights_on_the_remote_never_reach_a_user(damage: str, world: World) -> None:
    if damage == "cut":
        cut_packs(world)
    else:
        for pack in world.store.glob("packs/*/*"):
            pack.write_bytes(bytes(pack.stat().st_size))
    forget_weights(world)

    done = world.ben.gitmodel("checkout", check=False)

    assert done.returncode == 1
    assert not (world.ben.path / WEIGHTS).exists()


def test_d2_damaged_weights_on_the_remote_are_found_and_mended(world: World) -> None:
    """Found without fetching them; mended from the clone that has them."""
    cut_packs(world)

    done = world.ana.gitmodel("verify", "--remote", "primary", check=False)

    assert done.returncode == 1
    assert "is damaged: it has " in done.stderr
    assert "hint: gitmodel push\n" in done.stderr
    world.ana.gitmodel("push")
    world.ana.gitmodel("verify", "--remote", "primary", "--full")
    everything_pushed_is_stored(world)


def test_d3_no_reading_command_changes_the_remote(world: World) -> None:
    cut_packs(world)
    for path in world.store.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    before = files(world.store)
    forget_weights(world)

    for verb in (("status",), ("verify",), ("fetch",), ("checkout",), ("log",), ("doctor",)):
        world.ben.gitmodel(*verb, check=False)

    assert files(world.store) == before


def test_d5_a_relative_folder_is_counted_from_the_repository_for_every_version(
    world: World,
) -> None:
    """DVC wrote older versions into a folder at the root of the file system."""
    (world.ana.path / "deep").mkdir()
    world.ana.gitmodel("-C", "deep", "remote", "add", "--name", "mirror", "../../shared")

    world.ana.gitmodel("push", "--remote", "mirror")

    made = {path.name for path in world.folder.iterdir()}
    assert made == {"ana", "ben", "server.git", "store", "shared"}
    assert is_stored(world.folder / "shared", digest_of(ONE))
    assert is_stored(world.folder / "shared", digest_of(TWO))


def test_d8_the_second_of_two_equal_numbers_is_refused_before_anything_moves(world: World) -> None:
    world.git("branch", "-qD", "other")
    world.version(NEW, "fraud 3 by Ana")
    world.git("push", "-q")
    world.version(OTHER, "fraud 3 by Ben", who=world.ben)
    before = files(world.store)

    said = world.git("push", "-q", "origin", "HEAD:refs/heads/bens", who=world.ben)

    assert world.codes[-1] == 1
    assert "fraud: version 3 is already taken by other content" in said
    assert files(world.store) == before
    world.ben.gitmodel("renumber", "fraud", "--commit")
    world.git("push", "-q", "origin", "HEAD:refs/heads/bens", who=world.ben)
    assert version_in(world.ben.read(POINTER).decode()) == 4
    agree(world, world.ben)


def test_d11_a_misspelt_name_gets_the_nearest(world: World) -> None:
    done = world.ana.gitmodel("checkout", "fruad", check=False)

    assert done.returncode == 1
    assert "did you mean fraud?" in done.stderr
