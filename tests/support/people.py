"""People of one machine: users of their own who share a group, as root can make them for a process."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.repo import GLOBAL_CONFIG, PACKAGE_ROOT, TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TEAM = 47_000  # the number of the group that they share
_GIT = shutil.which("git") or "git"


@dataclass(frozen=True)
class Person:
    """A user whose own group has the same number, and who is in the team.

    Args:
        uid: Their number; nobody on the machine has it.
        home: Their folder.
        python: A Python with gitmodel that everybody can run.
        umask: What their files are not for.
        in_team: Whether they are in the shared group.
    """

    uid: int
    home: Path
    python: str
    umask: int = 0o022
    in_team: bool = True

    def run(
        self, folder: Path, *command: str, check: bool = True, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this person."""
        done = subprocess.run(
            command,
            cwd=folder,
            env=self._environment() | dict(env or {}),
            user=self.uid,
            group=self.uid,
            extra_groups=[TEAM] if self.in_team else [],
            umask=self.umask,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert "defect" not in done.stderr
        assert "Traceback" not in done.stderr
        return done

    def git(self, folder: Path, *words: str, check: bool = True) -> str:
        """Run git as this person."""
        done = self.run(folder, _GIT, *words, check=check)
        return done.stdout if check else done.stdout + done.stderr

    def gitmodel(self, folder: Path, *words: str, check: bool = True) -> str:
        """Run gitmodel as this person; what it prints, with errors where it may fail."""
        done = self.run(folder, self.python, "-P", "-m", "gitmodel", *words, check=check)
        return done.stdout if check else done.stdout + done.stderr

    def write(self, path: Path, content: bytes) -> None:
        """Write a file as this person."""
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        path.chmod(0o666 & ~self.umask)
        os.chown(path, self.uid, self.uid)

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LC_ALL", "TZ") if name in os.environ}
        return kept | {
            "HOME": str(self.home),
            "GIT_CONFIG_GLOBAL": str(self.home / "gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


class Office:
    """A folder that everybody can go through, and the people who have a home in it."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder = folder
        self._python = python
        self._next = 47_001

    def person(self, *, umask: int = 0o022, in_team: bool = True) -> Person:
        """A further person."""
        uid = self._next
        self._next += 1
        home = self.folder / f"home-{uid}"
        home.mkdir(mode=0o755)
        text = GLOBAL_CONFIG + '[safe]\n\tdirectory = "*"\n'
        (home / "gitconfig").write_text(text, encoding="utf-8")
        (home / "gitconfig").chmod(0o644)
        os.chown(home, uid, uid)
        return Person(uid, home, self._python, umask, in_team)

    def share(self, name: str, mode: int = 0o2775) -> Path:
        """A folder of the team, as an administrator makes it."""
        path = self.folder / name
        path.mkdir()
        os.chown(path, 0, TEAM)
        path.chmod(mode)
        return path


def modes(folder: Path) -> dict[str, str]:
    """Mode and group of everything below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found[str(path.relative_to(folder))] = f"{stat.filemode(status.st_mode)} {status.st_gid}"
    return found


def _python_for_all(folder: Path) -> str:
    """The Python of this run may be in a home that is closed: then the system's, if it is the same version."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    bases = [
        str(Path(sys.executable).resolve()),
        *filter(None, [shutil.which(version, path=os.defpath)]),
    ]
    for base in bases:
        done = subprocess.run(
            ["/bin/sh", "-c", f"exec '{base}' -V"], user=47_000, check=False, capture_output=True
        )
        if done.returncode == 0:
            break
    else:
        pytest.skip("no Python that another person can run")
    place = folder / "python"
    subprocess.run([base, "-m", "venv", "--without-pip", str(place)], check=True)
    packages = [str(PACKAGE_ROOT), sysconfig.get_path("purelib")]
    target = place / "lib" / version / "site-packages/gitmodel-tests.pth"
    target.write_text("".join(f"{path}\n" for path in packages), encoding="utf-8")
    return str(place / "bin/python")


_shared: list[str] = []


def _shared_python(session: pytest.Session) -> str:
    """The Python of all tests of this process, in a folder that everybody can go through."""
    if not _shared:
        folder = Path(tempfile.mkdtemp(prefix="gitmodel-python-"))
        session.addfinalizer(partial(shutil.rmtree, folder, ignore_errors=True))
        folder.chmod(0o755)
        python = _python_for_all(folder)
        try:
            Office(folder, python).person().gitmodel(folder, "--version")
        except (AssertionError, OSError) as error:
            pytest.skip(f"another person cannot run gitmodel here: {error}")
        _shared.append(python)
    return _shared[0]


@pytest.fixture
def office(request: pytest.FixtureRequest) -> Iterator[Office]:
    """Skipped where this process may not become another user, or others cannot read this Python."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another person")
    python = _shared_python(request.session)
    folder = Path(tempfile.mkdtemp(prefix="gitmodel-office-"))
    folder.chmod(0o755)
    try:
        yield Office(folder, python)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
