"""Run the git program: found once, by absolute path, with an environment that is chosen.

Three things are settled here for the whole room, because each of them was a security hole in some
tool before (CVE-2020-27955, CVE-2022-24826: a `git` of the work tree was run):

- which file is run: the first `git` of `PATH` that is neither given by a relative folder nor inside
  the repository itself;
- what it inherits: no `GIT_*` variable except the list below, each with its reason;
- what the configuration of a clone may start: nothing, for the keys in `_HARDENING`.

Guarantee: a call either returns what git wrote, or raises `GitCommandError` with git's own words.
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
# from within gitmodel. The other two are reached only
# when git fetches an object that a partial clone left out.
_HARDENING = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "protocol.ext.allow=never"),
    *("-c", "maintenance.auto=false"),
)

# Everything else that starts with GIT_ is dropped: GIT_LITERAL_PATHSPECS would break our patterns,
# GIT_TRACE would stand where git's error message is expected, GIT_INDEX_FILE of some outer command
# would make us read another repository's index.
_INHERITED = frozenset(
    {
        # Who commits; Git sets them for its hooks (`git commit --author`).
        *("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE"),
        *("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_COMMITTER_DATE"),
        # Where configuration is read: the person's, the test run's, and `git -c key=value`.
        *("GIT_CONFIG", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"),
        *("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"),
        # Objects that a push is bringing in: without these `pre-receive` sees nothing of it.
        *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"),
        # An own installation, and how this person reaches Git remotes (partial clones fetch).
        *("GIT_EXEC_PATH", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS"),
        *("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY", "GIT_SSL_NO_VERIFY"),
        *("GIT_ALLOW_PROTOCOL", "GIT_PROTOCOL_FROM_USER", "GIT_HTTP_PROXY_AUTHMETHOD"),
        "GIT_NO_LAZY_FETCH",
    }
)
_INHERITED_PREFIXES = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")
# Which repository: read once by `Repository.open`, given explicitly afterwards.
_DISCOVERY = frozenset(
    {
        *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_CEILING_DIRECTORIES"),
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    }
)
_FORCED = {
    "LC_ALL": "C",  # messages that are compared or shown are git's own, not a translation
    "GIT_TERMINAL_PROMPT": "0",  # a hook has no terminal: fail instead of waiting for a password
    # Git would write each commit by itself into a pipe: 100,000 turns with whoever reads.
    "GIT_FLUSH": "0",
    "GIT_OPTIONAL_LOCKS": "0",  # reading must not make a `git commit` beside us fail
    # A push sends the objects themselves, not their replacements: so that is what we read.
    "GIT_NO_REPLACE_OBJECTS": "1",
}
# What git says of a machine that refuses (LC_ALL=C is set), and the number of that.
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
_MESSAGE_LIMIT = 500  # characters of git's words in an error


@contextmanager
def _whole_input(content: bytes) -> Iterator[int]:
    """A file with the whole standard input of a process, which has it all before it starts.

    Through a pipe, git would take what was written until we are killed for all there is: half a list of
    paths, or none, and so every path.
    """
    if not content:
        yield subprocess.DEVNULL
        return
    with _nameless_file() as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()


def _nameless_file() -> IO[bytes]:
    """An empty file that nobody else sees: in memory where the system has such, else on the disk."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("gitmodel-stdin"), "w+b")
    from tempfile import TemporaryFile

    return TemporaryFile()


class GitProgram:
    """The git program with the environment in which it is run.

    Args:
        path: Absolute path of the program.
        environment: Complete environment of its processes.
    """

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
        """Run git once to its end; never raises for its exit code. One process.

        Args:
            arguments: What follows `git`; values that people choose belong behind `--`.
            folder: Working folder of the process.
            input_bytes: Its stdin; nothing if None (the caller's own stdin is never inherited).
            extra: Environment on top, such as `GIT_INDEX_FILE`.

        Raises:
            GitCommandError: The process could not be started.
        """
        try:
            with _whole_input(input_bytes or b"") as stdin:
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
        """Start a git that answers on stdout what is written to its stdin. One process.

        Its stderr goes nowhere: nobody reads it while it runs, and a full pipe would stop it.
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
        """As bytes: what subprocess itself would make of text depends on the locale."""
        return [os.fsencode(word) for word in (self.path, *_HARDENING, *arguments)]

    def _encoded_environment(self, extra: Mapping[str, str]) -> dict[bytes, bytes]:
        items = {**self.environment, **extra}.items()
        return {os.fsencode(name): os.fsencode(value) for name, value in items}


def find_program(start: str, environment: Mapping[str, str]) -> str | None:
    """Return the absolute path of git, or None where there is none. No process.

    Relative folders of `PATH` and folders inside the repository that `start` is in are passed over:
    whoever wrote the repository must not choose what is run.
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
    environment: Mapping[str, str], *, discovery: bool = False
) -> dict[str, str]:
    """Return the environment for git: see the module's lists.

    Args:
        environment: What this process was given.
        discovery: Keep the variables by which Git says which repository is meant.
    """
    chosen = {
        name: value
        for name, value in environment.items()
        if not name.startswith("GIT_")
        or name in _INHERITED
        or name.startswith(_INHERITED_PREFIXES)
        or (discovery and name in _DISCOVERY)
    }
    return chosen | _FORCED


def raise_for(
    done: subprocess.CompletedProcess[bytes], arguments: tuple[str, ...], *, folder: str
) -> NoReturn:
    """Raise `GitCommandError` with the first line that git wrote to stderr, and what helps there."""
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
    """Return git's own first line of stderr without its prefix, bounded and printable."""
    for line in done.stderr.decode("utf-8", "replace").splitlines():
        words = line.removeprefix("fatal: ").removeprefix("error: ").strip()
        if words and not words.startswith(("warning:", "hint:")):
            return printable(words[:_MESSAGE_LIMIT])
    return f"exit code {done.returncode}"


def _enclosing_repository(folder: str) -> str | None:
    """Return the nearest folder at or above this one that holds `.git`, by looking, not by git."""
    while not os.path.lexists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


def _is_inside(folder: str, outer: str) -> bool:
    return folder == outer or folder.startswith(outer.rstrip(os.sep) + os.sep)
