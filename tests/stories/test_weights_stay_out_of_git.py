"""Weights never end up in Git itself: not by a switch of branches, a move, or a lost line.

Each way on which they would, in a repository with hooks, and what then helps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stories.conftest import build_team, kept_team, version_in
from tests.support.kept import Kept
from tests.support.models import model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.stories.conftest import Team
    from tests.support.repo import Repo

WEIGHTS, FOLDER = "fraud.bin", "bert"
EXCLUDE = ".git/info/exclude"
STAYS = " would be committed to Git itself and stay in its history"


def build(folder: Path) -> Repo:
    repo = build_team(folder)
    repo.git("branch", "other")
    repo.write(WEIGHTS, b"weights 1")
    repo.write(f"{FOLDER}/config.json", "{}")
    repo.write(f"{FOLDER}/model.bin", b"bert 1")
    repo.gitmodel("add", WEIGHTS)
    repo.gitmodel("add", FOLDER)
    repo.git("commit", "-qm", "models")
    return repo


KEPT = Kept(build)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return KEPT.folder_for(request, "ana", tmp_path)


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return kept_team(tmp_path, KEPT.repo())


@pytest.fixture
def ana(team: Team) -> Repo:
    """A file and a folder on `main`, and a branch `other` from before."""
    return team.members["ana"]


def in_git(repo: Repo) -> list[str]:
    """What HEAD and the index have that is no pointer, rule or configuration."""
    names = repo.git("ls-tree", "-r", "--name-only", "HEAD").stdout.split()
    names += repo.git("ls-files").stdout.split()
    ours = (".model.yaml", ".gitignore", ".gitattributes", ".gitmodel.yaml", ".py", ".md", ".txt")
    return [name for name in names if not name.endswith(ours)]


def switch(repo: Repo) -> None:
    repo.git("switch", "-q", "other")


def reset_hard(repo: Repo) -> None:
    """No hook runs here."""
    repo.git("reset", "-q", "--hard", "other")


def switch_without_hooks(repo: Repo) -> None:
    repo.git("-c", "core.hooksPath=/dev/null", "switch", "-q", "other")


def detach(repo: Repo) -> None:
    repo.git("checkout", "-q", "main~")


def orphan(repo: Repo) -> None:
    repo.git("switch", "-q", "--orphan", "fresh")


def forget_the_line(repo: Repo) -> None:
    """As a `.gitignore` conflict does in which one side was taken."""
    (repo.path / ".gitignore").write_text("", encoding="utf-8")


LEAVES = [switch, reset_hard, switch_without_hooks, detach, orphan, forget_the_line]


@pytest.mark.parametrize("leave", LEAVES)
def test_a_branch_without_the_model_keeps_its_weights_ignored(
    ana: Repo, leave: Callable[[Repo], None]
) -> None:
    leave(ana)
    ana.write("code.py", "x = 1\n")

    ana.git("add", "-A")
    ana.git("commit", "-qm", "everything")
    ana.git("stash", "--include-untracked")
    ana.git("clean", "-qfd")

    assert in_git(ana) == []
    assert ana.read(WEIGHTS) == b"weights 1"
    assert ana.read(f"{FOLDER}/model.bin") == b"bert 1"


@pytest.mark.parametrize("leave", LEAVES)
def test_weights_left_on_another_branch_are_refused_of_any_size(
    ana: Repo, leave: Callable[[Repo], None]
) -> None:
    """Where nothing ignores them: a clone whose `info/exclude` somebody has tidied up."""
    leave(ana)
    ana.write(EXCLUDE, "")
    ana.git("add", "-A")

    refused = ana.git("commit", "-qm", "everything", check=False)

    assert refused.returncode == 1
    assert STAYS in refused.stderr
    command = refused.stderr.partition("hint: ")[2].partition("; or")[0]
    assert command.startswith("git rm -r --cached bert fraud.bin")
    ana.git("rm", "-rq", "--cached", "bert", "fraud.bin")
    ana.git("add", "-A")
    ana.git("commit", "-q", "--allow-empty", "-m", "everything")
    assert in_git(ana) == []


@pytest.mark.parametrize("ending", [".bin", ".ubj", ".CBM", "", ".onnx_data", ".distcp", ".txt"])
def test_weights_that_were_moved_with_their_pointer_are_refused(ana: Repo, ending: str) -> None:
    name = f"scorer{ending}"
    ana.write(name, b"small")
    ana.gitmodel("add", name, "--name", "scorer")
    ana.git("commit", "-qm", "scorer")
    (ana.path / "prod").mkdir()
    ana.git("mv", "scorer.model.yaml", "prod/")
    (ana.path / name).rename(ana.path / "prod" / name)
    status = ana.gitmodel("status")
    assert f"prod/{name}, the weights of scorer, is not ignored by a .gitignore" in status.stderr
    ana.git("add", "-A")

    refused = ana.git("commit", "-qm", "moved", check=False)

    assert refused.returncode == 1
    assert f"prod/{name}{STAYS}; it is the weights of scorer" in refused.stderr
    assert "is tracked by Git itself" in ana.gitmodel("status").stderr
    # The words of the hint, one after the other.
    ana.git("rm", "-rq", "--cached", f"prod/{name}")
    ana.gitmodel("add", f"prod/{name}")
    ana.git("commit", "-qm", "moved")
    assert ana.gitmodel("status").stderr == ""
    assert ana.git("ls-files", "prod").stdout.split() == [
        "prod/.gitignore",
        "prod/scorer.model.yaml",
    ]


def test_a_folder_that_was_moved_with_its_pointer_is_refused(ana: Repo) -> None:
    (ana.path / "prod").mkdir()
    ana.git("mv", "bert.model.yaml", "prod/")
    (ana.path / FOLDER).rename(ana.path / "prod/bert")
    ana.git("add", "-A")

    refused = ana.git("commit", "-qm", "moved", check=False)

    assert f"prod/bert/config.json{STAYS}; it is a file of the weights of bert" in refused.stderr
    ana.git("rm", "-rq", "--cached", "prod/bert")
    ana.gitmodel("add", "prod/bert")
    ana.git("commit", "-qm", "moved")
    assert in_git(ana) == []


def test_a_new_file_in_a_folder_of_weights_is_refused_and_what_is_no_part_of_it_is_not(
    ana: Repo,
) -> None:
    ana.write(f"{FOLDER}/extra.txt", "notes")
    ana.git("add", "-f", f"{FOLDER}/extra.txt")
    assert ana.git("commit", "-qm", "x", check=False).returncode == 1
    ana.git("reset", "-q")
    (ana.path / FOLDER / "extra.txt").unlink()
    ana.write(f"{FOLDER}/.gitattributes", "* -text\n")
    ana.git("add", "-f", f"{FOLDER}/.gitattributes")

    ana.git("commit", "-qm", "x")


def test_a_file_that_the_other_branch_has_at_that_place_is_its_own(ana: Repo) -> None:
    """Git stays Git: what a branch tracks already may be changed, whatever another branch has there."""
    ana.git("commit", "-q", "--no-verify", "--allow-empty", "-m", "x")
    ana.git("switch", "-q", "other")
    (ana.path / WEIGHTS).unlink()
    ana.write(WEIGHTS, "a text")
    ana.git("add", "-f", WEIGHTS)
    ana.git("commit", "-q", "--no-verify", "-m", "a text of that name")
    ana.write(WEIGHTS, "another text")

    ana.git("commit", "-qam", "changed")

    assert ana.git("show", f"HEAD:{WEIGHTS}").stdout == "another text"


@pytest.mark.parametrize("option", ["-a", "-i", "-o"])
def test_however_it_is_committed(ana: Repo, option: str) -> None:
    ana.git("add", "-f", WEIGHTS)

    arguments = ("-a",) if option == "-a" else (option, WEIGHTS)
    refused = ana.git("commit", "-qm", "x", *arguments, check=False)

    assert refused.returncode == 1
    assert f"{WEIGHTS}{STAYS}" in refused.stderr


def test_whoever_means_it_commits_without_the_hook(ana: Repo) -> None:
    ana.git("add", "-f", WEIGHTS)
    ana.git("commit", "-qm", "x", "--no-verify")

    assert in_git(ana) == [WEIGHTS, WEIGHTS]
    assert "is tracked by Git itself" in ana.gitmodel("status").stderr


def test_status_lists_what_was_left_and_its_command_helps(ana: Repo) -> None:
    switch(ana)
    ana.write(EXCLUDE, "")

    shown = ana.gitmodel("status")
    assert "fraud.bin, the weights of fraud, is not ignored, and no pointer of this branch" in (
        shown.stderr
    )
    assert "hint: gitmodel install" in shown.stderr
    ana.gitmodel("install")
    assert "fraud.bin" not in ana.gitmodel("status").stderr
    assert ana.git("status", "--porcelain").stdout == ""


def test_status_lists_a_lost_line_although_this_clone_ignores_the_path(ana: Repo) -> None:
    """The line in `info/exclude` is this clone's alone, and the next one has none."""
    forget_the_line(ana)
    for path in (FOLDER, WEIGHTS):
        assert f"hint: gitmodel add {path}\n" in ana.gitmodel("status").stderr
        ana.gitmodel("add", path)

    assert ana.gitmodel("status").stderr == ""
    assert ana.read(".gitignore") == b"/bert\n/fraud.bin\n"


def test_weights_of_which_nothing_is_remembered_are_ignored_after_a_switch(
    ana: Repo, team: Team
) -> None:
    """Copied into a fresh clone by hand; no command has looked at them."""
    ana.git("push", "-q", "origin", "main", "other")
    ben = team.join("ben")
    ben.write(WEIGHTS, b"weights 1")
    ben.git("switch", "-q", "other")

    ben.git("add", "-A")
    assert ben.git("status", "--porcelain").stdout == ""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("scorer.ubj", b"x" * 6_000_000),
        ("SCORER.BIN", b"x" * 6_000_000),
        ("model.onnx_data", b"x" * 6_000_000),
        ("ckpt/__0_0.distcp", b"x" * 6_000_000),
        ("model.pth.tar", b"x" * 6_000_000),
        ("final", b""),  # a whole file of safetensors, filled in below
    ],
)
def test_large_files_that_look_like_weights_are_refused(
    ana: Repo, name: str, content: bytes
) -> None:
    ana.write(name, content or model(size=6_000_000))
    ana.git("add", name)

    refused = ana.git("commit", "-qm", "x", check=False)

    assert refused.returncode == 1
    assert f"{name}{STAYS}\n" in refused.stderr
    ana.git("rm", "-q", "--cached", name)
    ana.gitmodel("add", name)
    ana.git("commit", "-qm", "x")


def test_other_large_files_are_gits_business(ana: Repo) -> None:
    ana.write("table.csv", b"1,2\n" * 1_500_000)
    ana.git("add", ".")

    ana.git("commit", "-qm", "x")


def test_many_models_make_git_no_slower(ana: Repo) -> None:
    """Git compares every untracked file with every line; so there are few, or only those left behind."""
    ana.write(EXCLUDE, "".join(f"/x{number}\n" for number in range(400)))
    for name in ("one.bin", "two.bin"):
        ana.write(name, name.encode())
        ana.gitmodel("add", name)
    ana.git("commit", "-qm", "more")
    assert b"/one.bin" not in ana.read(EXCLUDE)

    switch(ana)
    ana.git("add", "-A")
    assert in_git(ana) == []
    assert b"/one.bin" in ana.read(EXCLUDE)


def test_the_pointer_of_a_version_is_still_made_beside_other_additions(ana: Repo) -> None:
    ana.write(WEIGHTS, b"weights 2")
    ana.write("code.py", "x = 1\n")
    ana.git("add", "-A")
    ana.git("commit", "-qm", "trained")

    assert version_in(ana.git("show", "HEAD:fraud.model.yaml").stdout) == 2


def test_an_excluded_path_is_an_ordinary_one_for_another_clone(team: Team, ana: Repo) -> None:
    path: Path = ana.path / EXCLUDE
    assert "/fraud.bin" in path.read_text(encoding="utf-8").splitlines()
    ana.git("push", "-q", "origin", "main")
    ben = team.join("ben")
    assert "/fraud.bin" not in (ben.path / EXCLUDE).read_text(encoding="utf-8").splitlines()
    ben.gitmodel("checkout")
    assert "/fraud.bin" in (ben.path / EXCLUDE).read_text(encoding="utf-8").splitlines()
