"""What goes wrong with DVC when it is installed, set up, or in a new place, and what happens here.

The letters are those of the list in which each was reproduced (H: hooks, D: data). More of them are
in `test_repository_kinds` (H7), `test_clone_kinds` (D9c), `test_neighbours` (H3, H5, H6, H14),
`test_broken_installation` (H8) and `test_idle` (H16).
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires
from typing import TYPE_CHECKING

import pytest

from tests.support.job import SECOND, WEIGHTS, check_out, new_server, second_version, set_up
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Repo:
    return new_server(tmp_path)


@pytest.fixture
def ana(tmp_path: Path, server: Repo) -> Repo:
    ana = Repo.create(tmp_path / "ana")
    ana.git("remote", "add", "origin", server.path.as_uri())
    return ana


def test_h13_a_container_without_hooks_is_told_and_its_push_can_be_made_good(
    ana: Repo, server: Repo, tmp_path: Path
) -> None:
    """DVC: hooks are not there in short-lived containers, and people forget `dvc push`."""
    set_up(ana, tmp_path / "store")
    container = server.clone(tmp_path / "container")
    container.write(WEIGHTS, SECOND)
    container.gitmodel("remote", "trust")
    container.gitmodel("add", WEIGHTS)
    container.git("commit", "-qm", "fraud 2")

    told = container.gitmodel("status")
    container.git("push", "-q", "origin", "main")
    refused = container.gitmodel("verify", "--refs", "HEAD", check=False)

    assert "hooks that are not installed in this clone: pre-commit, pre-push" in told.stderr
    assert refused.returncode == 1
    assert "gitmodel push" in refused.stderr + refused.stdout
    container.gitmodel("push")
    assert container.gitmodel("verify", "--refs", "HEAD").returncode == 0
    check_out(server.clone(tmp_path / "colleague"))


def test_h13_one_command_in_a_new_container_is_enough(
    ana: Repo, server: Repo, tmp_path: Path
) -> None:
    set_up(ana, tmp_path / "store")
    container = server.clone(tmp_path / "container")

    container.gitmodel("init")
    second_version(container)

    check_out(server.clone(tmp_path / "colleague"))


def test_d5_a_relative_path_of_a_store_means_one_folder(
    ana: Repo, server: Repo, tmp_path: Path
) -> None:
    """DVC pushed three of four files to a folder at the root of the file system."""
    (tmp_path / "share").mkdir()
    ana.gitmodel("init", "../share")
    text = (ana.path / ".gitmodel.yaml").read_text("utf-8")
    relative = text.replace(str(tmp_path / "share"), "../share")
    assert relative != text
    ana.write(".gitmodel.yaml", relative)
    ana.gitmodel("remote", "trust")
    ana.write("deep/below/notes.txt", "\n")
    ana.write(WEIGHTS, SECOND)
    inside = Repo(ana.path / "deep" / "below")

    inside.gitmodel("add", f"../../{WEIGHTS}")
    ana.git("add", ".")
    inside.git("commit", "-qm", "fraud 1")
    inside.git("push", "-q", "origin", "HEAD:main")

    assert list((tmp_path / "share").rglob("packs/*/*"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ana", "server.git", "share"]
    ana.git("worktree", "add", "-q", "-b", "topic", "../elsewhere/at/another/depth")
    lost = Repo(tmp_path / "elsewhere" / "at" / "another" / "depth").gitmodel("verify", check=False)
    assert lost.returncode == 1
    assert "is not there" in lost.stderr
    assert not (tmp_path / "elsewhere" / "at" / "share").exists(), "a typing error makes no store"


def test_d12_less_than_half_of_what_comes_with_dvc_comes_with_gitmodel() -> None:
    """DVC with S3, GTO and dvclive: about 105 packages (celery, kombu, hydra, networkx, ...)."""
    found: set[str] = set()
    wanted = ["gitmodel"]
    while wanted:
        name = wanted.pop()
        try:
            lines = requires(name) or []
        except PackageNotFoundError:  # for another Python or system
            continue
        found.add(name)
        needed = (re.match(r"[\w.-]+", line) for line in lines if "extra ==" not in line)
        names = {match[0].lower().replace("_", "-") for match in needed if match is not None}
        wanted += names - found

    assert len(found) <= 50, sorted(found)
    assert not {"celery", "kombu", "hydra-core", "networkx", "gitpython", "dulwich"} & found
