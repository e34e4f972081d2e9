"""The command of the merge driver: what it starts, what it does then, and whose it is."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import RepositoryError
from gitmodel.githooks.merge_driver import (
    DriverState,
    driver_state,
    driver_text,
    install_driver,
    recognise_driver,
    remove_driver,
)
from gitmodel.project.context import Context
from gitmodel.project.project import Project
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path

PLACES = {"%O": "O", "%A": "A", "%B": "B", "%L": "7", "%P": "'a b.model.yaml'"}


def run(
    folder: Path, interpreter: str, *, path: str = "/usr/bin:/bin"
) -> subprocess.CompletedProcess[str]:
    """Run the command as Git does, on three versions that conflict."""
    for name, text in (("O", "base\n"), ("A", "ours\n"), ("B", "theirs\n")):
        (folder / name).write_text(text)
    command = driver_text(interpreter)
    for placeholder, value in PLACES.items():
        command = command.replace(placeholder, value)
    return subprocess.run(
        ["/bin/sh", "-c", command.replace("%%", "%")],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def fake(folder: Path, name: str, script: str) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


WARNING = "gitmodel did not run to its end, so Git merges line by line: a b.model.yaml\n"
LINES = "<<<<<<< ours\nours\n=======\ntheirs\n>>>>>>> theirs\n"


@pytest.mark.parametrize(
    ("code", "ended", "said", "left"),
    [
        (9, 0, "", "ours\n"),
        (10, 1, "", "ours\n"),
        (11, 1, "", LINES),
        (0, 1, WARNING, LINES),
        (1, 1, WARNING, LINES),
        (2, 1, WARNING, LINES),
        (127, 1, WARNING, LINES),
        (143, 1, WARNING, LINES),
    ],
)
def test_how_the_command_ends(tmp_path: Path, code: int, ended: int, said: str, left: str) -> None:
    """0 too is no success: an earlier gitmodel says so of a hook that it does not know."""
    done = run(tmp_path, fake(tmp_path, "python", f"exit {code}"))

    assert (done.returncode, done.stderr) == (ended, said)
    assert (tmp_path / "A").read_text() == left


def test_what_is_started(tmp_path: Path) -> None:
    python = fake(tmp_path, "it's 50% off/python", 'printf "%s|" "$@" > seen; exit 9')

    assert run(tmp_path, python).returncode == 0

    assert (tmp_path / "seen").read_text() == (
        "-E|-X|utf8|-P|-m|gitmodel|hook|merge-driver|O|A|B|7|a b.model.yaml|"
    )


def test_without_its_python_the_one_of_the_path_is_started(tmp_path: Path) -> None:
    fake(tmp_path, "bin/gitmodel", 'printf "%s|" "$PYTHONPATH" "$@" > seen; exit 10')

    done = run(tmp_path, "/nowhere/python", path=f"{tmp_path}/bin:/usr/bin:/bin")

    assert done.returncode == 1
    assert (tmp_path / "seen").read_text() == "|hook|merge-driver|O|A|B|7|a b.model.yaml|"


def test_a_merge_of_lines_that_works_is_clean(tmp_path: Path) -> None:
    python = fake(tmp_path, "python", "cp O B; exit 11")

    assert run(tmp_path, python).returncode == 0
    assert (tmp_path / "A").read_text() == "ours\n"


def test_whose_a_command_is() -> None:
    text = driver_text("/opt/it's/python")

    assert recognise_driver(None) is DriverState.ABSENT
    assert recognise_driver(text) is DriverState.OURS
    assert recognise_driver(driver_text("/other/python")) is DriverState.OURS
    assert recognise_driver(text.replace("exit 1", "exit 2", 1)) is DriverState.EDITED
    assert recognise_driver("true") is DriverState.EDITED


@pytest.mark.parametrize("path", ["python3", "/a\nb/python"])
def test_a_python_that_cannot_be_written_down(path: str) -> None:
    with pytest.raises(RepositoryError):
        driver_text(path)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    repo = Repo.create(tmp_path / "repo")
    return Project.open(Context(environment=os.environ, folder=str(repo.path)))


def test_installing_is_idempotent_and_renews_the_python(project: Project) -> None:
    assert driver_state(project) is DriverState.ABSENT
    assert install_driver(project, "/old/python") == "written"
    assert install_driver(project, sys.executable) == "written"
    assert install_driver(project, sys.executable) == "unchanged"
    assert driver_state(project) is DriverState.OURS
    assert remove_driver(project) is DriverState.OURS
    assert remove_driver(project) is DriverState.ABSENT


def test_a_persons_own_command_stays(project: Project) -> None:
    project.repository.set_config("merge.gitmodel.driver", "mine %A")

    assert install_driver(project, sys.executable) == "edited"
    assert remove_driver(project) is DriverState.EDITED
    assert project.repository.run("config", "merge.gitmodel.driver") == b"mine %A\n"
