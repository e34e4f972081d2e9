"""The base of a request in CI: the forge's own merge, else the target branch; never a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import RepositoryError, UnknownReferenceError, UsageError
from gitmodel.project.context import Context
from gitmodel.project.gates.ci_base import base_of_request, is_ci
from gitmodel.project.project import Project
from tests.support.desk import refusal
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.project.gates.ci_base import Base


class Forge:
    """A server with `main`, a request for it, and the merge of both that a forge makes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = Repo.create(folder / "server")
        self.repo.write("a", "1")
        self.repo.commit("one")
        self.repo.git("switch", "-qc", "request")
        self.repo.write("b", "1")
        self.request = self.repo.commit("request")
        self.repo.git("switch", "-q", "main")
        self.repo.write("a", "2")
        self.main = self.repo.commit("two")
        self.repo.git("switch", "-q", "--detach")
        self.repo.git("merge", "-q", "--no-ff", "--no-edit", "request")
        self.merge = self.repo.head()
        self.repo.git("update-ref", "refs/pull/7/merge", self.merge)

    def fetched(self, commit: str, *refspecs: str, depth: int = 0) -> Repo:
        """A clone as a CI system makes it: these refs, and a commit checked out."""
        repo = Repo.create(self.folder / "ci")
        repo.git("remote", "add", "origin", self.repo.path.as_uri())
        options = [f"--depth={depth}"] if depth else []
        repo.git("fetch", "-q", "--no-tags", *options, "origin", *(refspecs or (commit,)))
        repo.git("checkout", "-q", "--detach", commit)
        return repo


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    return Forge(tmp_path)


MERGE = "+refs/pull/7/merge:refs/remotes/pull/7/merge"
MAIN = "+refs/heads/main:refs/remotes/origin/main"
REQUEST = "+refs/heads/request:refs/remotes/origin/request"


def base(repo: Repo, given: str | None = None, **environment: str) -> Base:
    context = Context(environment=environment | {"PATH": "/usr/bin:/bin"}, folder=str(repo.path))
    with Project.open(context) as project:
        return base_of_request(project, given, repo.head())


def github(commit: str) -> dict[str, str]:
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_SHA": commit,
        "GITHUB_BASE_REF": "main",
    }


def test_the_first_parent_of_github_s_merge_is_the_base(forge: Forge) -> None:
    repo = forge.fetched(forge.merge, MERGE, depth=2)

    found = base(repo, **github(forge.merge))

    assert (found.reference, found.commit, found.origin, found.merge_bases) == (
        *("HEAD^1", forge.main, "the merge of $GITHUB_SHA"),
        (forge.main,),
    )


def test_a_clone_of_depth_1_names_the_command_that_brings_the_base(forge: Forge) -> None:
    repo = forge.fetched(forge.merge, MERGE, depth=1)

    message, hint = refusal(UnknownReferenceError, lambda: base(repo, **github(forge.merge)))

    assert message == (
        f"HEAD^1 ({forge.main[:10]}), the base of this request, is not in this clone"
    )
    assert hint == f"git fetch --depth=2 origin {forge.merge}"
    repo.git(*hint.split()[1:])
    assert base(repo, **github(forge.merge)).commit == forge.main


def test_the_merge_of_azure_is_known_by_its_ref(forge: Forge) -> None:
    repo = forge.fetched(forge.merge, MERGE, depth=2)

    found = base(
        repo,
        BUILD_SOURCEBRANCH="refs/pull/7/merge",
        BUILD_SOURCEVERSION=forge.merge,
        SYSTEM_PULLREQUEST_TARGETBRANCH="refs/heads/main",
    )

    assert (found.commit, found.origin) == (forge.main, "the merge of $BUILD_SOURCEVERSION")


@pytest.mark.parametrize("kind", ["merged_result", "merge_train"])
def test_the_merged_result_of_gitlab_is_known_by_its_kind(forge: Forge, kind: str) -> None:
    repo = forge.fetched(forge.merge, MERGE, depth=2)

    found = base(
        repo,
        CI_MERGE_REQUEST_EVENT_TYPE=kind,
        CI_COMMIT_SHA=forge.merge,
        CI_MERGE_REQUEST_TARGET_BRANCH_SHA=forge.main,
        CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main",
    )

    assert (found.commit, found.origin) == (forge.main, "the merge of $CI_COMMIT_SHA")


def test_a_merge_of_the_request_is_not_taken_for_the_forge_s(forge: Forge) -> None:
    """Its first parent is a commit of the request, against which nothing would differ."""
    forge.repo.git("switch", "-q", "request")
    forge.repo.git("merge", "-q", "--no-edit", "main")
    head = forge.repo.head()
    repo = forge.fetched(head, MAIN, REQUEST)

    for environment in (
        github(forge.merge),
        github(head) | {"GITHUB_REF": "refs/heads/request"},
        {
            "CI_MERGE_REQUEST_EVENT_TYPE": "detached",
            "CI_COMMIT_SHA": head,
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        },
        {
            "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result",
            "CI_COMMIT_SHA": head,
            "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": forge.main,
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        },
    ):
        found = base(repo, **environment)
        assert (found.reference, found.commit) == ("origin/main", forge.main)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_BASE_REF", "main"),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("SYSTEM_PULLREQUEST_TARGETBRANCH", "refs/heads/main"),
    ],
)
def test_the_target_branch_is_the_base_of_the_tip_of_a_request(
    forge: Forge, name: str, value: str
) -> None:
    repo = forge.fetched(forge.request, MAIN, REQUEST)

    found = base(repo, **{name: value})

    assert (found.reference, found.commit, found.origin) == ("origin/main", forge.main, f"${name}")
    assert found.merge_bases == (forge.repo.head("main~1"),)


def test_a_target_branch_that_is_not_fetched_is_named_with_the_command(forge: Forge) -> None:
    repo = forge.fetched(forge.request, REQUEST)

    message, hint = refusal(UnknownReferenceError, lambda: base(repo, GITHUB_BASE_REF="main"))

    assert message == "origin/main, the base of this request, is not in this clone"
    assert hint == "git fetch origin +refs/heads/main:refs/remotes/origin/main"
    repo.git(*hint.split()[1:])
    assert base(repo, GITHUB_BASE_REF="main").commit == forge.main


def test_the_name_of_a_branch_runs_nothing(forge: Forge) -> None:
    repo = forge.fetched(forge.request, REQUEST)

    for hostile in ("$(touch x)", "--all", "a\nb", "main..HEAD", "../heads/main"):
        _, hint = refusal(
            UnknownReferenceError,
            lambda text=hostile: base(repo, GITHUB_BASE_REF=text),  # type: ignore[misc]
        )
        assert hint is not None
        assert hint.startswith("git fetch origin ")
    assert not (repo.path / "x").exists()


def test_no_common_commit_in_a_shallow_clone_is_an_error(forge: Forge) -> None:
    repo = forge.fetched(forge.request, MAIN, REQUEST, depth=1)

    assert refusal(RepositoryError, lambda: base(repo, GITHUB_BASE_REF="main")) == (
        "origin/main and HEAD have no common commit in this clone, whose history is cut off",
        "git fetch --unshallow",
    )


def test_the_option_comes_before_the_environment(forge: Forge) -> None:
    repo = forge.fetched(forge.merge, MAIN, MERGE)

    found = base(repo, "origin/main~1", **github(forge.merge))

    assert (found.reference, found.commit, found.origin) == (
        *("origin/main~1", forge.repo.head("main~1")),
        "--base",
    )


def test_nothing_is_guessed_outside_of_requests(forge: Forge) -> None:
    """Not even for a merge commit, such as a developer's."""
    repo = forge.fetched(forge.merge, MAIN, MERGE)

    for environment in (
        {},
        {"CI": "true"},
        {"GITHUB_SHA": forge.merge, "GITHUB_REF": "refs/heads/main"},
    ):
        assert refusal(UsageError, lambda e=environment: base(repo, **e)) == (  # type: ignore[misc]
            "gitmodel gate: nothing says which branch this request is for",
            "gitmodel gate --base REV",
        )


def test_a_ci_system_is_known_by_its_variables() -> None:
    assert [
        is_ci({name: "true"}) for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD")
    ] == [True] * 4
    assert is_ci({"GITHUB_BASE_REF": "main"})
    assert not is_ci({})
    assert not is_ci({"CI": "false"})
    assert not is_ci({"CI": "", "GITHUB_BASE_REF": ""})
