"""Run the git program: found once, by absolute path, with a chosen environment.

Each rule here prevents a security hole that other tools had (CVE-2020-27955, CVE-2022-24826: they ran a `git`
from the work tree):

- the program: the first `git` on `PATH` whose folder is absolute and outside the repository;
- its environment: no `GIT_*` variable except the list below, each with its reason;
- programs that a clone's configuration may start: none, for the keys in `_HARDENING`.

Guarantee: a call either returns git's output, or raises `GitCommandError` with git's own message.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, NoReturn

from gitmodel.domain.text.escape import printable
from gitmodel.errors import GitCommandError
from gitmodel.files.os_errors import explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# `core.fsmonitor` may name a program that any index command runs; ours would start gitmodel again
# inside gitmodel. The others matter only when git fetches an object that a partial clone lacks.
_HARDENING = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "protocol.ext.allow=never"),
    *("-c", "maintenance.auto=false"),
)

# All other GIT_ variables are dropped: GIT_LITERAL_PATHSPECS would break our patterns, GIT_TRACE
# would appear instead of git's error message, GIT_INDEX_FILE could name the index of another
# repository.
_INHERITED = frozenset(
    {
        # Author and committer; Git sets them for its hooks (`git commit --author`).
        *("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE"),
        *("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_COMMITTER_DATE"),
        # The configuration: of the user, of a test run, and of `git -c key=value`.
        *("GIT_CONFIG", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"),
        *("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"),
        # Objects of a push in progress; `pre-receive` cannot see them without these.
        *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"),
        # A custom installation, and access to Git remotes (partial clones fetch).
        *("GIT_EXEC_PATH", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS"),
        *("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY", "GIT_SSL_NO_VERIFY"),
        *("GIT_ALLOW_PROTOCOL", "GIT_PROTOCOL_FROM_USER", "GIT_HTTP_PROXY_AUTHMETHOD"),
        "GIT_NO_LAZY_FETCH",
    }
)
_INHERITED_PREFIXES = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")
# The repository: read once by `Repository.open`, passed explicitly afterwards.
_DISCOVERY = frozenset(
    {
        *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_CEILING_DIRECTORIES"),
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    }
)
_FORCED = {
    "LC_ALL": "C",  # messages are compared and shown in English
    "GIT_TERMINAL_PROMPT": "0",  # a hook has no terminal, so fail instead of waiting for a password
    # Without it Git flushes after each commit, which is slow for 100,000 commits.
    "GIT_FLUSH": "0",
    "GIT_OPTIONAL_LOCKS": "0",  # reading must not make a concurrent `git commit` fail
    # A push sends the original objects, not their replacements, so read those.
    "GIT_NO_REPLACE_OBJECTS": "1",
}
# Git's messages about a resource limit (with LC_ALL=C), and their errno.
_REFUSALS = {
    "No space left on device": errno.ENOSPC,
    "Out of diskspace": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "File too large": errno.EFBIG,
    "Read-only file system": errno.EROFS,
    "Permission denied": errno.EACCES,
    "insufficient permission": errno.EACCES,
    "Too many open files": errno.EMFILE,
    "Cannot allocate memory": errno.ENOMEM,
    "Out of memory": errno.ENOMEM,
}
_MESSAGE_LIMIT = 500  # characters of git's message in an error


@contextmanager
def _complete_input(content: bytes) -> Iterator[int]:
    """A file with the whole standard input of a process, complete before it starts.

    If we were killed while writing to a pipe, git would take the part written so far as the whole list of
    paths; an empty list means every path.
    """
    if not content:
        yield subprocess.DEVNULL
        return
    with _anonymous_file() as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()


def _anonymous_file() -> IO[bytes]:
    """An anonymous empty file, in memory if the system supports that, else on disk."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("gitmodel-stdin"), "w+b")
    from tempfile import TemporaryFile

    return TemporaryFile()


class GitProgram:
    """The git program, by its absolute path, with the complete environment of its processes."""

    __slots__ = ("environment", "path")

    def __init__(self, path: str, environment: dict[str, str]) -> None:
        self.path = path
        self.environment = environment

    def call(
        self,
        arguments: tuple[str, ...],
        *,
        folder: str,
        input_bytes: bytes | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git in a folder to its end; never raises for its exit code. One process.

        Put user-supplied values behind `--`. The caller's stdin is never inherited, and `extra` adds to the
        environment. Raises GitCommandError if the process could not be started.
        """
        try:
            with _complete_input(input_bytes or b"") as stdin:
                return subprocess.run(
                    self._command(arguments),
                    cwd=os.fsencode(folder),
                    env=self._encoded_environment(extra or {}),
                    stdin=stdin,
                    capture_output=True,
                    check=False,
                )
        except OSError as error:
            raise _not_run(error) from error
        except ValueError as error:  # a NUL in an argument
            raise GitCommandError(f"git could not be run: {error}") from error

    def start(
        self, arguments: tuple[str, ...], *, folder: str, extra: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start a git process that answers on stdout what is written to its stdin. One process.

        Its stderr is discarded, because a full pipe would block it.
        """
        try:
            return subprocess.Popen(
                self._command(arguments),
                cwd=os.fsencode(folder),
                env=self._encoded_environment(extra),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise _not_run(error) from error

    def _command(self, arguments: tuple[str, ...]) -> list[bytes]:
        """The command as bytes; subprocess would encode text by the locale."""
        return [os.fsencode(word) for word in (self.path, *_HARDENING, *arguments)]

    def _encoded_environment(self, extra: Mapping[str, str]) -> dict[bytes, bytes]:
        items = {**self.environment, **extra}.items()
        return {os.fsencode(name): os.fsencode(value) for name, value in items}


def find_program(start: str, environment: Mapping[str, str]) -> str | None:
    """The absolute path of git, None if there is none. No process.

    Skips relative folders of `PATH` and folders inside the repository of `start`, so that a repository cannot
    choose the program.
    """
    enclosing = _enclosing_repository(os.path.realpath(start))
    names = ("git.exe",) if os.name == "nt" else ("git",)
    for folder in environment.get("PATH", os.defpath).split(os.pathsep):
        if not os.path.isabs(folder):
            continue
        if enclosing is not None and _is_inside(os.path.realpath(folder), enclosing):
            continue
        for name in names:
            candidate = os.path.join(folder, name)
            if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
                return candidate
    return None


def chosen_environment(
    environment: Mapping[str, str], *, discovery: bool = False, as_typed: bool = False
) -> dict[str, str]:
    """The environment for git: see the module's lists.

    `discovery` keeps the variables that select the repository. `as_typed` forces nothing, for commands that
    run the user's hooks and may ask for a password.
    """
    chosen = {
        name: value
        for name, value in environment.items()
        if not name.startswith("GIT_")
        or name in _INHERITED
        or name.startswith(_INHERITED_PREFIXES)
        or (discovery and name in _DISCOVERY)
    }
    return chosen if as_typed else chosen | _FORCED


def raise_for(
    done: subprocess.CompletedProcess[bytes], arguments: tuple[str, ...], *, folder: str
) -> NoReturn:
    """Raise `GitCommandError` with git's first line of stderr, and a hint if there is one."""
    verb = next((w for w in arguments if not w.startswith("-") and "=" not in w), "")
    words = first_words(done)
    number = next((number for text, number in _REFUSALS.items() if text in words), 0)
    if done.returncode == -signal.SIGXFSZ:
        number = errno.EFBIG
    found = explained(OSError(number, words), folder)
    raise GitCommandError(f"git {verb} failed: {words}", hint=None if found is None else found.hint)


def _not_run(error: OSError) -> GitCommandError:
    found = explained(error)
    reason = error.strerror if found is None else found.message
    return GitCommandError(
        f"git could not be run: {reason}", hint=None if found is None else found.hint
    )


def first_words(done: subprocess.CompletedProcess[bytes]) -> str:
    """Git's first line of stderr without its prefix, limited in length and printable."""
    for line in done.stderr.decode("utf-8", "replace").splitlines():
        words = line.removeprefix("fatal: ").removeprefix("error: ").strip()
        if words and not words.startswith(("warning:", "hint:")):
            return printable(words[:_MESSAGE_LIMIT])
    return f"exit code {done.returncode}"


def _enclosing_repository(folder: str) -> str | None:
    """The nearest folder at or above this one that contains `.git`. No process."""
    while not os.path.lexists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


def _is_inside(folder: str, outer: str) -> bool:
    return folder == outer or folder.startswith(outer.rstrip(os.sep) + os.sep)
