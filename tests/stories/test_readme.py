"""The quick start of the README works from an empty folder, and prints what the README shows.

`GITMODEL_TESTS_UPDATE=1` writes the current output into the README.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.support.sessions import check_sessions, printed

README = Path(__file__).parents[2] / "README.md"
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
HOME = "/home/ana"
# Commit ids and dates differ in each run. Sizes can differ with the version of a library.
VARYING = re.compile(r"\b[0-9a-f]{10}\b|\b\d{4}-\d\d-\d\d\b|\b[\d.]+ k?B\b")


def test_the_quick_start_prints_what_the_readme_shows(tmp_path: Path) -> None:
    train, example = PYTHON.findall(README.read_text(encoding="utf-8"))
    folder = tmp_path / "fraud-models"
    folder.mkdir()
    (folder / "train.py").write_text(train, encoding="utf-8")

    check_sessions(README, lambda script: _output(["/bin/sh", "-ec", script], folder), _fixed)

    assert _output([sys.executable, "-c", example], folder) == ""


def _fixed(text: str) -> str:
    return VARYING.sub("_", text)


def _output(command: list[str], folder: Path) -> str:
    """What a command prints, for a person whose home folder has the repository in it."""
    home = str(folder.parent)
    return printed(command, folder, {"HOME": home}).replace(home, HOME)
