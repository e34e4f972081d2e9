"""A change is proposed by `git push` as any other: nothing of the clone moves, nothing on the remote is replaced."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import GitCommandError, RepositoryError, UsageError
from gitmodel.project.committing.commit_paths import commit_paths
from gitmodel.project.context import Context
from gitmodel.project.project import Project
from gitmodel.project.pull_request import PullRequest, open_pull_request
from tests.support.git_server import git_server
from tests.support.kept import Kept
from tests.support.repo import Repo
from tests.support.untouched import untouched

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gitmodel.errors import GitmodelError

pytestmark = pytest.mark.slow  # each test starts many Git processes

ALIAS = "models/fraud.production.alias.yaml"
BRANCH = "promote/fraud-production-v7"
TRACKING = f"refs/remotes/origin/{BRANCH}"
MESSAGE = "Promote fraud v7 to production\n\nMay hold-out, #214"
CHANGES = {ALIAS: "version: 7\n"}
DELETE = f"git push origin --delete {BRANCH}, then again"


def _built(folder: Path) -> Repo:
    first = Repo.create(folder / "first")
    first.write("models/fraud.model.yaml", "version: 7\n")
    first.write("old/last.alias.yaml", "version: 1\n")
    first.commit("before")
    first.write("README.md", "read me\n")
    first.commit("base")
    server = first.clone("server", "--bare")
    for name in ("allowFilter", "allowAnySHA1InWant"):
        server.git("config", f"uploadpack.{name}", "true")
    return server.clone("clone")


KEPT = Kept(_built)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return KEPT.folder_for(request, "clone", tmp_path)


@pytest.fixture
def clone(tmp_path: Path) -> Repo:
    """A clone of `server`, which is beside it."""
    assert tmp_path.is_dir()
    return KEPT.repo()


def server_of(clone: Repo) -> Repo:
    return Repo(clone.path.with_name("server"))


def colleague_of(clone: Repo) -> Repo:
    return server_of(clone).clone("colleague")


def opened(repo: Repo) -> Project:
    return Project.open(Context(environment=dict(os.environ), folder=str(repo.path)))


def proposed(
    repo: Repo,
    changes: Mapping[str, str | None] = CHANGES,
    *,
    message: str = MESSAGE,
    branch: str = BRANCH,
) -> PullRequest:
    """Open a pull request; all that may change here is the remote-tracking branch."""
    with untouched(repo, but=f"refs/remotes/origin/{branch}"), opened(repo) as project:
        return open_pull_request(project, changes, message, branch)


def refused(
    repo: Repo, changes: Mapping[str, str | None] = CHANGES, *, branch: str = BRANCH
) -> GitmodelError:
    """The error; nothing has changed, here or on the server."""
    server = Repo(repo.path.with_name("server"))
    refusal = pytest.raises((RepositoryError, UsageError))
    with untouched(repo), untouched(server), opened(repo) as project, refusal as caught:
        open_pull_request(project, changes, MESSAGE, branch)
    return caught.value


def hook(repo: Repo, name: str, script: str) -> None:
    folder = repo.path / ".git" if (repo.path / ".git").is_dir() else repo.path
    (folder / "hooks").mkdir(exist_ok=True)
    path = folder / "hooks" / name
    path.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    path.chmod(0o755)


def changed_in(repo: Repo, commit: str) -> str:
    return repo.git("diff-tree", "-r", "--no-commit-id", "--name-status", commit).stdout


def test_the_branch_is_one_commit_on_the_default_branch(clone: Repo) -> None:
    made = proposed(clone)
    server = server_of(clone)

    assert made == PullRequest(
        commit=server.head(BRANCH),
        branch=BRANCH,
        remote="origin",
        base="main",
        compare_url=None,
        base_commit=server.head("main"),
        is_new=True,
        is_base_current=True,
    )
    assert made.short_base == server.head("main")[:10]
    assert server.head(f"{BRANCH}^") == server.head("main")
    assert changed_in(server, BRANCH) == f"A\t{ALIAS}\n"
    assert server.git("log", "-1", "--format=%an|%B", BRANCH).stdout == f"Ana|{MESSAGE}\n\n"
    assert clone.git("branch", "--format=%(refname)").stdout == "refs/heads/main\n"
    assert clone.head(TRACKING) == made.commit


def test_what_is_here_does_not_matter(clone: Repo) -> None:
    """A commit that is not pushed, and staged and other changes at the same path."""
    clone.write("mine.txt", "mine\n")
    clone.commit("not pushed")
    clone.write(ALIAS, "staged\n")
    clone.git("add", ALIAS)
    clone.write(ALIAS, "changed after that\n")
    clone.write("README.md", "changed\n")
    made = proposed(clone)

    assert changed_in(server_of(clone), made.commit) == f"A\t{ALIAS}\n"
    assert server_of(clone).git("show", f"{BRANCH}:{ALIAS}").stdout == "version: 7\n"


def test_a_detached_head(clone: Repo) -> None:
    clone.git("checkout", "-q", "--detach", "HEAD^")

    assert proposed(clone).base_commit == clone.head("origin/main")


def test_a_branch_without_a_commit(clone: Repo) -> None:
    clone.git("checkout", "-q", "--orphan", "new")

    assert proposed(clone).base_commit == clone.head("origin/main")


def test_during_a_merge_with_conflicts(clone: Repo) -> None:
    clone.git("checkout", "-q", "-b", "side", "HEAD^")
    clone.write("README.md", "another\n")
    clone.commit("side")
    assert clone.git("merge", "main", check=False).returncode == 1

    assert changed_in(clone, proposed(clone).commit) == f"A\t{ALIAS}\n"


def test_a_linked_work_tree(clone: Repo) -> None:
    clone.git("worktree", "add", "-q", "-b", "side", "../linked")
    linked = Repo(clone.path.with_name("linked"))
    with untouched(clone, but=TRACKING):
        made = proposed(linked)

    assert changed_in(clone, made.commit) == f"A\t{ALIAS}\n"


@pytest.mark.parametrize("options", [["--depth=1"], ["--filter=blob:none"], ["--filter=tree:0"]])
def test_a_clone_that_has_not_everything(clone: Repo, options: list[str]) -> None:
    small = server_of(clone).clone("small", *options)
    made = proposed(small)

    assert changed_in(server_of(clone), made.commit) == f"A\t{ALIAS}\n"
    assert proposed(small) == replace(made, is_new=False)


def test_the_same_from_another_shallow_clone_is_there_already(clone: Repo) -> None:
    small = server_of(clone).clone("small", "--depth=1")
    made = proposed(clone)

    assert proposed(small) == replace(made, is_new=False)
    assert small.git("fsck").returncode == 0
    small.git("fetch", "-q")
    assert small.git("log", "--oneline", "origin/main").stdout.count("\n") == 1


def test_a_shallow_clone_that_cannot_tell_refuses(clone: Repo) -> None:
    """It does not have the commit that the first proposal was made on."""
    there = proposed(clone).commit
    other = colleague_of(clone)
    other.write("README.md", "newer\n")
    other.commit("newer")
    other.git("push", "-q")
    small = server_of(clone).clone("small", "--depth=1")

    assert str(refused(small)).endswith(f"with another change ({there[:10]})")
    assert small.git("fsck").returncode == 0


def test_a_repository_that_the_environment_names(
    clone: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clone.path / ".git").rename(clone.path.with_name("elsewhere"))
    monkeypatch.setenv("GIT_DIR", str(clone.path.with_name("elsewhere")))
    monkeypatch.setenv("GIT_WORK_TREE", str(clone.path))
    clone.write(ALIAS, "version: 7\n")
    made = proposed(clone)
    with opened(clone) as project:
        assert commit_paths(project, [ALIAS], MESSAGE) == clone.head()

    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_WORK_TREE")
    assert server_of(clone).head(BRANCH) == made.commit


def test_a_repository_with_sha256(tmp_path: Path) -> None:
    first = Repo.create(tmp_path / "first", "--object-format=sha256")
    first.write("README.md", "read me\n")
    first.commit("base")
    clone = first.clone("server", "--bare").clone("clone")

    assert len(proposed(clone).commit) == 64


def test_the_last_file_of_a_folder_is_removed(clone: Repo) -> None:
    made = proposed(clone, {"old/last.alias.yaml": None})

    assert changed_in(server_of(clone), made.commit) == "D\told/last.alias.yaml\n"


def test_the_hook_pre_push_sees_the_commit_in_the_user_s_environment(
    clone: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    hook(clone, "pre-push", 'echo "$1 $LC_ALL $(cat)" > ../seen\n')
    made = proposed(clone)

    zeros = "0" * 40
    seen = clone.path.with_name("seen").read_text(encoding="utf-8")
    assert seen == f"origin C.UTF-8 {made.commit} {made.commit} refs/heads/{BRANCH} {zeros}\n"


def test_a_hook_that_refuses_is_quoted_with_its_hint(clone: Repo) -> None:
    hook(
        clone,
        "pre-push",
        'echo "gitmodel: fraud@production means version 9" >&2\necho "hint: git pull" >&2\nexit 1\n',
    )
    error = refused(clone)

    assert str(error) == (f"{BRANCH} was not pushed to origin: fraud@production means version 9")
    assert error.hint == "git pull"


def test_a_hook_that_speaks_on_stdout_is_quoted(clone: Repo) -> None:
    hook(clone, "pre-push", 'echo "lint: failed"\nexit 1\n')

    error = refused(clone)
    assert str(error) == f"{BRANCH} was not pushed to origin: lint: failed"
    assert error.hint == "the hook pre-push refused; it is in: git rev-parse --git-path hooks"


def test_a_server_that_refuses_is_quoted(clone: Repo) -> None:
    hook(server_of(clone), "pre-receive", 'echo "error: only release managers" >&2\nexit 1\n')
    error = refused(clone)

    assert str(error) == (
        f"{BRANCH} was not pushed to origin: only release managers; "
        "[remote rejected] (pre-receive hook declined)"
    )
    assert error.hint == (
        "use --commit instead of --pr, and push that to a branch that you may push to"
    )


def test_a_remote_that_cannot_be_reached_is_git_s_error_without_the_password(
    clone: Repo,
) -> None:
    clone.git("remote", "set-url", "origin", "http://ana:hunter2@127.0.0.1:9/models.git")
    error = refused(clone)

    assert str(error).startswith("origin cannot be read: unable to access 'http://127.0.0.1:9/")
    assert "hunter2" not in str(error)
    assert error.hint == "git ls-remote origin, to see whether Git reaches it"


def test_a_password_is_asked_for_as_for_git_push_and_never_shown(
    clone: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = clone.path.with_name("askpass")
    asked.write_text('#!/bin/sh\necho "$1" >> ../asked\necho hunter2\n', encoding="utf-8")
    asked.chmod(0o755)
    server = server_of(clone)
    server.git("config", "http.receivepack", "true")
    with git_server(clone.path.parent) as running:
        running.password = "ana:hunter2"  # noqa: S105
        clone.git("remote", "set-url", "origin", running.url("server", user="ana"))
        monkeypatch.setenv("GIT_ASKPASS", str(asked))
        made = proposed(clone)
        hook(server, "pre-receive", 'echo "closed" >&2\nexit 1\n')
        monkeypatch.setenv("GIT_ASKPASS", "true")
        clone.git("remote", "set-url", "origin", running.url("server", user="ana:hunter2"))
        error = refused(clone, branch="another")

    assert server.head(BRANCH) == made.commit
    assert "Password" in clone.path.with_name("asked").read_text(encoding="utf-8")
    assert str(error) == (
        "another was not pushed to origin: closed; [remote rejected] (pre-receive hook declined)"
    )


def test_a_remote_that_runs_a_program_is_refused(clone: Repo) -> None:
    clone.git("remote", "set-url", "origin", "ext::touch ran")
    error = refused(clone)

    assert "'ext' not allowed" in str(error)
    assert not (clone.path / "ran").exists()


def test_the_same_again_is_there_already(clone: Repo) -> None:
    made = proposed(clone)

    assert proposed(clone) == replace(made, is_new=False)


def test_the_same_from_another_clone_is_there_already(clone: Repo) -> None:
    other = colleague_of(clone)
    made = proposed(clone)
    with untouched(other):
        again = proposed(other)

    assert again == replace(made, is_new=False)


def test_the_same_is_there_already_if_only_other_files_have_moved_on(clone: Repo) -> None:
    made = proposed(clone)
    other = colleague_of(clone)
    other.write("README.md", "newer\n")
    other.commit("newer")
    other.git("push", "-q")
    again = proposed(other)

    assert (again.commit, again.is_new) == (made.commit, False)
    assert again.base_commit == other.head("origin/main") != made.base_commit


def test_another_change_or_message_on_that_branch_is_refused(clone: Repo) -> None:
    there = proposed(clone, {ALIAS: "version: 6\n"}).commit

    error = refused(clone)
    assert str(error) == (
        f"origin has a branch {BRANCH} already, with another change ({there[:10]})"
    )
    assert error.hint == DELETE
    clone.git("push", "-q", "origin", "--delete", BRANCH)
    there = proposed(clone, message="another reason").commit
    assert str(refused(clone)).endswith(f"with another change ({there[:10]})")


def test_a_branch_with_more_commits_is_refused(clone: Repo) -> None:
    proposed(clone)
    other = colleague_of(clone)
    other.git("checkout", "-q", BRANCH)
    other.git("commit", "-q", "--allow-empty", "-m", MESSAGE)
    other.git("push", "-q")

    assert "with another change" in str(refused(clone))


def test_a_branch_that_was_merged_and_never_deleted_is_refused(clone: Repo) -> None:
    """By a merge, and by a squash; here the files were then put back, so the same is proposed again."""
    proposed(clone)
    clone.git("merge", "-q", "--no-ff", "-m", "merge", TRACKING)
    clone.git("rm", "-q", ALIAS)
    clone.commit("roll back")
    clone.git("push", "-q")

    error = refused(clone)
    assert str(error) == f"origin has a branch {BRANCH} already, merged into main"
    assert error.hint == DELETE


def test_a_branch_that_was_squashed_and_never_deleted_is_refused(clone: Repo) -> None:
    proposed(clone)
    clone.git("merge", "-q", "--squash", TRACKING)
    clone.commit("squashed")
    clone.git("rm", "-q", ALIAS)
    clone.commit("roll back")
    clone.git("push", "-q")

    assert "with another change" in str(refused(clone))


def test_the_way_out_of_a_branch_that_exists_helps(clone: Repo) -> None:
    proposed(clone, {ALIAS: "version: 6\n"})
    command = (refused(clone).hint or "").partition(",")[0].split()
    clone.git(*command[1:])

    assert proposed(clone).is_new


def test_a_branch_at_an_older_commit_of_the_base_is_not_moved(clone: Repo) -> None:
    clone.git("push", "-q", "origin", f"main^:refs/heads/{BRANCH}")

    assert str(refused(clone)) == f"origin has a branch {BRANCH} already, merged into main"


def test_a_branch_that_appears_during_the_push_is_not_moved(clone: Repo) -> None:
    """The hook plays the colleague who is faster."""
    server = server_of(clone)
    hook(clone, "pre-push", f"git -C {server.path} update-ref refs/heads/{BRANCH} main^\n")
    with opened(clone) as project, pytest.raises(GitCommandError) as caught:
        open_pull_request(project, CHANGES, MESSAGE, BRANCH)

    assert str(caught.value).startswith(f"{BRANCH} was not pushed to origin: ")
    assert caught.value.hint == "the branch appeared meanwhile: run the same command again"
    assert server.head(BRANCH) == server.head("main^")


def test_the_base_is_what_this_clone_knows(clone: Repo) -> None:
    other = colleague_of(clone)
    other.write("README.md", "newer\n")
    other.commit("newer")
    other.git("push", "-q")
    made = proposed(clone)

    assert made.base_commit == clone.head("origin/main") != server_of(clone).head("main")
    assert not made.is_base_current


def test_files_that_the_base_has_already_are_no_proposal(clone: Repo) -> None:
    error = refused(clone, {"models/fraud.model.yaml": "version: 7\n", "no.yaml": None})

    assert str(error) == ("main on origin has models/fraud.model.yaml and 1 more like this already")
    assert error.hint == "git merge origin/main"


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ([], "git remote set-head origin --auto"),
        (
            ["--single-branch", "--branch", "side"],
            (
                "git remote set-branches origin '*', then git fetch origin, "
                "then git remote set-head origin --auto"
            ),
        ),
    ],
)
def test_a_clone_that_does_not_know_the_default_branch_is_told_how(
    clone: Repo, options: list[str], hint: str
) -> None:
    server_of(clone).git("branch", "side", "main")
    other = server_of(clone).clone("other", *options)
    other.git("remote", "set-head", "origin", "--delete", check=False)
    error = refused(other)

    assert str(error) == "this clone does not know the default branch of origin"
    assert error.hint == hint
    subprocess.run(hint.replace(", then", " &&"), shell=True, check=True, cwd=other.path)  # noqa: S602
    assert proposed(other).base == "main"


def test_a_checkout_of_one_commit_is_told_how(clone: Repo) -> None:
    """As a CI service makes it: no branch of the remote is there."""
    server = server_of(clone)
    ci = Repo.create(clone.path.with_name("ci"))
    ci.git("remote", "add", "origin", server.path.as_uri())
    server.git("update-ref", "refs/pull/1/merge", "main")
    ci.git("fetch", "-q", "--depth=1", "origin", "+refs/pull/1/merge:refs/remotes/pull/1/merge")
    ci.git("checkout", "-q", "--detach", "refs/remotes/pull/1/merge")
    hint = refused(ci).hint or ""
    assert hint == "git fetch origin, then git remote set-head origin --auto"
    subprocess.run(hint.replace(", then", " &&"), shell=True, check=True, cwd=ci.path)  # noqa: S602

    assert proposed(ci).base == "main"


def test_a_repository_without_a_remote_is_told_how(repo: Repo) -> None:
    repo.write("README.md", "x\n")
    repo.commit("x")
    with opened(repo) as project, pytest.raises(RepositoryError) as caught:
        open_pull_request(project, CHANGES, MESSAGE, BRANCH)

    assert str(caught.value) == "this repository has no Git remote called origin"
    assert caught.value.hint == "git remote add origin URL"


@pytest.mark.parametrize("setting", ["branch.main.pushRemote", "remote.pushDefault"])
def test_the_remote_is_the_one_that_the_branch_is_pushed_to(clone: Repo, setting: str) -> None:
    fork = server_of(clone).clone("fork", "--bare")
    clone.git("remote", "add", "mine", fork.path.as_uri())
    clone.git("fetch", "-q", "mine")
    clone.git("remote", "set-head", "mine", "main")
    clone.git("config", setting, "mine")
    with untouched(server_of(clone)), opened(clone) as project:
        made = open_pull_request(project, CHANGES, MESSAGE, BRANCH)

    assert made.remote == "mine"
    assert fork.head(BRANCH) == made.commit


def test_a_remote_with_another_name_is_taken_if_it_is_the_only_one(clone: Repo) -> None:
    clone.git("remote", "rename", "origin", "acme")
    clone.git("checkout", "-q", "--detach")
    with opened(clone) as project:
        assert open_pull_request(project, CHANGES, MESSAGE, BRANCH).remote == "acme"


def test_a_url_to_push_to_is_where_the_branch_is_looked_for(clone: Repo) -> None:
    fork = server_of(clone).clone("fork", "--bare")
    clone.git("remote", "set-url", "--push", "origin", fork.path.as_uri())
    made = proposed(clone)

    assert fork.head(BRANCH) == made.commit
    assert proposed(clone) == replace(made, is_new=False)


def test_the_page_is_that_of_the_forge(clone: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL is GitHub's; ssh, which Git would start for it, is a script that runs the server here."""
    ssh = clone.path.with_name("ssh")
    server = server_of(clone).path
    program = '$(echo "$2" | cut -d" " -f1)'
    ssh.write_text(f"#!/bin/sh\nexec {program} {server}\n", encoding="utf-8")
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    monkeypatch.setenv("GIT_SSH_VARIANT", "simple")
    clone.git("remote", "set-url", "origin", "git@github.com:acme/models.git")

    page = f"https://github.com/acme/models/compare/main...{BRANCH}?expand=1"
    assert [proposed(clone).compare_url for _ in range(2)] == [page, page]


def test_the_page_of_an_unknown_host_is_the_one_that_its_server_says(clone: Repo) -> None:
    page = "https://git.acme.example/acme/models/compare/main...promote%2Ffraud-production-v7"
    hook(
        server_of(clone),
        "post-receive",
        f'echo "Welcome, see https://wiki.acme.example/" >&2\necho "  {page}" >&2\n',
    )

    assert proposed(clone).compare_url == page


@pytest.mark.parametrize("branch", ["", "a b", "a..b", "a:refs/heads/main", "main", "x.lock"])
def test_a_name_that_is_none_for_a_new_branch_is_refused(clone: Repo, branch: str) -> None:
    assert refused(clone, branch=branch).exit_code == 2


def test_a_mirror_setting_of_the_remote_is_git_s_error(clone: Repo) -> None:
    clone.git("config", "remote.origin.mirror", "true")

    assert "--mirror" in str(refused(clone))


def test_signing_is_done_as_configured(clone: Repo) -> None:
    key = clone.path.with_name("key")
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    for name, value in {
        "gpg.format": "ssh",
        "user.signingKey": str(key),
        "commit.gpgSign": "true",
    }.items():
        clone.git("config", name, value)
    made = proposed(clone)

    raw = server_of(clone).git("cat-file", "commit", made.commit).stdout
    assert "-----BEGIN SSH SIGNATURE-----" in raw
    assert proposed(clone) == replace(made, is_new=False)


# `--commit`


def test_named_files_are_committed_alone_and_what_is_staged_stays(clone: Repo) -> None:
    clone.write("README.md", "staged\n")
    clone.git("add", "README.md")
    clone.write(ALIAS, "version: 7\n")
    clone.write("untracked.txt", "x\n")
    clone.git("rm", "-q", "old/last.alias.yaml")
    hook(clone, "pre-commit", "touch ../ran\n")
    with opened(clone) as project:
        commit = commit_paths(project, [ALIAS, "old/last.alias.yaml"], MESSAGE)

    assert commit == clone.head()
    assert changed_in(clone, "HEAD") == f"A\t{ALIAS}\nD\told/last.alias.yaml\n"
    assert clone.git("log", "-1", "--format=%B").stdout == f"{MESSAGE}\n\n"
    assert clone.git("status", "--porcelain").stdout == "M  README.md\n?? untracked.txt\n"
    assert clone.path.with_name("ran").exists()


def test_files_as_in_head_are_not_committed(clone: Repo) -> None:
    head = clone.head()
    clone.write("other.txt", "staged\n")
    clone.git("add", "other.txt")
    with opened(clone) as project:
        assert commit_paths(project, ["README.md"], MESSAGE) is None

    assert clone.head() == head
    assert clone.git("status", "--porcelain").stdout == "A  other.txt\n"


def test_the_first_commit_of_a_branch(repo: Repo) -> None:
    repo.write(ALIAS, "version: 7\n")
    repo.write("other.txt", "staged\n")
    repo.git("add", "other.txt")
    with opened(repo) as project:
        commit_paths(project, [ALIAS], MESSAGE)

    assert repo.git("ls-tree", "-r", "--name-only", "HEAD").stdout == f"{ALIAS}\n"
    assert repo.git("status", "--porcelain").stdout == "A  other.txt\n"


def test_a_path_is_no_pattern(clone: Repo) -> None:
    clone.write("models/*.alias.yaml", "version: 7\n")
    clone.write(ALIAS, "version: 6\n")
    clone.git("add", "models")
    with opened(clone) as project:
        commit_paths(project, ["models/*.alias.yaml"], MESSAGE)

    assert changed_in(clone, "HEAD") == "A\tmodels/*.alias.yaml\n"


def test_a_hook_that_refuses_a_commit_is_quoted_and_the_file_stays_staged(clone: Repo) -> None:
    clone.write(ALIAS, "version: 7\n")
    hook(clone, "commit-msg", 'echo "error: no ticket in the message" >&2\nexit 1\n')
    with opened(clone) as project, pytest.raises(GitCommandError) as caught:
        commit_paths(project, [ALIAS], MESSAGE)

    assert str(caught.value) == "git commit failed: no ticket in the message"
    assert clone.git("status", "--porcelain").stdout == f"A  {ALIAS}\n"


def test_a_conflict_in_another_file_stays_one(clone: Repo) -> None:
    clone.write("README.md", "stashed\n")
    clone.git("stash", "-q")
    clone.write("README.md", "another\n")
    clone.commit("another")
    assert clone.git("stash", "pop", check=False).returncode == 1
    clone.write(ALIAS, "version: 7\n")
    with opened(clone) as project:
        commit_paths(project, [ALIAS], MESSAGE)

    assert changed_in(clone, "HEAD") == f"A\t{ALIAS}\n"
    assert clone.git("status", "--porcelain").stdout == "UU README.md\n"


def test_a_file_that_a_sparse_checkout_excludes_is_committed(clone: Repo) -> None:
    clone.git("sparse-checkout", "set", "old")
    clone.write("models/fraud.model.yaml", "version: 8\n")
    with opened(clone) as project:
        commit_paths(project, ["models/fraud.model.yaml"], MESSAGE)

    assert changed_in(clone, "HEAD") == "M\tmodels/fraud.model.yaml\n"


def test_the_commit_is_signed_if_git_commit_would_sign_it(clone: Repo) -> None:
    clone.git("config", "gpg.format", "ssh")
    clone.git("config", "user.signingKey", "/no/such/key")
    clone.git("config", "commit.gpgSign", "true")
    clone.write(ALIAS, "version: 7\n")
    with opened(clone) as project, pytest.raises(GitCommandError) as caught:
        commit_paths(project, [ALIAS], MESSAGE)

    assert "/no/such/key" in str(caught.value)


def test_during_a_merge_nothing_is_committed_or_staged(clone: Repo) -> None:
    clone.git("checkout", "-q", "-b", "side", "HEAD^")
    clone.write("README.md", "another\n")
    clone.commit("side")
    clone.git("merge", "main", check=False)
    clone.write(ALIAS, "version: 7\n")
    with untouched(clone), opened(clone) as project, pytest.raises(RepositoryError) as caught:
        commit_paths(project, [ALIAS], MESSAGE)

    assert str(caught.value) == (
        "a merge is in progress, and during one no file can be committed alone"
    )
    assert caught.value.hint == "git merge --continue, or git merge --abort, then again"


def test_a_bare_repository_has_no_work_tree_to_commit_from(clone: Repo) -> None:
    with opened(server_of(clone)) as project, pytest.raises(RepositoryError):
        commit_paths(project, [ALIAS], MESSAGE)
