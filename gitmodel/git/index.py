"""The index that this commit uses: read it, stage into it, and put the real one right afterwards.

Git runs hooks with one of three indexes, named in `GIT_INDEX_FILE` (measured with Git 2.39):

    git commit             .git/index                     nothing is locked
    git commit -a, -i      .git/index.lock                the file that will become the index
    git commit PATH        .git/next-index-PID.lock       HEAD plus PATH; thrown away afterwards

What a hook stages goes where that variable points, or it is not part of the commit. libgit2 refuses
to write while Git holds `index.lock`; the git program takes a lock beside the file it is given, so
it works in all three. After `git commit PATH` the real index has not seen what the hook staged, and
the next commit would revert it: `sync_real_index` cures that.

Guarantee: only entries of the named paths change; entries that a person staged differently stay.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.errors import GitCommandError
from gitmodel.git.cat_file import EMPTY_TREES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gitmodel.git.repository import Repository

# How git says that the lock is taken (LC_ALL=C is set), and how long we wait: 5 seconds in all.
_LOCKED = ".lock': File exists"
_LOCK_WAITS = (0.02, 0.05, *(0.1 for _ in range(49)))
_FILE_MODES = frozenset({"100644", "100755"})


class IndexEntry(NamedTuple):
    """One entry; stage 0 is the normal one, 1 to 3 are base, ours and theirs of a conflict."""

    path: str
    oid: str
    stage: int
    mode: str


class Difference(NamedTuple):
    """One path whose entry is not the same on two sides; mode 000000 means absent."""

    old_mode: str
    new_mode: str
    old_oid: str
    new_oid: str
    path: str

    @property
    def is_new(self) -> bool:
        """Whether the old side has nothing at this path."""
        return not self.old_mode.strip("0")

    @property
    def is_file(self) -> bool:
        """Whether the new side has a plain file there."""
        return self.new_mode in _FILE_MODES


class Index:
    """The index that this commit uses.

    Args:
        repository: The repository; it needs a work tree for everything but reading.
        environment: `os.environ` of the hook. Only `GIT_INDEX_FILE` and `GITHEAD_*` are looked at.

    Attributes:
        file: Absolute path of the index.
        is_partial: Whether it is the temporary one of `git commit PATH`.
    """

    __slots__ = ("_environment", "_repository", "file", "is_partial")

    def __init__(self, repository: Repository, environment: Mapping[str, str]) -> None:
        self._repository = repository
        self._environment = environment
        real = os.path.join(repository.git_dir, "index")
        # Git has gone to the top of the work tree before it reads a relative one.
        named = environment.get("GIT_INDEX_FILE") or real
        self.file = os.path.normpath(os.path.join(repository.folder, named))
        folder, name = os.path.split(self.file)
        self.is_partial = (
            name.startswith("next-index-")
            and name.endswith(".lock")
            and os.path.realpath(folder) == os.path.realpath(repository.git_dir)
        )

    def entries(self, *patterns: str) -> tuple[IndexEntry, ...]:
        """Return the entries of files by name, in any folder, in the order of the index. One process.

        Args:
            patterns: What the last part of the path looks like; `*.model.yaml` if none is given.
        """
        output = self._run("ls-files", "-z", "--stage", "--", *_pathspecs(patterns))
        found = []
        for item in os.fsdecode(output).split("\0")[:-1]:
            head, _, path = item.partition("\t")
            mode, oid, stage = head.split(" ")
            found.append(IndexEntry(path=path, oid=oid, stage=int(stage), mode=mode))
        return tuple(found)

    def paths_at(self, pathspecs: Sequence[str], *, prefix: str) -> frozenset[str]:
        """Return the entries that pathspecs name, as the caller of git typed them. One process.

        Args:
            pathspecs: `git --literal-pathspecs` and its kin count, which Git hands to its hooks in
                the environment.
            prefix: The folder of the caller, relative to the top of the work tree.

        Raises:
            GitCommandError: A pathspec means nothing here.
        """
        repository = self._repository
        modes = {
            name: value
            for name, value in self._environment.items()
            if name.startswith("GIT_") and name.endswith("_PATHSPECS")
        }
        output = repository.run(
            *("ls-files", "-z", "--full-name", "--", *pathspecs),
            index_file=self.file,
            folder=os.path.join(repository.top, prefix),
            extra=modes,
        )
        return frozenset(os.fsdecode(output).split("\0")[:-1])

    def left_out(self, paths: Sequence[str]) -> frozenset[str]:
        """Return which of these paths a sparse checkout leaves out of the work tree. One process."""
        output = self._run("ls-files", "-z", "-t", "--", *_literal(paths)) if paths else b""
        items = os.fsdecode(output).split("\0")[:-1]
        return frozenset(item[2:] for item in items if item.startswith("S "))

    def stage(self, paths: Iterable[str]) -> None:
        """Take the work tree's content of these paths; a conflict on them is ended. One process.

        A path that is gone from the work tree is removed. Ignore rules do not matter here.
        """
        self._update(("--add", "--remove"), paths)

    def remove(self, paths: Iterable[str]) -> None:
        """Remove these paths in all stages, whether they are in the work tree or not. One process."""
        self._update(("--force-remove",), paths)

    def sync_real_index(
        self, paths: Sequence[str] = (), *, replaced: Mapping[str, str] | None = None
    ) -> tuple[str, ...]:
        """In the real index, bring pointers up to what `git commit PATH` has just committed.

        An entry becomes HEAD's if it is still what HEAD had before that commit, or what the hook
        found in the commit's index; any other was staged on purpose and stays. One process if there
        is nothing to do, else four.

        Args:
            paths: Paths to look at; all pointers and alias files if empty.
            replaced: Path -> blob id that the commit's index had before the hook staged its own. Git
                gives PATH that entry in the real index, not the one that it then commits. Counts
                only for paths that the last commit changed: the note may be of one that was refused.

        Returns:
            The paths that were put right.
        """
        repository = self._repository
        real = os.path.join(repository.git_dir, "index")
        wanted = _literal(paths) if paths else _pathspecs(("*.model.yaml", "*.aliases.yaml"))
        behind = self._differences("diff-index", "--cached", "HEAD", "--", *wanted, index_file=real)
        if not behind:
            return ()
        previous = self._previous_head()
        changed = self._differences("diff-tree", "-r", previous, "HEAD", "--", *wanted)
        before = {change.path: (change.old_mode, change.old_oid) for change in changed}
        fixes = [
            (entry.old_mode, entry.old_oid, entry.path)
            for entry in behind
            if before.get(entry.path) == (entry.new_mode, entry.new_oid)
            or (entry.path in before and (replaced or {}).get(entry.path) == entry.new_oid)
        ]
        self._set(real, fixes)
        return tuple(path for _, _, path in fixes)

    def changed_since_head(self, paths: Sequence[str] = ()) -> frozenset[str]:
        """Return the paths whose entry is not HEAD's; all of them before the first commit.

        One process; three before the first commit.

        Args:
            paths: Files or folders to look at; everything if empty.
        """
        return frozenset(difference.path for difference in self._against_head(paths))

    def has_conflicts(self) -> bool:
        """Whether any file is in conflict. One process."""
        return bool(self._run("ls-files", "--unmerged", "-z"))

    def staged_changes(self) -> list[Difference]:
        """Return in what this commit differs from HEAD.

        A file that a merge brings from its other side is no change: it was committed there on purpose.
        One process, and one for each other side of a merge.
        """
        changes = self._against_head(())
        for other in self.other_heads() if changes else ():
            from_other = self._differences("diff-index", "--cached", other, "--")
            ours = {(d.path, d.new_oid) for d in from_other}
            changes = [d for d in changes if not d.is_file or (d.path, d.new_oid) in ours]
        return changes

    def other_heads(self) -> list[str]:
        """Return the other sides of the merge that this commit concludes, none if it is no merge. No process.

        `pre-merge-commit` runs before MERGE_HEAD is written; there `git merge` names them in the
        environment, one `GITHEAD_<oid>` each.
        """
        heads = [name[8:] for name in self._environment if name.startswith("GITHEAD_")]
        try:
            with open(
                os.path.join(self._repository.git_dir, "MERGE_HEAD"), encoding="ascii"
            ) as file:
                heads += file.read().split()
        except FileNotFoundError:
            pass
        return list(dict.fromkeys(heads))

    def _against_head(self, paths: Sequence[str]) -> list[Difference]:
        """HEAD on the old side, this index on the new; before the first commit all is new.

        One process; three before the first commit.
        """
        # What `git add -N` announced is no part of a commit.
        options = ("diff-index", "--cached", "--ita-invisible-in-index")
        try:
            return self._differences(*options, "HEAD", "--", *_literal(paths))
        except GitCommandError:
            if self._repository.head() is not None:
                raise
        nothing = EMPTY_TREES[self._repository.object_format]
        return self._differences(*options, nothing, "--", *_literal(paths))

    def _previous_head(self) -> str:
        """Return what HEAD was before the last commit: its reflog, else its parent, else nothing."""
        for revision in ("HEAD@{1}", "HEAD^1"):
            code, output = self._repository.attempt(
                "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", accept=(0, 1, 128)
            )
            if code == 0:
                return output.decode("ascii").strip()
        return EMPTY_TREES[self._repository.object_format]

    def _differences(self, *arguments: str, index_file: str | None = None) -> list[Difference]:
        verb, *rest = arguments
        options = ("--raw", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules=all")
        output = self._repository.run(verb, *options, *rest, index_file=index_file or self.file)
        words = os.fsdecode(output).split("\0")[:-1]
        found = []
        # A description such as ":100644 100644 <oid> <oid> M" and a path take turns.
        for description, path in zip(words[::2], words[1::2], strict=True):
            old_mode, new_mode, old_oid, new_oid, _ = description[1:].split(" ")
            found.append(Difference(old_mode, new_mode, old_oid, new_oid, path))
        return found

    def _set(self, file: str, entries: Sequence[tuple[str, str, str]]) -> None:
        """Write (mode, oid, path) entries into an index; mode 000000 removes. At most one process."""
        if not entries:
            return
        lines = (f"{mode} {oid}\t{path}\0" for mode, oid, path in entries)
        data = os.fsencode("".join(lines))
        self._write("-z", "--index-info", data=data, file=file)

    def _update(self, options: tuple[str, ...], paths: Iterable[str]) -> None:
        data = os.fsencode("".join(path + "\0" for path in paths))
        if data:
            self._write(*options, "-z", "--stdin", data=data, file=self.file)

    def _write(self, *options: str, data: bytes, file: str) -> None:
        """Run `git update-index`, and wait a little while another process holds the lock.

        Git itself gives up at once there, which is what two `gitmodel add` at a time would meet.
        """
        for wait_seconds in (*_LOCK_WAITS, None):
            try:
                self._repository.run("update-index", *options, input_bytes=data, index_file=file)
            except GitCommandError as error:
                if _LOCKED not in error.message:
                    raise
                if wait_seconds is None:
                    error.hint = (
                        f"run it again when the other Git command has ended; if none is running, "
                        f"remove {file}.lock"
                    )
                    raise
                time.sleep(wait_seconds)
            else:
                return

    def _run(self, *arguments: str, input_bytes: bytes | None = None) -> bytes:
        return self._repository.run(*arguments, input_bytes=input_bytes, index_file=self.file)


def _pathspecs(patterns: Sequence[str]) -> list[str]:
    return [f":(glob)**/{pattern}" for pattern in patterns or ("*.model.yaml",)]


def _literal(paths: Sequence[str]) -> list[str]:
    return [f":(literal){path}" for path in paths]
