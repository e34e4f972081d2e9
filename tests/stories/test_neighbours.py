"""Beside other tools that have hooks: husky, lefthook, hooks of people's own.

The real lefthook; husky's hooks word for word (`tests/support/neighbours.py`). git-lfs and the pre-commit
framework have files of their own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitmodel.githooks.scripts import HOOK_NAMES
from tests.support.job import (
    POINTER,
    WEIGHTS,
    check_out,
    main_job,
    second_version,
    set_up,
    version_at,
)
from tests.support.models import model
from tests.support.neighbours import (
    HUSKY_4_HOOK,
    install_husky,
    installed,
    write_executable,
)

if TYPE_CHECKING:
    from tests.support.repo import Repo


@pytest.fixture
def with_gitmodel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on PATH with `gitmodel`, as after `pipx install gitmodel`."""
    folder = tmp_path / "bin"
    write_executable(
        folder / "gitmodel", f'#!/bin/sh\nexec "{sys.executable}" -m gitmodel "$@"\n'.encode()
    )
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


# Hooks that are there already


def test_h5_hooks_that_are_there_keep_running(ana: Repo, server: Repo, tmp_path: Path) -> None:
    """DVC refuses to install any hook where a pre-push exists."""
    for name in HOOK_NAMES:
        text = f"#!/bin/sh\necho {name} \"$@\" >> '{tmp_path}/ran'\n"
        if name == "pre-push":
            text += f"cat >> '{tmp_path}/ran'\n"
        write_executable(ana.path / ".git" / "hooks" / name, text.encode())
    ignored = ana.path / ".git" / "hooks" / "post-merge"
    ignored.chmod(0o644)

    main_job(ana, server, tmp_path)

    ran = (tmp_path / "ran").read_text("utf-8").splitlines()
    assert f"pre-push origin {server.path.as_uri()}" in ran
    assert any(line.startswith("HEAD ") and line.split()[2] == "refs/heads/main" for line in ran)
    assert "pre-commit" in ran
    assert "post-commit" in ran
    ana.git("switch", "-q", "-c", "topic", "HEAD~")
    ana.git("merge", "-q", "main")
    assert not any(
        line.startswith("post-merge") for line in (tmp_path / "ran").read_text().splitlines()
    )


@pytest.mark.parametrize("kind", ["relative", "absolute", "global", "beside"])
def test_h6_hooks_go_where_git_looks_for_them(
    ana: Repo, server: Repo, tmp_path: Path, kind: str
) -> None:
    """DVC writes to .git/hooks whatever `core.hooksPath` says, and they never run."""
    places = {
        "relative": ".githooks",
        "absolute": str(tmp_path / "all hooks"),
        "global": str(tmp_path / "of all repositories"),
        "beside": "../hooks",
    }
    scope = ["--global"] if kind == "global" else []
    ana.git("config", *scope, "core.hooksPath", places[kind])
    if kind == "relative":
        ana.write(".gitignore", "/.githooks/\n")

    main_job(ana, server, tmp_path)

    assert not (ana.path / ".git" / "hooks" / "pre-commit").exists()
    assert (ana.path / places[kind] / "pre-commit").exists()


def test_h14_a_repository_or_branch_without_gitmodel_is_left_alone(
    ana: Repo, tmp_path: Path
) -> None:
    """Hooks of all repositories meet one that never heard of gitmodel: nothing happens at all."""
    ana.git("config", "--global", "core.hooksPath", str(tmp_path / "of all repositories"))
    ana.gitmodel("install")
    ana.write("code.py", "pass\n")
    ana.git("add", ".")

    said = [
        ana.git("commit", "-qm", "code"),
        ana.git("switch", "-q", "-c", "topic"),
        ana.git("commit", "-q", "--amend", "-m", "more code"),
        ana.git("push", "-q", "origin", "topic"),
        ana.git("merge", "-q", "main", check=False),
        ana.git("rebase", "-q", "main", check=False),
    ]

    assert [done.stderr for done in said[:4]] == [""] * 4
    assert "gitmodel" not in "".join(done.stderr for done in said)
    assert not (ana.path / ".git" / "gitmodel").exists()


def test_h3_a_new_branch_in_a_fresh_clone_is_no_error(
    ana: Repo, server: Repo, tmp_path: Path
) -> None:
    """With DVC git's exit code becomes 1, although the checkout worked."""
    set_up(ana, tmp_path / "store")
    clone = server.clone(tmp_path / "colleague")
    clone.gitmodel("init")

    done = clone.git("checkout", "-q", "-b", "x", check=False)
    back = clone.git("checkout", "-q", "main", "--", ".", check=False)

    assert (done.returncode, back.returncode) == (0, 0)
    assert clone.git("branch", "--show-current").stdout == "x\n"


def test_a_committed_folder_of_hooks_runs_gitmodel_by_one_line_in_each(
    ana: Repo, server: Repo, tmp_path: Path, with_gitmodel: Path
) -> None:
    """The recipe of docs/hooks.md: nothing of one machine is committed, and nothing runs twice."""
    ana.git("config", "--global", "core.hooksPath", ".githooks")
    warned = ana.gitmodel("install")
    assert (
        ".githooks is part of the repository, but these hooks contain the path of this machine's Python"
        in warned.stderr
    )
    ana.gitmodel("uninstall")
    for name in HOOK_NAMES:
        write_executable(
            ana.path / ".githooks" / name, f'#!/bin/sh\ngitmodel hook {name} "$@"\n'.encode()
        )

    set_up(ana, tmp_path / "store")
    said = second_version(ana)

    assert said.count("fraud is v2") == 1
    assert "pre-push is run by another tool" in ana.gitmodel("doctor", "--offline").stdout
    clone = server.clone(tmp_path / "colleague")
    check_out(clone)
    assert sorted(path.name for path in (clone.path / ".githooks").iterdir()) == sorted(HOOK_NAMES)


# husky


def test_husky_9_runs_gitmodel_when_it_is_told_to(
    ana: Repo, server: Repo, tmp_path: Path, with_gitmodel: Path
) -> None:
    """The recipe of docs/hooks.md: one line in each of seven files, which are committed."""
    files = install_husky(ana)
    refused = ana.gitmodel("install", check=False)
    assert refused.returncode == 1
    assert "belongs to husky" in refused.stderr
    assert 'gitmodel hook pre-commit "$@"' in refused.stderr
    for name in HOOK_NAMES:
        (files / name).write_text(f'gitmodel hook {name} "$@"\n', encoding="utf-8")

    set_up(ana, tmp_path / "store")
    second_version(ana)

    doctor = ana.gitmodel("doctor", "--offline").stdout
    assert "pre-push is run by husky" in doctor
    install_husky(ana)  # the next `npm install`
    clone = server.clone(tmp_path / "colleague")
    install_husky(clone)
    check_out(clone)
    clone.write(WEIGHTS, model(seed=3))
    clone.write("notes.txt", "three\n")
    clone.git("commit", "-qam", "fraud 3")
    assert version_at(clone) == 3
    clone.git("push", "-q", "origin", "HEAD:main")


def test_husky_stops_a_commit_that_gitmodel_refuses(
    ana: Repo, tmp_path: Path, with_gitmodel: Path
) -> None:
    files = install_husky(ana)
    for name in HOOK_NAMES:
        (files / name).write_text(f'gitmodel hook {name} "$@"\n', encoding="utf-8")
    set_up(ana, tmp_path / "store")
    text = ana.read(POINTER).decode()
    ana.write(POINTER, text.replace("version: 1", "version: 7"))

    refused = ana.git("commit", "-qam", "mixed", check=False)

    assert refused.returncode != 0
    assert POINTER in refused.stderr


def test_husky_4_is_left_as_it_is(ana: Repo, tmp_path: Path) -> None:
    folder = ana.path / ".git" / "hooks"
    for name in ("pre-commit", "pre-push"):
        write_executable(folder / name, HUSKY_4_HOOK)
    write_executable(folder / "husky.sh", b"# husky\n")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    refused = ana.gitmodel("install", check=False)

    assert refused.returncode == 1
    assert "belongs to husky and stops working under another name" in refused.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    lines = ", ".join(f'"{name}": "gitmodel hook {name}"' for name in HOOK_NAMES)
    ana.write("package.json", f'{{"husky": {{"hooks": {{{lines}}}}}}}\n'.replace(", ", ",\n"))
    ana.gitmodel("install")
    assert (folder / "pre-push").read_bytes() == HUSKY_4_HOOK
    assert (folder / "post-merge").exists(), "husky has none, so ours is there"


# lefthook


@pytest.fixture(scope="session")
def lefthook() -> str:
    return installed("lefthook", "lefthook==2.2.2")


def lefthook_config() -> str:
    """The recipe of docs/hooks.md."""
    page = Path(__file__).parents[2] / "docs" / "hooks.md"
    text = page.read_text("utf-8").split("lefthook install", 1)[1]
    return text.split("```yaml\n", 1)[1].split("```", 1)[0]


def test_lefthook_runs_gitmodel_when_it_is_told_to(
    ana: Repo, server: Repo, tmp_path: Path, with_gitmodel: Path, lefthook: str
) -> None:
    ana.write("lefthook.yml", lefthook_config())
    ana._run([lefthook, "install"], check=True, env={}, text="")

    set_up(ana, tmp_path / "store")
    said = second_version(ana)

    assert said.count("fraud is v2") <= 1, "not run twice"
    doctor = ana.gitmodel("doctor", "--offline").stdout
    assert "pre-push is run by lefthook" in doctor
    clone = server.clone(tmp_path / "colleague")
    check_out(clone)
    for branch, seed in (("one", 11), ("two", 12)):
        ana.git("switch", "-q", "-c", branch)
        ana.write(WEIGHTS, model(seed=seed))
        ana.write("notes.txt", f"{branch}\n")
        ana.git("commit", "-qam", branch)
    ana.git("switch", "-q", "main")
    ana.git("push", "-q", "origin", "one", "two")
    clone.git("fetch", "-q")
    for branch, seed in (("one", 11), ("two", 12)):
        clone.git("switch", "-q", branch)
        clone.gitmodel("checkout")
        assert clone.read(WEIGHTS) == model(seed=seed)


def test_gitmodel_after_lefthook_chains_what_it_has(
    ana: Repo, server: Repo, tmp_path: Path, lefthook: str
) -> None:
    """lefthook is told nothing of us, and keeps its own jobs."""
    ana.write("lefthook.yml", "pre-commit:\n  jobs:\n    - run: echo >> ../looked\n")
    ana._run([lefthook, "install"], check=True, env={}, text="")

    main_job(ana, server, tmp_path)

    assert (tmp_path / "looked").exists()
