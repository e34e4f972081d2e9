"""A pointer edited by hand: what `status` names then is a command that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.operations import POINTER

if TYPE_CHECKING:
    from tests.support.operations import World
    from tests.support.repo import Repo


def edit(repo: Repo, old: str, new: str) -> None:
    text = repo.read(POINTER).decode()
    assert old in text
    repo.write(POINTER, text.replace(old, new))


def test_a_metric_edited_by_hand_is_for_the_next_commit(world: World) -> None:
    ana = world.ana
    edit(ana, "auc: 2", "auc: 0.25")

    shown = ana.gitmodel("status")
    assert (shown.stderr, "git add fraud.model.yaml, then git commit" in shown.stdout) == ("", True)
    ana.git("add", POINTER)
    assert "git commit" in ana.gitmodel("status").stdout
    ana.git("commit", "-qm", "a better metric")
    assert "auc: 0.25" in ana.git("show", f"HEAD:{POINTER}").stdout
    assert "not pushed" in ana.gitmodel("status").stdout


def test_a_version_edited_by_hand_is_taken_back(world: World) -> None:
    ana = world.ana
    before = ana.read(POINTER)
    edit(ana, "version: 2", "version: 7")
    hint = "hint: restore the committed pointer: git checkout HEAD -- fraud.model.yaml\n"
    assert hint in ana.gitmodel("status", check=False).stderr
    refused = ana.git("commit", "-qam", "x", check=False)
    assert (refused.returncode, hint in refused.stderr) == (1, True)

    ana.git("checkout", "-q", "HEAD", "--", POINTER)
    assert ana.read(POINTER) == before
    assert ana.gitmodel("status").stderr == ""
