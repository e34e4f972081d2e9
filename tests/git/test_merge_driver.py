"""The driver in the configuration, run as Git runs it; and which commit mixed a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import GitCommandError
from gitmodel.git.merge_driver import (
    driver_command,
    is_rebasing,
    last_change,
    merged_names,
    read_side,
    set_driver,
    try_driver,
    unset_driver,
    write_result,
)
from gitmodel.git.repository import Repository
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.create(tmp_path / "repo")
    made.write(".gitattributes", "*.x merge=gitmodel\n")
    made.write("a.x", "base\n")
    made.commit("base")
    return made


def opened(repo: Repo) -> Repository:
    return Repository.open(str(repo.path), environment=os.environ)


def diverge(repo: Repo) -> None:
    repo.git("switch", "-qc", "other")
    repo.write("a.x", "other\n")
    repo.commit("other")
    repo.git("switch", "-q", "main")
    repo.write("a.x", "main\n")
    repo.commit("main")


def test_the_driver_is_set_and_taken_away_without_a_trace(repo: Repo) -> None:
    before = repo.read(".git/config")

    assert driver_command(opened(repo)) is None
    set_driver(opened(repo), "cat %B > %A # 'x' \"y\"")
    assert driver_command(opened(repo)) == "cat %B > %A # 'x' \"y\""
    assert driver_command(opened(repo), own=True) == driver_command(opened(repo))
    unset_driver(opened(repo))
    unset_driver(opened(repo))

    assert repo.read(".git/config") == before


def test_a_driver_of_the_person_is_not_the_clones_own(repo: Repo) -> None:
    repo.git("config", "--global", "merge.gitmodel.driver", "true")

    assert driver_command(opened(repo)) == "true"
    assert driver_command(opened(repo), own=True) is None


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_merge_works_whenever_setting_or_removing_is_killed(repo: Repo, kept: int) -> None:
    """Git dies where it finds a driver without a command."""
    set_driver(opened(repo), "cat %B > %A")
    for key in ("name", "recursive", "driver")[:kept]:
        repo.git("config", "--unset", f"merge.gitmodel.{key}")
    diverge(repo)

    merged = repo.git("merge", "--no-edit", "other", check=False)

    assert "lacks command line" not in merged.stderr
    assert merged.returncode == (1 if kept == 3 else 0)


def test_the_bases_of_a_criss_cross_are_not_merged_by_the_driver(repo: Repo) -> None:
    set_driver(opened(repo), "cat %O >> bases; cat %B > %A")
    diverge(repo)
    repo.git("branch", "main-1")
    repo.git("merge", "-q", "--no-edit", "-s", "ours", "other")
    repo.git("switch", "-q", "other")
    repo.git("merge", "-q", "--no-edit", "-s", "ours", "main-1")

    repo.git("merge", "-q", "--no-edit", "main")

    assert repo.read("bases") == b"base\n"


def test_a_driver_is_tried_as_git_would_run_it(repo: Repo) -> None:
    command = "echo %L %P 100%% %X >> %A; cat %O %B >> %A; exit 3"

    code, result = try_driver(
        opened(repo), command, base=b"o\n", ours=b"a\n", theirs=b"b\n", path="m.model.yaml"
    )

    assert (code, result) == (3, b"a\n7 m.model.yaml 100% %X\no\nb\n")


def test_a_result_appears_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no such luck")

    (tmp_path / "A").write_bytes(b"ours")
    write_result(str(tmp_path), "A", b"result")

    assert read_side(str(tmp_path), "A") == b"result"
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no such luck"):
        write_result(str(tmp_path), "A", b"other")
    assert read_side(str(tmp_path), "A") == b"result"
    assert os.listdir(tmp_path) == ["A"]


def test_a_rebase_is_told_from_everything_else(repo: Repo) -> None:
    diverge(repo)
    assert not is_rebasing(opened(repo))
    repo.git("merge", "other", check=False)
    assert not is_rebasing(opened(repo))
    repo.git("merge", "--abort")
    for backend in ("--merge", "--apply"):
        repo.git("rebase", backend, "other", check=False)
        assert is_rebasing(opened(repo))
        repo.git("rebase", "--abort")
    patch = repo.git("format-patch", "-1", "--stdout", "other").stdout
    repo.git("am", "-3", check=False, input_text=patch)
    assert not is_rebasing(opened(repo)), "git am"


def test_the_names_that_git_merge_gives() -> None:
    assert merged_names({"GITHEAD_ab": "topic", "GITHEAD_cd": "", "GIT_DIR": "x"}) == ("topic",)


def test_the_merge_that_changed_a_file(repo: Repo) -> None:
    diverge(repo)
    main, other = repo.head("main"), repo.head("other")
    repo.git("merge", "other", check=False)
    repo.write("a.x", "mixed\n")
    mixed = repo.commit("mixed")
    repo.git("switch", "-qc", "side", "main^")
    repo.write("a.x", "side\n")
    repo.commit("side")
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "--no-edit", "-s", "ours", "side")

    assert last_change(opened(repo), "a.x") == (mixed, (main, other))
    assert last_change(opened(repo), "nowhere") is None


def test_a_driver_that_cannot_start_is_an_error(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitmodel.git.merge_driver._SHELL", "/nowhere/sh")

    with pytest.raises(GitCommandError, match="the merge driver could not be run"):
        try_driver(opened(repo), "true", base=b"", ours=b"", theirs=b"", path="m")
