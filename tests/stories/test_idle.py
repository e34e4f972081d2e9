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
"""


def loaded(repo: Repo, *arguments: str) -> list[str]:
    """Which heavy libraries a command imports, in a fresh interpreter."""
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
    line = done.stdout.strip().splitlines()[-1]
    assert line.startswith("LOADED"), done.stdout + done.stderr
    return line.split()[1:]


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
