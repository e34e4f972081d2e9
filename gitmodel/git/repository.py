"""The repository: where it is, what it is called elsewhere, and one way to run git in it.

Words: the *work tree* is the folder with the checked-out files; the *git folder* belongs to one work
tree; the *common folder* holds what all work trees of a repository share. All three are absolute
here, and they are found once, in one process: a git process costs 3 to 20 ms, and hooks run inside
every `git commit`, so each method says how many it runs. Paths are relative to the top of the work
tree, with `/`, unless a method says otherwise.

Guarantee: `Repository` never changes a ref, the index or an object.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.errors import ConfigError, GitCommandError, RepositoryError
from gitmodel.git.check_ignore import add_ignores, ignore_rules
from gitmodel.git.discovery import (
    ask_library,
    ask_program,
    has_cut_history,
    has_left_out_objects,
    unfinished,
)
from gitmodel.git.ignore_rules import append_missing
from gitmodel.git.program import GitProgram, chosen_environment, find_program, raise_for

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from gitmodel.git.discovery import Places

_SETTINGS = r"^(gitmodel\.|core\.sharedrepository$)"


class Repository:
    """One repository as seen from one work tree (or from none, if it is bare).

    Attributes:
        work_tree: Absolute path of the work tree; None in a bare repository or inside a git folder.
        git_dir: Absolute path of the git folder of this work tree.
        common_dir: Absolute path of the git folder that all work trees share.
        prefix: Where the caller stood, relative to the work tree, with `/`; "" at the top.
        object_format: "sha1" or "sha256".
        environment: What the caller gave to `open`.
    """

    __slots__ = (
        "_places",
        "_program",
        "common_dir",
        "environment",
        "git_dir",
        "object_format",
        "prefix",
        "work_tree",
    )

    def __init__(
        self, places: Places, *, program: GitProgram | None, environment: Mapping[str, str]
    ) -> None:
        self.git_dir = places.git_dir
        self.common_dir = places.common_dir
        self.work_tree = places.work_tree
        self.prefix = places.prefix
        self.object_format = places.object_format
        self.environment = environment
        self._program = program
        # Discovery is over: `safe.directory` was checked, and nothing below is searched again.
        self._places = {"GIT_DIR": places.git_dir}
        if places.work_tree is not None:
            self._places["GIT_WORK_TREE"] = places.work_tree

    @classmethod
    def open(cls, start: str, *, environment: Mapping[str, str]) -> Repository:
        """Find the repository of a folder, as git itself would. One process.

        Where there is no git program libgit2 finds it, and only reading works then.

        Args:
            start: Folder inside the repository.
            environment: `os.environ` of the caller; `GIT_DIR` and the like count.

        Raises:
            RepositoryError: There is none, or git refuses it (`safe.directory`).
        """
        start = os.path.abspath(start)
        if not os.path.isdir(start):
            raise RepositoryError(f"{start} is not a folder")
        path = find_program(start, environment)
        if path is None:
            return cls(ask_library(start), program=None, environment=environment)
        seeker = GitProgram(path, chosen_environment(environment, discovery=True))
        places = ask_program(seeker, start)
        program = GitProgram(path, chosen_environment(environment))
        return cls(places, program=program, environment=environment)

    @property
    def program(self) -> GitProgram:
        """The git program.

        Raises:
            GitCommandError: There is none on this machine.
        """
        if self._program is None:
            raise GitCommandError("there is no git program on PATH", hint="install Git")
        return self._program

    @property
    def has_program(self) -> bool:
        """Whether there is a git program on this machine."""
        return self._program is not None

    @property
    def folder(self) -> str:
        """Where git runs: the top of the work tree, so that paths are relative to it."""
        return self.work_tree or self.git_dir

    @property
    def top(self) -> str:
        """The work tree, for what cannot be done without one.

        Raises:
            RepositoryError: The repository is bare.
        """
        if self.work_tree is None:
            raise RepositoryError(
                f"{self.git_dir} has no work tree", hint="run this in a clone that is not bare"
            )
        return self.work_tree

    def run(
        self,
        *arguments: str,
        input_bytes: bytes | None = None,
        index_file: str | None = None,
        folder: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> bytes:
        """Run git at the top of the work tree and return its stdout. One process.

        Args:
            arguments: What follows `git`; values that people choose belong behind `--`.
            input_bytes: Its stdin.
            index_file: An index other than the work tree's own.
            folder: Another folder of the work tree to run it in.
            extra: Environment on top.

        Raises:
            GitCommandError: It ended with an error, or there is no git program.
        """
        return self.attempt(
            *arguments,
            accept=(0,),
            input_bytes=input_bytes,
            index_file=index_file,
            folder=folder,
            extra=extra,
        )[1]

    def attempt(
        self,
        *arguments: str,
        accept: tuple[int, ...],
        input_bytes: bytes | None = None,
        index_file: str | None = None,
        folder: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Run git where several exit codes are answers; returns code and stdout. One process.

        Raises:
            GitCommandError: It ended with a code that is not in `accept`.
        """
        environment = {**(extra or {}), **self._places}
        if index_file is not None:
            environment["GIT_INDEX_FILE"] = index_file
        done = self.program.call(
            arguments,
            folder=folder or self.folder,
            input_bytes=input_bytes,
            extra=environment,
        )
        if done.returncode not in accept:
            raise_for(done, arguments, folder=self.git_dir)
        return done.returncode, done.stdout

    def succeeded(self, *arguments: str) -> bool:
        """Run git for its exit code alone: True for 0, False for any other. One process."""
        done = self.program.call(arguments, folder=self.folder, extra=self._places)
        return done.returncode == 0

    def start(
        self, *arguments: str, extra: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a git that answers on stdout what is written to its stdin. One process."""
        places = self._places | dict(extra or {})
        return self.program.start(arguments, folder=self.folder, extra=places)

    # Configuration

    def settings(self) -> tuple[tuple[str, str], ...]:
        """Return `git config gitmodel.*` and `core.sharedRepository`, weakest first. One process.

        Keys are in lower case.

        A key without a value reads as "true", as in Git.
        """
        _, output = self.attempt("config", "-z", "--get-regexp", _SETTINGS, accept=(0, 1))
        entries = []
        for item in output.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            key, newline, value = item.partition("\n")
            entries.append((key.lower(), value if newline else "true"))
        return tuple(entries)

    def set_config(self, key: str, value: str) -> None:
        """Set a key of this clone to one value, replacing all it had. One process."""
        self.run("config", "--local", "--replace-all", key, _checked(value))

    def add_config(self, key: str, value: str) -> None:
        """Give a key of this clone one more value. One process."""
        self.run("config", "--local", "--add", key, _checked(value))

    def unset_config(self, key: str) -> None:
        """Remove a key of this clone with all its values; no error if it has none. One process."""
        self.attempt("config", "--local", "--unset-all", key, accept=(0, 5))

    def hooks_folder(self) -> str:
        """Return where Git looks for hooks, absolute; respects `core.hooksPath`. One process."""
        output = self.run("rev-parse", "--path-format=absolute", "--git-path", "hooks")
        return os.fsdecode(output.removesuffix(b"\n"))

    def identity(self) -> str:
        """Return who commits, "Ana <ana@example.org>", or "" where nobody said so. One process.

        Without `useConfigOnly` Git would make up an address from the name of the machine.
        """
        code, output = self.attempt(
            "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT", accept=(0, 128)
        )
        if code:
            return ""
        # "Ana <ana@example.org> 1750000000 +0000"
        return output.decode("utf-8", "replace").strip().rsplit(" ", 2)[0]

    # Remotes, refs and state

    def remotes(self) -> tuple[str, ...]:
        """Return the names of the Git remotes. One process."""
        return tuple(self.run("remote").decode("utf-8", "surrogateescape").splitlines())

    def remote_url(self, name: str) -> str | None:
        """Return the first URL of a Git remote, None if there is no such remote. One process.

        Args:
            name: Name of the remote; `url.*.insteadOf` is applied.
        """
        code, output = self.attempt("remote", "get-url", "--", name, accept=(0, 2, 128))
        return None if code else output.decode("utf-8", "surrogateescape").splitlines()[0]

    def head(self) -> str | None:
        """Return the commit of HEAD, None before the first commit. One process."""
        code, output = self.attempt(
            "rev-parse", "--verify", "--quiet", "HEAD^{commit}", accept=(0, 1)
        )
        return None if code else output.decode("ascii").strip()

    def branch(self) -> str | None:
        """Return the name of the branch, also before its first commit; None if HEAD is detached.

        One process.
        """
        code, output = self.attempt("symbolic-ref", "--quiet", "--short", "HEAD", accept=(0, 1))
        return None if code else output.decode("utf-8", "surrogateescape").strip()

    def in_progress(self) -> str | None:
        """Return "rebase", "merge", "cherry-pick" or "revert" while one is unfinished. No process."""
        return unfinished(self.git_dir)

    def is_shallow(self) -> bool:
        """Whether history was cut off when this was cloned or fetched. No process."""
        return has_cut_history(self.common_dir)

    def is_partial_clone(self) -> bool:
        """Whether objects were left out when this was cloned or fetched. No process."""
        return has_left_out_objects(self.common_dir)

    def blob_id(self, content: bytes) -> str:
        """Return the id that Git gives a blob with this content. No process."""
        import hashlib  # 4 ms with OpenSSL, and not every command needs it

        hasher = hashlib.new(self.object_format, b"blob %d\0" % len(content), usedforsecurity=False)
        hasher.update(content)
        return hasher.hexdigest()

    def is_tracked(self, path: str) -> bool:
        """Whether the index has this path (or, for a folder, anything below it). One process."""
        return self.run("--literal-pathspecs", "ls-files", "-z", "--", path) != b""

    # What `.gitignore` and `.gitattributes` say

    def is_ignored(self, path: str) -> bool:
        """Whether ignore rules cover this path, be it tracked or not. One process."""
        rule = ignore_rules(self, [path]).get(path)
        return rule is not None and not rule[1].startswith("!")

    def add_ignore(self, path: str) -> bool:
        """As `ignoring.add_ignores`, for one path; returns whether a file changed. One process."""
        return bool(add_ignores(self, [path]))

    def ensure_attributes(self, lines: Sequence[str]) -> bool:
        """Append the lines that `.gitattributes` at the top lacks; returns whether it changed."""
        return append_missing(os.path.join(self.top, ".gitattributes"), lines)


def _checked(value: str) -> str:
    """Return a configuration value unless it holds a control character (CVE-2025-48384)."""
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        raise ConfigError("a value for git config may not contain control characters")
    return value
