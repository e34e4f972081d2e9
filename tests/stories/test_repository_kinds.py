"""Every kind of repository does the main job: add, commit with hooks, push, checkout in a clone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gitmodel
from tests.support.job import (
    SECOND,
    WEIGHTS,
    check_out,
    main_job,
    new_server,
    second_version,
    set_up,
    version_at,
)
from tests.support.repo import Repo


@pytest.fixture
def server(tmp_path: Path) -> Repo:
    return new_server(tmp_path)


def remote_of(repo: Repo, server: Repo) -> Repo:
    repo.git("remote", "add", "origin", server.path.as_uri())
    return repo


def commit_of_one_path(ana: Repo) -> None:
    """`git commit PATH` needs post-commit to find the Git folder, wherever that is."""
    ana.write(WEIGHTS, SECOND[::-1])
    ana.gitmodel("add", WEIGHTS)
    ana.write(WEIGHTS, SECOND[::-1] + b"more")  # a bump inside the commit, which is of one path
    ana.git("commit", "-q", "fraud.model.yaml", "-m", "fraud 3")
    assert version_at(ana) == 3
    assert ana.git("status", "--porcelain").stdout == ""


# Where the Git folder is


def test_h7_a_linked_worktree_does_the_main_job(tmp_path: Path, server: Repo) -> None:
    """DVC crashes there: "Not a directory: .../.git/hooks"."""
    repo = remote_of(Repo.create(tmp_path / "repo"), server)
    repo.git("commit", "-q", "--allow-empty", "-m", "first")
    repo.git("worktree", "add", "-q", "-b", "topic", "../beside")

    main_job(Repo(tmp_path / "beside"), server, tmp_path)

    commit_of_one_path(Repo(tmp_path / "beside"))
    repo.git("merge", "-q", "topic~1")
    assert repo.gitmodel("checkout").returncode == 0
    assert repo.read(WEIGHTS) == SECOND


def test_a_worktree_of_a_bare_main_repository(tmp_path: Path, server: Repo) -> None:
    bare = remote_of(Repo.create(tmp_path / "main.git", "--bare"), server)
    tree = bare.git("mktree").stdout.strip()
    first = bare.git("commit-tree", tree, "-m", "first").stdout.strip()
    bare.git("update-ref", "refs/heads/main", first)
    bare.git("worktree", "add", "-q", "../work", "main")

    main_job(Repo(tmp_path / "work"), server, tmp_path)

    commit_of_one_path(Repo(tmp_path / "work"))


def test_a_git_folder_apart(tmp_path: Path, server: Repo) -> None:
    ana = Repo.create(tmp_path / "ana", f"--separate-git-dir={tmp_path / 'git folder'}")

    main_job(remote_of(ana, server), server, tmp_path)

    commit_of_one_path(ana)


def test_a_work_tree_that_the_configuration_names(tmp_path: Path, server: Repo) -> None:
    """`core.worktree`: Git is run from the Git folder's side, the files are elsewhere."""
    ana = remote_of(Repo.create(tmp_path / "ana"), server)
    (tmp_path / "files").mkdir()
    (ana.path / ".git").rename(tmp_path / "apart.git")
    ana.path.rmdir()
    Repo(tmp_path).git("--git-dir=apart.git", "config", "core.worktree", str(tmp_path / "files"))
    (tmp_path / "files" / ".git").write_text("gitdir: ../apart.git\n", encoding="utf-8")

    main_job(Repo(tmp_path / "files"), server, tmp_path)

    commit_of_one_path(Repo(tmp_path / "files"))


def test_the_environment_says_where_the_repository_is(tmp_path: Path, server: Repo) -> None:
    """GIT_DIR and GIT_WORK_TREE, as people use for their dot files: there is no `.git` at all."""
    ana = remote_of(Repo.create(tmp_path / "ana"), server)
    (ana.path / ".git").rename(tmp_path / "dotfiles")
    env = {"GIT_DIR": str(tmp_path / "dotfiles"), "GIT_WORK_TREE": str(ana.path)}

    set_up(ana, tmp_path / "store", env=env)
    second_version(ana, env=env)

    check_out(server.clone(tmp_path / "colleague"))
    (tmp_path / "outside").mkdir()
    assert "fraud" in Repo(tmp_path / "outside").gitmodel("list", env=env).stdout


def test_a_work_tree_behind_a_link(tmp_path: Path, server: Repo) -> None:
    remote_of(Repo.create(tmp_path / "real"), server)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    ana = Repo(tmp_path / "link")

    main_job(ana, server, tmp_path)

    ana.gitmodel("add", str(tmp_path / "link" / WEIGHTS))
    commit_of_one_path(ana)


@pytest.mark.parametrize("name", ["späte Modelle ü", "a 'b' \"c\" $d", "模型"])
def test_a_path_of_any_letters(tmp_path: Path, server: Repo, name: str) -> None:
    ana = remote_of(Repo.create(tmp_path / name), server)

    main_job(ana, server, tmp_path)

    commit_of_one_path(ana)


# Repositories in repositories


@pytest.fixture
def superproject(tmp_path: Path, server: Repo) -> Repo:
    """A repository with the models as its submodule `models`."""
    seed = remote_of(Repo.create(tmp_path / "seed"), server)
    seed.commit("first")
    seed.git("push", "-q", "origin", "main")
    outer = Repo.create(tmp_path / "outer")
    outer.git("submodule", "--quiet", "add", server.path.as_uri(), "models")
    outer.commit("models as submodule")
    return outer


def test_a_submodule_does_the_main_job(tmp_path: Path, server: Repo, superproject: Repo) -> None:
    inner = Repo(superproject.path / "models")

    main_job(inner, server, tmp_path)

    assert "models" in superproject.git("status", "--porcelain").stdout
    superproject.commit("newer models")
    commit_of_one_path(inner)


def test_a_superproject_has_models_of_its_own(
    tmp_path: Path, superproject: Repo, server: Repo
) -> None:
    """Each is a repository of its own: hooks, store and models of one do not see the other's."""
    inner = Repo(superproject.path / "models")
    set_up(inner, tmp_path / "inner store")
    superproject.commit("newer models")
    outer_server = Repo.create(tmp_path / "outer.git", "--bare")
    remote_of(superproject, outer_server)

    main_job(superproject, outer_server, tmp_path)

    assert version_at(inner) == 1
    refused = superproject.gitmodel("add", f"models/{WEIGHTS}", "--name", "other", check=False)
    assert refused.returncode != 0
    assert "submodule" in refused.stderr


def test_pushing_submodules_on_demand_uploads_the_weights_of_both(
    tmp_path: Path, superproject: Repo, server: Repo
) -> None:
    """Git runs the superproject's hook first, then the submodule's with its own environment."""
    inner = Repo(superproject.path / "models")
    set_up(inner, tmp_path / "inner store")
    remote_of(superproject, Repo.create(tmp_path / "outer.git", "--bare"))
    set_up(superproject, tmp_path / "store")
    for repo in (inner, superproject):
        repo.write(WEIGHTS, SECOND)
        repo.write("notes.txt", "two\n")
        repo.git("commit", "-qam", "fraud 2")

    superproject.git("push", "-q", "--recurse-submodules=on-demand", "origin", "main")

    check_out(server.clone(tmp_path / "colleague"))
    check_out(Repo(tmp_path / "outer.git").clone(tmp_path / "outer colleague"))


# How objects, refs and the index are written


def test_a_sha256_repository(tmp_path: Path) -> None:
    server = new_server(tmp_path, "--object-format=sha256")
    ana = remote_of(Repo.create(tmp_path / "ana", "--object-format=sha256"), server)

    main_job(ana, server, tmp_path)

    commit_of_one_path(ana)


CONFIGURATIONS = {
    "index-v4": ["index.version=4", "core.untrackedCache=true", "core.preloadIndex=true"],
    "split-index": ["core.splitIndex=true", "splitIndex.maxPercentChange=0"],
    "autocrlf": ["core.autocrlf=true"],
    "autocrlf-input": ["core.autocrlf=input", "core.safecrlf=true", "core.logAllRefUpdates=false"],
    "crlf": ["core.eol=crlf", "feature.manyFiles=true", "core.commitGraph=true"],
    "other-systems": [
        *("core.ignoreCase=true", "core.precomposeUnicode=true"),
        *("core.fileMode=false", "core.symlinks=false"),
    ],
    "odd-habits": [
        *("log.follow=true", "status.short=true", "diff.noprefix=true", "color.ui=always"),
        *("core.quotePath=false", "core.abbrev=4", "log.showSignature=true"),
    ],
}


@pytest.mark.parametrize("settings", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_a_repository_configured_so(
    tmp_path: Path, home: Path, server: Repo, settings: list[str]
) -> None:
    ana = Repo.create(tmp_path / "ana")
    for setting in settings:
        ana.git("config", "--global", *setting.split("=", 1))

    clone = main_job(remote_of(ana, server), server, tmp_path)

    commit_of_one_path(ana)
    assert "already set up" in clone.gitmodel("init").stdout


def test_configuration_of_one_worktree(tmp_path: Path, server: Repo) -> None:
    """`extensions.worktreeConfig`: two worktrees with hooks in two places."""
    repo = remote_of(Repo.create(tmp_path / "repo"), server)
    repo.git("commit", "-q", "--allow-empty", "-m", "first")
    repo.git("config", "extensions.worktreeConfig", "true")
    repo.git("worktree", "add", "-q", "-b", "topic", "../beside")
    beside = Repo(tmp_path / "beside")
    beside.git("config", "--worktree", "core.hooksPath", str(tmp_path / "own hooks"))

    main_job(beside, server, tmp_path)

    assert (tmp_path / "own hooks" / "pre-commit").exists()
    assert not (repo.path / ".git" / "hooks" / "pre-commit").exists()


def test_a_file_system_monitor_is_neither_run_nor_lost(tmp_path: Path, server: Repo) -> None:
    """Git runs the one that the configuration names; we do not, and find changes all the same."""
    ana = remote_of(Repo.create(tmp_path / "ana"), server)
    monitor = tmp_path / "monitor"
    monitor.write_text("#!/bin/sh\nprintf 'token\\0/\\0'\n", encoding="utf-8")
    monitor.chmod(0o755)
    ana.git("config", "core.fsmonitor", str(monitor))
    ana.git("config", "core.fsmonitorHookVersion", "2")

    main_job(ana, server, tmp_path)

    commit_of_one_path(ana)


@pytest.mark.parametrize("word", ["HEAD", "refs", "packed-refs", "ORIG_HEAD", "logs"])
def test_nobody_reads_refs_by_hand(word: str) -> None:
    """Git 2.39 has no reftable to try, so the code is looked at: HEAD and refs are Git's alone."""
    package = Path(gitmodel.__file__).parent
    by_hand = re.compile(rf'(?:git_dir|common_dir|git_folder)[^\n]*, *f?"{word}["/]')

    found = [path.name for path in package.rglob("*.py") if by_hand.search(path.read_text("utf-8"))]

    assert found == []
