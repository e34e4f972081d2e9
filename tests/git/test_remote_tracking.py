"""What a clone believes its Git remotes have."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.git.remote_tracking import tracking_tips, upstream
from gitmodel.git.repository import Repository

if TYPE_CHECKING:
    from tests.support.repo import Repo


def opened(repo: Repo) -> Repository:
    return Repository.open(str(repo.path), environment=os.environ)


def test_the_branches_of_a_remote_each_commit_once(repo: Repo) -> None:
    repo.commit("one")
    repo.git("branch", "same")
    clone = repo.clone("clone")
    repo.commit("two, not fetched")

    assert tracking_tips(opened(clone), "origin") == (clone.head(),)
    assert tracking_tips(opened(clone), "other") == ()
    assert tracking_tips(opened(clone), "orig") == ()


def test_the_followed_branch(repo: Repo) -> None:
    repo.commit("one")
    clone = repo.clone("clone")
    clone.commit("not pushed")

    assert upstream(opened(clone)) == clone.head("HEAD~1")
    assert upstream(opened(repo)) is None
    clone.git("switch", "-q", "--detach")
    assert upstream(opened(clone)) is None
