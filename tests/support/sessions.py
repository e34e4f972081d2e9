"""The console sessions of a page: their commands are run, and must print what the page shows.

`GITMODEL_TESTS_UPDATE=1` writes the current output into the page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SESSION = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_END = "end of a command"


def check_sessions(page: Path, shell: Callable[[str], str], fixed: Callable[[str], str]) -> None:
    """Run the commands of a page in one script, and compare what each prints.

    `shell` runs a script and returns what it prints. `fixed` replaces what differs in each run.
    """
    text = page.read_text(encoding="utf-8")
    commands = [
        [line[2:] for line in session.splitlines() if line.startswith("$ ")]
        for session in _SESSION.findall(text)
    ]
    script = "".join(f"{command}\necho '{_END}'\n" for some in commands for command in some)
    outputs = iter(shell(script).split(f"{_END}\n"))

    shown = ["".join(f"$ {command}\n{next(outputs)}" for command in some) for some in commands]

    if os.environ.get("GITMODEL_TESTS_UPDATE"):
        fresh = iter(shown)
        text = _SESSION.sub(lambda _: f"```console\n{next(fresh)}```", text)
        page.write_text(text, encoding="utf-8")
    assert [fixed(one) for one in shown] == [fixed(one) for one in _SESSION.findall(text)]


def printed(command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """What a program prints to both streams; it must end with 0, but commands of a script may fail."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
