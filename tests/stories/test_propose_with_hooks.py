"""A proposed change passes the real hook pre-push, which refuses weights that nobody has uploaded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import GitCommandError
from gitmodel.project.committing.commit_paths import commit_paths
from gitmodel.project.context import Context
from gitmodel.project.project import Project
from gitmodel.project.pull_request import open_pull_request
from tests.support.models import model
from tests.support.untouched import untouched

if TYPE_CHECKING:
    from tests.support.repo import Repo


@pytest.fixture
def pushed(repo: Repo) -> Repo:
    """A repository with fraud@1 on the store and on the Git server."""
    repo.gitmodel("init", str(repo.path.with_name("store")))
    repo.write("fraud.safetensors", model(seed=1))
    repo.gitmodel("add", "fraud.safetensors")
    repo.commit("v1")
    repo.git("remote", "add", "origin", repo.clone("server", "--bare").path.as_uri())
    repo.git("push", "-q", "origin", "main")
    repo.git("remote", "set-head", "origin", "--auto")
    return repo


def opened(repo: Repo) -> Project:
    return Project.open(Context(environment=dict(os.environ), folder=str(repo.path)))


def test_a_pointer_without_weights_is_refused_and_a_text_passes(pushed: Repo) -> None:
    pushed.write("fraud.safetensors", model(seed=2))
    pushed.commit("v2")
    lost = pushed.read("fraud.model.yaml").decode()
    pushed.git("reset", "-q", "--hard", "origin/main")
    (pushed.path / "fraud.safetensors").unlink()
    (pushed.path / ".git/gitmodel").rename(pushed.path.with_name("cache"))
    with untouched(pushed, but="refs/remotes/origin/text"), opened(pushed) as project:
        made = open_pull_request(project, {"README.md": "text\n"}, "text", "text")
        with pytest.raises(GitCommandError) as caught:
            open_pull_request(project, {"fraud.model.yaml": lost}, "lost", "lost")

    assert made.is_new
    digest = lost.partition("blake3:")[2][:12]
    assert str(caught.value) == (
        f"lost was not pushed to origin: fraud: the weights of version 2 ({digest}) are neither in "
        f"the cache nor on {pushed.path.with_name('store')}, so fraud.model.yaml was not pushed"
    )
    assert caught.value.hint == (
        "gitmodel add fraud.safetensors, where the weights are; or gitmodel push, in a clone that has "
        "the weights"
    )
    assert pushed.git("ls-remote", "--heads", "origin").stdout.count("\n") == 2


def test_a_file_committed_alone_takes_no_weights_along(pushed: Repo) -> None:
    pushed.write("fraud.safetensors", model(seed=2))
    pushed.write("fraud.production.txt", "1\n")
    with opened(pushed) as project:
        commit_paths(project, ["fraud.production.txt"], "alone")

    assert pushed.git("show", "--format=", "--name-only").stdout == "fraud.production.txt\n"
    assert pushed.git("status", "--porcelain").stdout == ""


def test_a_promotion_is_proposed_once_and_found_again(pushed: Repo) -> None:
    branch = "promote/fraud-production-v1"
    with untouched(pushed, but=f"refs/remotes/origin/{branch}"):
        pushed.gitmodel("promote", "fraud@1", "production", "--pr", "-m", "first")
        pushed.gitmodel("promote", "fraud@1", "production", "--pr", "-m", "first")
        other = pushed.gitmodel(
            *("promote", "fraud@1", "production", "--pr", "-m", "another"), check=False
        )

    tip = pushed.head(f"origin/{branch}")
    changed = pushed.git("diff", "--name-status", "origin/main", tip).stdout
    assert changed == "A\tfraud.production.alias.yaml\n"
    assert (other.returncode, other.stdout) == (1, "")
    assert other.stderr == (
        f"error: origin has a branch {branch} already, with another change ({tip[:10]})\n"
        f"hint: git push origin --delete {branch}, then again\n"
    )


def test_a_promotion_that_cannot_be_committed_leaves_nothing(pushed: Repo) -> None:
    pushed.git("commit", "-q", "--allow-empty", "-m", "side")
    pushed.git("branch", "side")
    pushed.git("reset", "-q", "--hard", "HEAD^")
    pushed.git("merge", "-q", "--no-ff", "--no-commit", "side")
    with untouched(pushed):
        done = pushed.gitmodel("promote", "fraud@1", "production", "--commit", check=False)

    assert done.stderr == (
        "error: a merge is in progress, and during one no file can be committed alone\n"
        "hint: git merge --continue, or git merge --abort, then again\n"
    )
