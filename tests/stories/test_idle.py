"""With nothing to do, nothing is loaded and nobody is asked."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stories.conftest import Team
    from tests.support.repo import Repo

HEAVY = ("pygit2", "fsspec", "s3fs", "adlfs", "numpy", "obstore", "aiohttp", "botocore")
PROBE = """
import sys
sys.argv = ["gitmodel", *{arguments!r}]
from gitmodel.cli.main import main
try:
    main()
except SystemExit:
    pass
print("LOADED", *sorted(set({heavy!r}) & set(sys.modules)))
print("OWN", *sorted(name for name in sys.modules if name.partition(".")[0] == "gitmodel"))
"""


def loaded(repo: Repo, *arguments: str) -> list[str]:
    """Which heavy libraries a command imports, in a fresh interpreter."""
    return modules(repo, *arguments)[0]


def modules(repo: Repo, *arguments: str) -> tuple[list[str], list[str]]:
    """The heavy libraries and the modules of gitmodel that a command imports, in a fresh interpreter."""
    code = PROBE.format(arguments=list(arguments), heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=repo.path,
        input="",
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
        timeout=60,
    )
    heavy, own = (line.split() for line in done.stdout.strip().splitlines()[-2:])
    assert (heavy[0], own[0]) == ("LOADED", "OWN"), done.stdout + done.stderr
    return heavy[1:], own[1:]


# Each costs 0.2 to 0.5 ms in every commit. If a number has to grow, see first what can be imported late:
# python -X importtime -m gitmodel status
MODULES = {
    ("--version",): 5,
    ("status",): 73,
    ("hook", "pre-commit"): 83,
    ("hook", "pre-push", "origin", "file:///nowhere"): 60,
    ("hook", "post-checkout", "0", "0", "1"): 62,
}


# Rooms that only new weights need.
FOR_NEW_WEIGHTS = ("gitmodel.trackers", "gitmodel.project.runs", "gitmodel.project.gates")


@pytest.mark.parametrize("arguments", MODULES, ids=" ".join)
def test_an_idle_command_imports_no_more_modules_than_recorded(
    fraud: Repo, arguments: tuple[str, ...]
) -> None:
    _, own = modules(fraud, *arguments)

    assert len(own) <= MODULES[arguments], own
    assert [name for name in own if name.startswith(FOR_NEW_WEIGHTS)] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("status",),
        ("list",),
        ("hook", "pre-commit"),
        ("hook", "post-commit"),
        ("hook", "pre-push", "origin", "file:///nowhere"),
        ("hook", "post-checkout", "0", "0", "1"),
        ("hook", "post-merge", "0"),
    ],
    ids=" ".join,
)
def test_h16_an_idle_command_loads_no_heavy_library(
    fraud: Repo, arguments: tuple[str, ...]
) -> None:
    assert loaded(fraud, *arguments) == []


def test_commit_and_push_without_a_changed_model_need_no_remote(
    fraud: Repo, team: Team, tmp_path: Path
) -> None:
    from pathlib import Path

    Path(team.url).rename(tmp_path / "gone")
    fraud.write("notes.txt", "unrelated\n")
    fraud.git("add", ".")

    fraud.git("commit", "-qm", "notes")
    fraud.git("push", "-q")

    assert not Path(team.url).exists()


def test_aliases_that_were_pushed_import_nothing_more(fraud: Repo) -> None:
    arguments = ("hook", "pre-push", "origin", fraud.git("remote", "get-url", "origin").stdout[:-1])
    fraud.gitmodel("promote", "fraud@1", "production", "--commit")
    fraud.gitmodel("promote", "fraud@1", "staging", "--commit")
    fraud.git("push", "-q")

    heavy, own = modules(fraud, *arguments)

    assert heavy == []
    assert len(own) <= MODULES["hook", "pre-push", "origin", "file:///nowhere"], own
