"""The repository: its folders, its configuration, and a way to run git in it.

Words: the *work tree* is the folder with the checked-out files; the *git folder* belongs to one work tree; all
work trees of a repository share the *common folder*. All three are absolute and found once, in one process. A
git process takes 3 to 20 ms, and hooks run inside every `git commit`, so each method states how many it starts.
Paths are relative to the top of the work tree, with `/`, unless a method says otherwise.

Guarantee: `Repository` never changes a ref, the index or an object.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.errors import ConfigError, GitCommandError, RepositoryError
from gitmodel.git.discovery import (
    find_with_git,
    find_with_libgit2,
    has_promisor_packs,
    is_shallow_clone,
    operation_in_progress,
    shallow_commits,
)
from gitmodel.git.ignore_rules import append_missing, ignore_rules
from gitmodel.git.program import GitProgram, chosen_environment, find_program, raise_for

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from gitmodel.git.discovery import RepositoryFolders

_SETTINGS = r"^(gitmodel\.|core\.sharedrepository$)"


class Repository:
    """One repository as seen from one work tree (or from none, if it is bare).

    `work_tree` is None in a bare repository or inside a git folder. `prefix` is the caller's folder,
    relative to the work tree; "" at the top. `object_format` is "sha1" or "sha256"; `environment` was
    passed to `open`.
    """

    __slots__ = (
        "_location",
        "_program",
        "common_dir",
        "environment",
        "git_dir",
        "object_format",
        "prefix",
        "work_tree",
    )

    def __init__(
        self,
        folders: RepositoryFolders,
        *,
        program: GitProgram | None,
        environment: Mapping[str, str],
    ) -> None:
        self.git_dir = folders.git_dir
        self.common_dir = folders.common_dir
        self.work_tree = folders.work_tree
        self.prefix = folders.prefix
        self.object_format = folders.object_format
        self.environment = environment
        self._program = program
        # `safe.directory` was checked during discovery; later commands do not search again.
        self._location = {"GIT_DIR": folders.git_dir}
        if folders.work_tree is not None:
            self._location["GIT_WORK_TREE"] = folders.work_tree

    @classmethod
    def open(cls, start: str, *, environment: Mapping[str, str]) -> Repository:
        """Find the repository of a folder inside it, as git does. One process.

        The environment is the caller's `os.environ`, including `GIT_DIR` and similar variables. Without a
        git program libgit2 finds the repository, and only reading works. Raises RepositoryError if there is
        none, or git refuses it (`safe.directory`).
        """
        start = os.path.abspath(start)
        if not os.path.isdir(start):
            raise RepositoryError(f"{start} is not a folder")
        path = find_program(start, environment)
        if path is None:
            return cls(find_with_libgit2(start), program=None, environment=environment)
        finder = GitProgram(path, chosen_environment(environment, discovery=True))
        folders = find_with_git(finder, start)
        program = GitProgram(path, chosen_environment(environment))
        return cls(folders, program=program, environment=environment)

    @property
    def program(self) -> GitProgram:
        """The git program. Raises GitCommandError if there is none on this machine."""
        if self._program is None:
            raise GitCommandError("there is no git program on PATH", hint="install Git")
        return self._program

    @property
    def has_program(self) -> bool:
        """Whether there is a git program on this machine."""
        return self._program is not None

    @property
    def folder(self) -> str:
        """The folder in which git runs: the top of the work tree, or the git folder."""
        return self.work_tree or self.git_dir

    @property
    def top(self) -> str:
        """The work tree. Raises RepositoryError if the repository is bare."""
        if self.work_tree is None:
            raise RepositoryError(
                f"{self.git_dir} has no work tree",
                hint="run the command in a clone that is not bare",
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

        Put user-supplied values behind `--`; `extra` adds to the environment. Raises GitCommandError if git
        ends with an error, or if there is no git program.
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
        """Run git if several exit codes are valid results; returns code and stdout. One process.

        Raises GitCommandError if the exit code is not in `accept`.
        """
        environment = {**(extra or {}), **self._location}
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
        """Whether git exits with code 0. One process."""
        done = self.program.call(arguments, folder=self.folder, extra=self._location)
        return done.returncode == 0

    def start(
        self, *arguments: str, extra: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a git process that answers on stdout what is written to its stdin. One process."""
        folders = self._location | dict(extra or {})
        return self.program.start(arguments, folder=self.folder, extra=folders)

    def call_as_typed(
        self, *arguments: str, input_bytes: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git as if the user had typed it; never raises for its exit code. One process.

        Hooks get the locale and the variables of the user, and git may ask for a password on the terminal.
        Its messages may be in any language. Raises GitCommandError if git is missing or cannot be started.
        """
        named = any(name in self.environment for name in ("GIT_DIR", "GIT_WORK_TREE"))
        program = GitProgram(self.program.path, chosen_environment(self.environment, as_typed=True))
        return program.call(
            arguments,
            folder=self.folder,
            input_bytes=input_bytes,
            extra=self._location if named else {},
        )

    # Configuration

    def settings(self) -> tuple[tuple[str, str], ...]:
        """The values of `git config gitmodel.*` and `core.sharedRepository`, weakest first. One process.

        Keys are in lower case. A key without a value is "true", as in Git.
        """
        _, output = self.attempt("config", "-z", "--get-regexp", _SETTINGS, accept=(0, 1))
        entries = []
        for item in output.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            key, newline, value = item.partition("\n")
            entries.append((key.lower(), value if newline else "true"))
        return tuple(entries)

    def set_config(self, key: str, value: str) -> None:
        """Set a key of this clone to one value, replacing all values. One process."""
        self.run("config", "--local", "--replace-all", key, _checked(value))

    def add_config(self, key: str, value: str) -> None:
        """Add a value to a key of this clone. One process."""
        self.run("config", "--local", "--add", key, _checked(value))

    def unset_config(self, key: str) -> None:
        """Remove a key of this clone with all its values; no error if it has none. One process."""
        self.attempt("config", "--local", "--unset-all", key, accept=(0, 5))

    def hooks_folder(self) -> str:
        """The folder of Git's hooks, absolute; respects `core.hooksPath`. One process."""
        output = self.run("rev-parse", "--path-format=absolute", "--git-path", "hooks")
        return os.fsdecode(output.removesuffix(b"\n"))

    def identity(self) -> str:
        """The committer, "Ana <ana@example.org>", or "" if it is not configured. One process.

        Without `useConfigOnly` Git would invent an address from the name of the machine.
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
        """The first URL of a Git remote, by `url.*.insteadOf`; None if there is no remote. One process."""
        code, output = self.attempt("remote", "get-url", "--", name, accept=(0, 2, 128))
        return None if code else output.decode("utf-8", "surrogateescape").splitlines()[0]

    def head(self) -> str | None:
        """Return the commit of HEAD, None before the first commit. One process."""
        code, output = self.attempt(
            "rev-parse", "--verify", "--quiet", "HEAD^{commit}", accept=(0, 1)
        )
        return None if code else output.decode("ascii").strip()

    def oid_of(self, revision: str) -> str | None:
        """The object that a revision names, such as `v1^{commit}`; None if there is none. One process."""
        code, output = self.attempt(
            *("rev-parse", "--verify", "--quiet", "--end-of-options", revision), accept=(0, 1, 128)
        )
        return None if code else output.decode("ascii").strip()

    def branch(self) -> str | None:
        """The name of the branch, also before its first commit; None if HEAD is detached. One process."""
        code, output = self.attempt("symbolic-ref", "--quiet", "--short", "HEAD", accept=(0, 1))
        return None if code else output.decode("utf-8", "surrogateescape").strip()

    def in_progress(self) -> str | None:
        """The operation in progress: "rebase", "merge", "cherry-pick" or "revert"; None without one. No process."""
        return operation_in_progress(self.git_dir)

    def is_shallow(self) -> bool:
        """Whether this clone is shallow. No process."""
        return is_shallow_clone(self.common_dir)

    def shallow_commits(self) -> frozenset[str]:
        """The commits whose parents this clone lacks; none unless it is shallow. No process."""
        return shallow_commits(self.common_dir)

    def is_partial_clone(self) -> bool:
        """Whether this is a partial clone. No process."""
        return has_promisor_packs(self.common_dir)

    def blob_id(self, content: bytes) -> str:
        """The id of a blob with this content. No process."""
        from gitmodel.domain.sha import sha

        hasher = sha(self.object_format, b"blob %d\0" % len(content))
        hasher.update(content)
        return hasher.hexdigest()

    # `.gitignore` and `.gitattributes`

    def is_ignored(self, path: str) -> bool:
        """Whether ignore rules match this path, even if it is tracked. One process."""
        rule = ignore_rules(self, [path]).get(path)
        return rule is not None and not rule[1].startswith("!")

    def ensure_attributes(self, lines: Sequence[str]) -> bool:
        """Append the lines that the top `.gitattributes` lacks; returns whether it changed."""
        return append_missing(os.path.join(self.top, ".gitattributes"), lines)


def _checked(value: str) -> str:
    """The value, checked for control characters (CVE-2025-48384)."""
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        raise ConfigError("a value for git config may not contain control characters")
    return value
