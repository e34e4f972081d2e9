"""The quick start of the README works from an empty folder, and prints what the README shows.

`GITMODEL_TESTS_UPDATE=1` writes the current output into the README.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SESSION = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
HOME = "/home/ana"
END = "end of a command"
# Commit ids and dates differ in each run. Sizes can differ with the version of a library.
VARYING = re.compile(r"\b[0-9a-f]{10}\b|\b\d{4}-\d\d-\d\d\b|\b[\d.]+ k?B\b")


def test_the_quick_start_prints_what_the_readme_shows(tmp_path: Path) -> None:
    page = README.read_text(encoding="utf-8")
    sessions = SESSION.findall(page)
    train, example = PYTHON.findall(page)
    folder = tmp_path / "fraud-models"
    folder.mkdir()
    (folder / "train.py").write_text(train, encoding="utf-8")
    commands = [
        [line[2:] for line in session.splitlines() if line.startswith("$ ")] for session in sessions
    ]
    script = "".join(f"{command}\necho '{END}'\n" for some in commands for command in some)
    outputs = iter(_output(["/bin/sh", "-ec", script], folder).split(f"{END}\n"))

    shown = ["".join(f"$ {command}\n{next(outputs)}" for command in some) for some in commands]

    if os.environ.get("GITMODEL_TESTS_UPDATE"):
        fresh = iter(shown)
        page = SESSION.sub(lambda _: f"```console\n{next(fresh)}```", page)
        README.write_text(page, encoding="utf-8")
    assert [_fixed(text) for text in shown] == [_fixed(text) for text in SESSION.findall(page)]
    assert _output([sys.executable, "-c", example], folder) == ""


def _fixed(text: str) -> str:
    return VARYING.sub("_", text)


def _output(command: list[str], folder: Path) -> str:
    """What a command prints, for a person whose home folder has the repository in it."""
    home = str(folder.parent)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "HOME": home, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.replace(home, HOME)
