"""Weights behind a link: `add --follow` is remembered in one clone, for exactly that target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stories.conftest import build_team, kept_team, version_in
from tests.support.kept import Kept

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.repo import Repo


def build(folder: Path) -> Repo:
    data = folder / "data"
    (data / "sub").mkdir(parents=True)
    (data / "a").write_bytes(b"weights 1")
    (data / "other").write_bytes(b"somebody's")
    (data / "sub/z").write_bytes(b"inner 1")
    repo = build_team(folder)
    (repo.path / "a.bin").symlink_to(data / "a")
    repo.write("d/x", "x")
    (repo.path / "d/y").symlink_to(data / "a")
    (repo.path / "d/sub").symlink_to(data / "sub")
    for path in ("a.bin", "d"):
        repo.gitmodel("add", "--follow", path)
    repo.git("commit", "-qm", "models")
    return repo


KEPT = Kept(build)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return KEPT.folder_for(request, "ana", tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Where the weights really are."""
    return tmp_path / "data"


@pytest.fixture
def ana(tmp_path: Path) -> Repo:
    """A link in the place of a file, and a folder with a link to a file and one to a folder."""
    return KEPT.repo()


def commit_code(repo: Repo, text: str) -> str:
    repo.write("code.py", text)
    repo.git("add", "code.py")
    return repo.git("commit", "-qm", "code").stderr


def at_head(repo: Repo, pointer: str) -> int:
    return version_in(repo.git("show", f"HEAD:{pointer}").stdout)


def test_status_and_commits_go_on_reading_through_it(ana: Repo, data: Path) -> None:
    for number in (1, 2):
        shown = ana.gitmodel("status")
        assert (shown.stderr, shown.stdout.count("not pushed")) == ("", 2)
        assert commit_code(ana, f"x = {number}\n") == ""
    (data / "a").write_bytes(b"weights 2")
    (data / "sub/z").write_bytes(b"inner 2")
    assert ana.gitmodel("status").stdout.count("new weights") == 2

    said = commit_code(ana, "x = 3\n")

    assert "a is v2" in said
    assert "d is v2" in said
    assert (at_head(ana, "a.model.yaml"), at_head(ana, "d.model.yaml")) == (2, 2)
    assert ana.gitmodel("status").stdout.count("not pushed") == 2


@pytest.mark.parametrize("link", ["a.bin", "d/y", "d/sub"])
def test_a_link_that_leads_elsewhere_now_is_not_followed(ana: Repo, data: Path, link: str) -> None:
    name = link.partition(".")[0].partition("/")[0]
    (ana.path / link).unlink()
    (data / "sub2").mkdir()
    (data / "sub2/z").write_bytes(b"other inner")
    target = data / ("sub2" if link == "d/sub" else "other")
    (ana.path / link).symlink_to(target)

    said = commit_code(ana, "x = 1\n")

    assert f"{link} leads to {target} now, and" in said
    weights = "a.bin" if name == "a" else "d"
    assert f"run: gitmodel add --follow {weights}" in said
    assert at_head(ana, f"{name}.model.yaml") == 1
    ana.gitmodel("add", "--follow", weights)
    assert commit_code(ana, "x = 2\n") == ""
    assert at_head(ana, f"{name}.model.yaml") == 2


@pytest.mark.parametrize("name", ["a", "d"])
def test_a_checkout_replaces_the_link_and_never_writes_through_it(
    ana: Repo, data: Path, name: str
) -> None:
    (data / "a").write_bytes(b"weights 2")
    (data / "sub/z").write_bytes(b"inner 2")
    commit_code(ana, "x = 1\n")

    ana.gitmodel("checkout", f"{name}@1")

    assert (data / "a").read_bytes() == b"weights 2"
    assert (data / "sub/z").read_bytes() == b"inner 2"
    paths = ["a.bin"] if name == "a" else ["d/x", "d/y", "d/sub", "d/sub/z"]
    assert not any((ana.path / path).is_symlink() for path in paths)
    assert ana.read("a.bin" if name == "a" else "d/y") == b"weights 1"
    assert ana.gitmodel("status").stderr == ""


def test_unsaved_weights_behind_a_link_stay(ana: Repo, data: Path) -> None:
    (data / "a").write_bytes(b"weights that no store has")

    refused = ana.gitmodel("checkout", "a@1", check=False)

    assert refused.returncode == 1
    assert (ana.path / "a.bin").is_symlink()
    assert (data / "a").read_bytes() == b"weights that no store has"


def test_nobody_else_follows_a_link_because_of_it(ana: Repo, data: Path) -> None:
    ana.git("push", "-q", "origin", "main")
    ben = kept_team(data.parent, ana).join("ben")
    (ben.path / "a.bin").symlink_to(data / "other")

    said = commit_code(ben, "x = 1\n")

    assert "a.bin is a symbolic link, which hooks do not follow" in said
    assert at_head(ben, "a.model.yaml") == 1


def test_the_hints_of_a_refused_checkout_end_it(ana: Repo, data: Path) -> None:
    """What is kept by the command that is named can be left then."""
    (data / "a").write_bytes(b"weights that no store has")
    refused = ana.gitmodel("checkout", "a@1", check=False)
    assert "keep them: gitmodel add a.bin" in refused.stderr
    ana.gitmodel("add", "a.bin")
    ana.git("commit", "-qm", "kept")
    ana.gitmodel("checkout", "a@1")
    assert ana.read("a.bin") == b"weights 1"

    (ana.path / "a.bin").unlink()
    (ana.path / "a.bin").symlink_to(data / "other")
    refused = ana.gitmodel("checkout", "a@2", check=False)
    assert "a.bin is a symbolic link that was not followed here" in refused.stderr
    assert "gitmodel add --follow a.bin" in refused.stderr
    ana.gitmodel("checkout", "--force", "a@2")
    assert ana.read("a.bin") == b"weights that no store has"
    assert (data / "other").read_bytes() == b"somebody's"
