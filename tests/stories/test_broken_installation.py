"""gitmodel is gone, broken or starved of its environment: Git goes on wherever no weights are at stake."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from gitmodel.githooks.install import install
from tests.support.job import SECOND, WEIGHTS, restored, version_at
from tests.support.neighbours import write_executable

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.repo import Repo

# What `python -m gitmodel` may come to: no Python, no module, a broken one, a crash of Python itself.
BROKEN = {
    "no python": None,
    "no module": "import runpy, sys\nsys.path.clear()\nrunpy.run_module('gitmodel')\n",
    "syntax error": "def broken(:\n",
    "exception": "raise RuntimeError('a defect')\n",
    "exit 2": "raise SystemExit(2)\n",
    "abort": "import os\nos.abort()\n",
    "killed": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
    "segfault": "import ctypes\nctypes.string_at(0)\n",
}
# What is left of PATH where a graphical client starts Git: Git itself, and no gitmodel.
SHORT_PATH = os.pathsep.join(["/usr/bin", "/bin"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("broken") / "world"


@pytest.fixture
def ana(world: Path) -> Repo:
    """A model in version 1, committed and pushed."""
    return restored(world, versions=1)


def break_installation(ana: Repo, folder: Path, code: str | None) -> None:
    """Hooks start a Python whose gitmodel is this code; None: there is no such Python any more."""
    python = folder / "venv" / "bin" / "python"
    if code is not None:
        main = folder / "venv" / "main.py"
        write_executable(main, code.encode())
        write_executable(python, f'#!/bin/sh\nexec "{sys.executable}" -I "{main}"\n'.encode())
    install(str(ana.path / ".git" / "hooks"), interpreter=str(python))


@pytest.mark.parametrize("kind", BROKEN)
def test_h8_a_broken_gitmodel_blocks_no_commit_and_no_push_of_code(
    ana: Repo, tmp_path: Path, kind: str
) -> None:
    """DVC: "exec: dvc: not found", and the commit is blocked."""
    break_installation(ana, tmp_path, BROKEN[kind])
    env = {"PATH": SHORT_PATH}
    ana.write("code.py", "pass\n")
    ana.git("add", "code.py")

    committed = ana.git("commit", "-qm", "code", env=env)
    switched = ana.git("switch", "-q", "-c", "topic", env=env)
    amended = ana.git("commit", "-q", "--amend", "-m", "more code", env=env)
    pushed = ana.git("push", "-q", "origin", "topic", env=env)

    assert ": this commit registers no weights." in committed.stderr
    assert ("gitmodel is not there" in committed.stderr) is (kind == "no python")
    assert "install gitmodel and run: gitmodel install" in amended.stderr
    assert switched.returncode == 0
    assert "gitmodel did not run to its end" not in pushed.stderr
    ana.write(WEIGHTS, SECOND)
    assert ana.git("commit", "-q", "--allow-empty", "-m", "weights", env=env).returncode == 0
    assert version_at(ana) == 1


def test_a_push_of_a_pointer_waits_until_gitmodel_is_back(ana: Repo, tmp_path: Path) -> None:
    ana.write(WEIGHTS, SECOND)
    ana.write("notes.txt", "two\n")
    ana.git("commit", "-qam", "fraud 2")
    break_installation(ana, tmp_path, BROKEN["no module"])

    refused = ana.git("push", "-q", "origin", "main", check=False, env={"PATH": SHORT_PATH})
    assert refused.returncode != 0
    assert "gitmodel install" in refused.stderr

    ana.gitmodel("install")
    ana.git("push", "-q", "origin", "main")


@pytest.mark.parametrize("path", [SHORT_PATH, "/usr/bin", ""])
def test_hooks_need_neither_home_nor_path(ana: Repo, path: str) -> None:
    """They hold the full path of Python; Git puts its own folder in front of PATH."""
    git = shutil.which("git") or "git"
    words = ["HOME", "XDG_CONFIG_HOME", "USERPROFILE", "USER", "LOGNAME", "LANG", "LC_ALL"]
    ana.write(WEIGHTS, SECOND)
    ana.write("notes.txt", "two\n")

    unset = [word for name in words for word in ("-u", name)]
    for verb in (["commit", "-qam", "fraud 2"], ["push", "-q", "origin", "main"]):
        ana._run(["/usr/bin/env", *unset, f"PATH={path}", git, *verb], check=True, env={}, text="")

    assert version_at(ana) == 2


@pytest.mark.parametrize(
    "damage",
    ["config", "config is a folder", "cache is a file", "settings", "records", "no user"],
)
def test_what_is_damaged_here_blocks_no_commit_of_code(ana: Repo, damage: str) -> None:
    """Nothing of ours is needed to commit code, so nothing of ours may stand in the way."""
    state = ana.path / ".git" / "gitmodel"
    if damage == "config":
        ana.write(".gitmodel.yaml", "gitmodel: [\n")
    elif damage == "config is a folder":
        (ana.path / ".gitmodel.yaml").unlink()
        (ana.path / ".gitmodel.yaml").mkdir()
    elif damage == "cache is a file":
        shutil.rmtree(state)
        state.write_bytes(b"")
    elif damage == "settings":
        ana.git("config", "gitmodel.commitLimit", "much")
        ana.git("config", "gitmodel.cache", "\x01")
    elif damage == "records":
        for record in (state / "worktree").iterdir():
            record.write_bytes(b"\x00{")
    else:
        ana.git("config", "--global", "--unset", "user.email")
    ana.write("code.py", "pass\n")
    ana.git("add", "code.py")

    done = ana.git(
        "-c", "user.name=Ana", "-c", "user.email=a@b.example", "commit", "-qm", "code", check=False
    )

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
