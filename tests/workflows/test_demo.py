"""The demo explains each command, stays in its folder, and ends when a command fails.

Most of it is looked at with commands that are only noted; the last test runs them all.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import GitmodelError, RepositoryError, UsageError
from gitmodel.project.context import Context
from gitmodel.workflows.demo import run_demo

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.slow


class Recorder:
    """A front door that notes what the demo says and runs nothing."""

    def __init__(self, *, codes: Mapping[str, int] | None = None) -> None:
        self.lines: list[str] = []
        self.environments: list[Mapping[str, str]] = []
        self._codes = codes or {}

    def say(self, line: str) -> None:
        self.lines.append(line)

    def run(self, arguments: list[str], folder: str, environment: Mapping[str, str]) -> int:
        assert os.path.isabs(arguments[0])
        assert os.path.isdir(folder)
        self.environments.append(environment)
        return self._codes.get(self.lines[-1], 0)


def context(folder: Path, **environment: str) -> Context:
    return Context(environment=dict(os.environ) | environment, folder=str(folder))


def test_a_step_that_fails_ends_the_demo_with_its_command_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    front = Recorder(codes={"$ git init --quiet moons": 128})
    here = context(tmp_path, TMPDIR=str(tmp_path))

    with pytest.raises(GitmodelError) as caught:
        run_demo(here, folder=None, keep=False, say=front.say, run=front.run)

    assert caught.value.message == (
        "the demo stopped: `git init --quiet moons` ended with exit code 128; it says why above"
    )
    assert caught.value.hint == "gitmodel doctor; or gitmodel demo --keep, to look into its folder"
    assert list(tmp_path.iterdir()) == []


def test_each_command_stands_below_a_line_that_explains_it(tmp_path: Path) -> None:
    front = Recorder(codes={"$ git init --quiet moons": 1})

    with pytest.raises(GitmodelError):
        run_demo(context(tmp_path), folder="here", keep=False, say=front.say, run=front.run)

    assert front.lines == [
        f"This demo works in {tmp_path / 'here'} and touches nothing else.",
        "",
        "A server for code. Yours is GitHub, GitLab or the like.",
        "$ git init --quiet --bare server.git",
        "",
        "Ana's repository, with that server as its remote.",
        "$ git init --quiet moons",
        "",
        f"Everything is in {tmp_path / 'here'} for you to look at.",
    ]


def test_commands_of_the_demo_see_no_folder_of_the_person(tmp_path: Path) -> None:
    front = Recorder(codes={"$ git init --quiet --bare server.git": 1})
    mine = context(
        tmp_path, GIT_DIR="/elsewhere", GIT_CONFIG_COUNT="1", XDG_DATA_HOME="/mine", PATH_X="kept"
    )

    with pytest.raises(GitmodelError):
        run_demo(mine, folder="here", keep=False, say=front.say, run=front.run)

    (seen,) = front.environments
    inside = [name for name, value in seen.items() if value.startswith(str(tmp_path / "here"))]
    assert sorted(inside) == [
        "GIT_CONFIG_GLOBAL",
        *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
    ]
    assert sorted(name for name in seen if name.startswith("GIT_")) == [
        *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_PAGER", "GIT_TEMPLATE_DIR"),
        "GIT_TERMINAL_PROMPT",
    ]
    assert seen["PATH_X"] == "kept"


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    front = Recorder()
    (tmp_path / "thesis.txt").write_text("mine")

    with pytest.raises(UsageError) as caught:
        run_demo(context(tmp_path), folder=".", keep=False, say=front.say, run=front.run)

    assert caught.value.message == f"{tmp_path} is not empty"
    assert caught.value.hint == "gitmodel demo --folder NEW_FOLDER"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_without_git_the_demo_says_so_before_anything_else(tmp_path: Path) -> None:
    front = Recorder()

    with pytest.raises(RepositoryError) as caught:
        run_demo(
            context(tmp_path, PATH=str(tmp_path), TMPDIR=str(tmp_path)),
            folder=None,
            keep=False,
            say=front.say,
            run=front.run,
        )

    assert caught.value.hint == "install Git"
    assert front.lines == []


COMMANDS = """\
$ git init --quiet --bare server.git
$ git init --quiet moons
$ cd moons
$ git remote add origin ../server.git
$ gitmodel init ../weights
$ python train.py --epochs 1
$ gitmodel add moons.safetensors --metrics metrics.json
$ git add train.py metrics.json
$ git commit --quiet --message 'First model'
$ git push --quiet --set-upstream origin main
$ python train.py --epochs 40
$ git commit --quiet --all --message 'Train longer'
$ git show '--format=%an: %s' HEAD -- moons.model.yaml
$ git push --quiet
$ cd ..
$ git clone --quiet server.git colleague
$ cd colleague
$ gitmodel install
$ gitmodel checkout
$ python train.py --evaluate moons.safetensors
$ gitmodel log moons
$ gitmodel checkout moons@1 --out first-version
$ gitmodel promote moons@1 production --commit
$ gitmodel promote moons@2 production -m 'May hold-out' --commit
$ gitmodel rollback moons production -m drift --commit
$ git log '--format=%an: %s' -- moons.production.alias.yaml
$ git push --quiet
"""


class Terminal:
    """A front door that runs the commands and notes everything that appears."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def run(self, arguments: list[str], folder: str, environment: Mapping[str, str]) -> int:
        done = subprocess.run(
            arguments,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        self.lines.extend(done.stdout.splitlines())
        return done.returncode


def test_the_whole_job_works_where_git_was_never_configured(tmp_path: Path) -> None:
    """Real commands, real hooks; a home without a Git configuration stays as empty as it was."""
    (tmp_path / "home").mkdir()
    environment = {name: value for name, value in os.environ.items() if "CONFIG" not in name}
    environment |= {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)}
    front = Terminal()

    report = run_demo(
        Context(environment=environment, folder=str(tmp_path)),
        folder=None,
        keep=False,
        say=front.lines.append,
        run=front.run,
    )

    text = "\n".join(front.lines)
    assert "".join(f"{line}\n" for line in front.lines if line.startswith("$ ")) == COMMANDS
    assert (report.commands, report.compared, report.kept) == (24, 2, False)
    assert "+version: 2" in text
    assert "moons@production: v2 -> v1" in text
    assert "the same, byte for byte, as the file that Ana trained" in text
    assert [path.name for path in tmp_path.rglob("*")] == ["home"]


@pytest.mark.parametrize(
    ("left", "found"), [(b"other", "its 5 bytes differ"), (None, "there is no such file")]
)
def test_weights_that_come_back_wrong_end_the_demo(
    tmp_path: Path, left: bytes | None, found: str
) -> None:
    front = Terminal()

    def run(arguments: list[str], folder: str, environment: Mapping[str, str]) -> int:
        code = front.run(arguments, folder, environment)
        if arguments[-1] == "checkout":
            weights = Path(folder, "moons.safetensors")
            weights.unlink()
            if left is not None:
                weights.write_bytes(left)
        return code

    with pytest.raises(GitmodelError) as caught:
        run_demo(context(tmp_path), folder="d", keep=False, say=front.lines.append, run=run)

    assert str(caught.value) == (
        f"moons: moons.safetensors is not the file that Ana trained: {found}"
    )
