"""A real Git repository in two lines: `repo.write("fraud.safetensors", data); repo.commit("v1")`.

Everything goes through the git program, found once by absolute path, with a fixed identity, fixed
and rising dates and the branch name `main`, so that equal stories give equal object ids. Only what
a test asks for is written: no configuration of the machine is read (see `tests/conftest.py`).
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import gitmodel
from tests.support.served import run_served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GIT = shutil.which("git") or "git"
PACKAGE_ROOT = Path(gitmodel.__file__).parent.parent
FIRST_COMMIT_SECONDS = 1_750_000_000
SECONDS_BETWEEN_COMMITS = 60
# A deadlock must fail a test instead of stopping the run; no test comes near this.
TIMEOUT_SECONDS = 120

GLOBAL_CONFIG = """\
[user]
\tname = Ana
\temail = ana@example.org
[init]
\tdefaultBranch = main
[commit]
\tgpgSign = false
[advice]
\tdetachedHead = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[protocol "file"]
\tallow = always
"""


class Repo:
    """One repository (or a folder that is to become one) driven by the git program.

    Args:
        path: The folder in which commands run: a work tree, or a bare repository.
        clock: Seconds of the next commits; shared with clones, so that dates rise over all of them.
    """

    def __init__(self, path: Path, *, clock: Iterator[int] | None = None) -> None:
        self.path = path
        self._clock = clock or itertools.count(FIRST_COMMIT_SECONDS, SECONDS_BETWEEN_COMMITS)

    @classmethod
    def create(cls, path: Path, *options: str) -> Repo:
        """Run `git init` with options such as `--bare` or `--object-format=sha256`."""
        path.mkdir(parents=True, exist_ok=True)
        repo = cls(path)
        repo.git("init", "-q", "-b", "main", *options)
        return repo

    def git(
        self,
        *arguments: str,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        input_text: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run git here; `check` makes a failure show git's own words."""
        seconds = f"{next(self._clock)} +0000"
        dates = {"GIT_AUTHOR_DATE": seconds, "GIT_COMMITTER_DATE": seconds}
        return self._run(
            [GIT, *arguments], check=check, env=dates | dict(env or {}), text=input_text
        )

    def gitmodel(
        self,
        *arguments: str,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        input_text: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run `gitmodel` here in a process of its own."""
        env = {"PYTHONPATH": str(PACKAGE_ROOT)} | dict(env or {})
        done = run_served(
            self.path, arguments, os.environ | env, text=input_text, timeout=TIMEOUT_SECONDS
        )
        if done is None:
            command = [sys.executable, "-P", "-m", "gitmodel", *arguments]
            return self._run(command, check=check, env=env, text=input_text)
        return self._checked(done, check=check)

    def _run(
        self, command: list[str], *, check: bool, env: Mapping[str, str], text: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=self.path,
            env=os.environ | env,
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return self._checked(done, check=check)

    @staticmethod
    def _checked(
        done: subprocess.CompletedProcess[str], *, check: bool
    ) -> subprocess.CompletedProcess[str]:
        if check and done.returncode:
            message = f"{done.args[1:]} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            raise AssertionError(message)
        return done

    def now(self) -> int:
        """The seconds of the next commit."""
        return next(self._clock)

    def write(self, path: str, content: bytes | str) -> Path:
        """Write a file of the work tree, with its folders; text is UTF-8 with LF."""
        target = self.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        target.write_bytes(data)
        return target

    def read(self, path: str) -> bytes:
        """Return the bytes of a file of the work tree."""
        return (self.path / path).read_bytes()

    def commit(self, message: str, *paths: str) -> str:
        """Add these paths (everything if none is named), commit, return the commit's id.

        An unchanged tree gives an empty commit. This is `git add` + `git commit`; tests about
        `git commit PATH` or `git commit -a` call `git` themselves.
        """
        self.git("--literal-pathspecs", "add", "-A", "--", *(paths or (".",)))
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head()

    def head(self, revision: str = "HEAD") -> str:
        """Return the object id of a revision, of HEAD if none is named."""
        return self.git("rev-parse", "--verify", "--end-of-options", revision).stdout.strip()

    def clone(self, to: Path | str, *options: str) -> Repo:
        """Clone this repository by `file://` (so depth and filters work) to a folder beside it."""
        target = Path(to) if Path(to).is_absolute() else self.path.parent / to
        self.git("clone", "-q", *options, "--", self.path.as_uri(), str(target))
        return Repo(target, clock=self._clock)

    def beside(self, name: str) -> Repo:
        """Return a repository that is in the folder beside this one; dates rise over both."""
        return Repo(self.path.with_name(name), clock=self._clock)
