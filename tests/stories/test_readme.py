"""The quick start of the README works from an empty folder, and prints what the README shows.

`GITMODEL_TESTS_UPDATE=1` writes the output of today into the README.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
SCRIPT = re.compile(r"^```python\n(import json.*?)^```", re.MULTILINE | re.DOTALL)
SESSION = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
HOME = "/home/ana"
END = "end of a command"
# Commit ids and dates differ in each run; sizes may differ with the version of a library.
VARYING = re.compile(r"\b[0-9a-f]{10}\b|\b\d{4}-\d\d-\d\d\b|\b[\d.]+ k?B\b")


def test_the_quick_start_prints_what_the_readme_shows(tmp_path: Path) -> None:
    page = README.read_text(encoding="utf-8")
    sessions = SESSION.findall(page)
    (script,) = SCRIPT.findall(page)
    folder = tmp_path / "fraud-models"
    folder.mkdir()
    (folder / "train.py").write_text(script, encoding="utf-8")
    commands = [
        [line for line in session.splitlines() if line.startswith("$ ")] for session in sessions
    ]
    outputs = iter(_outputs([line[2:] for some in commands for line in some], folder, tmp_path))

    shown = ["".join(f"{line}\n{next(outputs)}" for line in some) for some in commands]

    if os.environ.get("GITMODEL_TESTS_UPDATE"):
        fresh = iter(shown)
        page = SESSION.sub(lambda _: f"```console\n{next(fresh)}```", page)
        README.write_text(page, encoding="utf-8")
    else:
        assert [VARYING.sub("_", text) for text in shown] == [
            VARYING.sub("_", text) for text in sessions
        ]


def _outputs(commands: list[str], folder: Path, home: Path) -> list[str]:
    """What each command prints in one shell, with the home folder of a person called Ana."""
    script = "set -e\n" + "".join(f"{command}\necho '{END}'\n" for command in commands)
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=folder,
        env={
            **os.environ,
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.replace(str(home), HOME).split(f"{END}\n")
