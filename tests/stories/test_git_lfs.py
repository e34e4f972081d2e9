"""Beside git-lfs: the real one where it is installed, its hooks word for word everywhere."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.job import (
    WEIGHTS,
    check_out,
    main_job,
    second_version,
    set_up,
    version_at,
)
from tests.support.models import model
from tests.support.neighbours import LFS_HOOKS, lfs_hook, write_executable

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.repo import Repo

needs_lfs = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")


def use_lfs(ana: Repo) -> None:
    ana.git("lfs", "track", "*.big")
    ana.write("data.big", b"big data " * 1000)
    ana.git("add", ".gitattributes", "data.big")


@needs_lfs
@pytest.mark.parametrize("order", ["lfs first", "lfs second", "lfs by force"])
def test_git_lfs_and_gitmodel_push_what_is_theirs(
    ana: Repo, server: Repo, tmp_path: Path, order: str
) -> None:
    """git-lfs installs over no hook but its own; `--force` overwrites, and we chain it again."""
    ana.git("config", "lfs.locksverify", "false")
    if order == "lfs first":
        ana.git("lfs", "install", "--local")
    ana.gitmodel("init", str(tmp_path / "store"))
    if order == "lfs second":
        refused = ana.git("lfs", "install", "--local", check=False)
        assert refused.returncode != 0
        assert "Hook already exists" in refused.stdout + refused.stderr
        assert ana.gitmodel("doctor", "--offline").returncode == 0, "ours are as they were"
        ana.gitmodel("uninstall")
        ana.git("lfs", "install", "--local")
        ana.gitmodel("install")
    if order == "lfs by force":
        ana.git("lfs", "install", "--local", "--force")
        ana.gitmodel("install")
    use_lfs(ana)
    set_up(ana, tmp_path / "store")
    second_version(ana)

    clone = server.clone(tmp_path / "colleague")
    clone.git("lfs", "install", "--local")
    clone.git("lfs", "pull")
    assert clone.read("data.big") == b"big data " * 1000
    check_out(clone)
    # also for the next one that both change
    ana.write("data.big", b"more data " * 1000)
    ana.write(WEIGHTS, model(seed=3))
    ana.git("commit", "-qam", "both")
    ana.git("push", "-q", "origin", "HEAD:main")
    assert version_at(ana) == 3
    assert len(list((server.path / "lfs" / "objects").rglob("*"))) > 0


@needs_lfs
def test_the_kept_texts_of_git_lfs_are_its_own(ana: Repo) -> None:
    ana.git("lfs", "install", "--local")

    for name in LFS_HOOKS:
        written = (ana.path / ".git" / "hooks" / name).read_bytes()
        if b"3.3.0" in ana.git("lfs", "version").stdout.encode():
            assert written == lfs_hook(name)
        assert b"git lfs" in written


def test_hooks_of_git_lfs_run_first_with_arguments_and_stdin(
    ana: Repo, server: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its texts, and a `git-lfs` that writes down what it is given: also where it is not installed."""
    record = tmp_path / "record"
    write_executable(
        tmp_path / "bin" / "git-lfs",
        f"#!/bin/sh\necho \"$@\" >> '{record}'\n"
        f"[ \"$1\" != pre-push ] || cat >> '{record}'\n".encode(),
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    for name in LFS_HOOKS:
        write_executable(ana.path / ".git" / "hooks" / name, lfs_hook(name))

    main_job(ana, server, tmp_path)
    ana.git("switch", "-q", "-c", "topic")

    lines = record.read_text("utf-8").splitlines()
    assert f"pre-push origin {server.path.as_uri()}" in lines
    assert any(line.startswith("HEAD ") for line in lines)
    assert "post-commit" in lines
    assert any(line.startswith("post-checkout ") and line.endswith(" 1") for line in lines)


@needs_lfs
def test_git_lfs_and_hooks_of_ones_own_and_gitmodel_in_one_place(
    ana: Repo, server: Repo, tmp_path: Path
) -> None:
    folder = ana.path / ".git" / "hooks"
    ana.git("config", "lfs.locksverify", "false")
    write_executable(folder / "pre-commit", f"#!/bin/sh\necho >> '{tmp_path}/ran'\n".encode())
    ana.git("lfs", "install", "--local")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    use_lfs(ana)
    main_job(ana, server, tmp_path)
    ana.gitmodel("uninstall")

    assert (tmp_path / "ran").exists()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
