"""The index of the current commit: read it, stage files, and update the real index afterwards.

Git runs hooks with one of three indexes, named in `GIT_INDEX_FILE` (tested with Git 2.39):

    git commit             .git/index                     nothing is locked
    git commit -a, -i      .git/index.lock                the file that will become the index
    git commit PATH        .git/next-index-PID.lock       HEAD plus PATH; deleted afterwards

A hook must stage files in that index, or they are not part of the commit. libgit2 refuses to write while Git
holds `index.lock`; the git program locks the named file only, so it works in all three cases. After `git commit
PATH` the real index lacks the pointers staged by the hook, and the next commit would revert them:
`sync_real_index` updates it.

Guarantee: only entries of the named paths change; entries that the user staged differently stay.
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

# Git's message if the index is locked (with LC_ALL=C), and waits of 5 seconds in all.
_LOCKED = ".lock': File exists"
_LOCK_WAITS = (0.02, 0.05, *(0.1 for _ in range(49)))
_FILE_MODES = frozenset({"100644", "100755"})


class IndexEntry(NamedTuple):
    """One entry; stage 0 is normal, stages 1 to 3 are base, ours and theirs of a conflict."""

    path: str
    oid: str
    stage: int
    mode: str


class Difference(NamedTuple):
    """A path whose entry differs between two sides; mode 000000 means absent."""

    old_mode: str
    new_mode: str
    old_oid: str
    new_oid: str
    path: str

    @property
    def is_new(self) -> bool:
        """Whether the path is absent on the old side."""
        return not self.old_mode.strip("0")

    @property
    def is_file(self) -> bool:
        """Whether the path is a plain file on the new side."""
        return self.new_mode in _FILE_MODES


class Index:
    """The index of the current commit; `file` is its absolute path.

    A work tree is needed except for reading. Of the hook's environment only `GIT_INDEX_FILE`, `GITHEAD_*`
    and `GIT_*_PATHSPECS` are read. `is_partial` says whether it is the temporary index of `git commit
    PATH`.
    """

    __slots__ = ("_environment", "_repository", "file", "is_partial")

    def __init__(self, repository: Repository, environment: Mapping[str, str]) -> None:
        self._repository = repository
        self._environment = environment
        real = os.path.join(repository.git_dir, "index")
        # Git changes to the top of the work tree before it resolves a relative path.
        named = environment.get("GIT_INDEX_FILE") or real
        self.file = os.path.normpath(os.path.join(repository.folder, named))
        folder, name = os.path.split(self.file)
        self.is_partial = (
            name.startswith("next-index-")
            and name.endswith(".lock")
            and os.path.realpath(folder) == os.path.realpath(repository.git_dir)
        )

    def entries(self, *patterns: str) -> tuple[IndexEntry, ...]:
        """The entries of files by name, in any folder, in index order. One process.

        The patterns are of the last part of the path; `*.model.yaml` if none is given.
        """
        output = self._run("ls-files", "-z", "--stage", "--", *_pathspecs(patterns))
        found = []
        for item in os.fsdecode(output).split("\0")[:-1]:
            head, _, path = item.partition("\t")
            mode, oid, stage = head.split(" ")
            found.append(IndexEntry(path=path, oid=oid, stage=int(stage), mode=mode))
        return tuple(found)

    def paths_at(self, pathspecs: Sequence[str], *, prefix: str) -> frozenset[str]:
        """The entries that match pathspecs, as typed by the caller of git. One process.

        Options such as `git --literal-pathspecs` are read from the environment. `prefix` is the caller's
        folder, relative to the top of the work tree. Raises GitCommandError if a pathspec matches nothing.
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

    def excluded_by_sparse_checkout(self, paths: Sequence[str]) -> frozenset[str]:
        """The paths that a sparse checkout excludes from the work tree. One process."""
        output = self._run("ls-files", "-z", "-t", "--", *_literal(paths)) if paths else b""
        items = os.fsdecode(output).split("\0")[:-1]
        return frozenset(item[2:] for item in items if item.startswith("S "))

    def stage(self, paths: Iterable[str]) -> None:
        """Stage these paths, even if they are ignored or in conflict. One process.

        A path that does not exist is removed from the index.
        """
        self._update(("--add", "--remove"), paths)

    def remove(self, paths: Iterable[str]) -> None:
        """Remove these paths in all stages, even if they exist in the work tree. One process."""
        self._update(("--force-remove",), paths)

    def sync_real_index(self, *, replaced: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Update pointers in the real index after `git commit PATH` committed the hook's; returns their paths.

        An entry is set to HEAD's if the user has not staged it: it equals the previous HEAD's entry, or
        `replaced`, the blob id by path in the commit's index before the hook staged its own; only for
        paths that the last commit changed, because the hook's commit may have failed. One process if there
        is nothing to do, else four.
        """
        repository = self._repository
        real = os.path.join(repository.git_dir, "index")
        wanted = _pathspecs(("*.model.yaml", "*.alias.yaml", "*.deprecated.yaml"))
        outdated = self._differences(
            "diff-index", "--cached", "HEAD", "--", *wanted, index_file=real
        )
        if not outdated:
            return ()
        previous = self._previous_head()
        committed = {
            change.path: change
            for change in self._differences("diff-tree", "-r", previous, "HEAD", "--", *wanted)
        }
        updates = [
            (entry.old_mode, entry.old_oid, entry.path)  # as HEAD has it
            for entry in outdated
            if entry.path in committed
            and _is_unstaged(entry, committed[entry.path], (replaced or {}).get(entry.path))
        ]
        self._set(real, updates)
        return tuple(path for _, _, path in updates)

    def changed_since_head(self, paths: Sequence[str] = ()) -> frozenset[str]:
        """The paths (all, or these files and folders) whose entry differs from HEAD's; one process.

        Before the first commit all paths, in three processes.
        """
        return frozenset(difference.path for difference in self._against_head(paths))

    def has_conflicts(self) -> bool:
        """Whether any file has a conflict. One process."""
        return bool(self._run("ls-files", "--unmerged", "-z"))

    def staged_changes(self) -> list[Difference]:
        """The differences between this commit and HEAD.

        A file that a merge takes unchanged from the other side is not included, because it is committed there.
        One process, and one for each other side of a merge.
        """
        changes = self._against_head(())
        for other in self.other_heads() if changes else ():
            from_other = self._differences("diff-index", "--cached", other, "--")
            ours = {(d.path, d.new_oid) for d in from_other}
            changes = [d for d in changes if not d.is_file or (d.path, d.new_oid) in ours]
        return changes

    def other_heads(self) -> list[str]:
        """The other parents of the merge that this commit concludes, empty without one. No process.

        In `pre-merge-commit` MERGE_HEAD does not exist yet; `git merge` names the parents in the environment,
        one `GITHEAD_<oid>` each.
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
        """The differences from HEAD to this index; before the first commit from an empty tree.

        One process; three before the first commit.
        """
        # Entries of `git add -N` are not part of a commit.
        options = ("diff-index", "--cached", "--ita-invisible-in-index")
        try:
            return self._differences(*options, "HEAD", "--", *_literal(paths))
        except GitCommandError:
            if self._repository.head() is not None:
                raise
        nothing = EMPTY_TREES[self._repository.object_format]
        return self._differences(*options, nothing, "--", *_literal(paths))

    def _previous_head(self) -> str:
        """The commit of HEAD before the last commit: from the reflog, else the parent, else an empty tree."""
        for revision in ("HEAD@{1}", "HEAD^1"):
            oid = self._repository.oid_of(f"{revision}^{{commit}}")
            if oid is not None:
                return oid
        return EMPTY_TREES[self._repository.object_format]

    def _differences(self, *arguments: str, index_file: str | None = None) -> list[Difference]:
        verb, *rest = arguments
        options = ("--raw", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules=all")
        output = self._repository.run(verb, *options, *rest, index_file=index_file or self.file)
        words = os.fsdecode(output).split("\0")[:-1]
        found = []
        # Descriptions such as ":100644 100644 <oid> <oid> M" and paths alternate.
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
        """Run `git update-index`; wait up to 5 seconds while another process holds the lock.

        Git itself fails at once, which would affect two concurrent `gitmodel add`.
        """
        for wait_seconds in (*_LOCK_WAITS, None):
            try:
                self._repository.run("update-index", *options, input_bytes=data, index_file=file)
            except GitCommandError as error:
                if _LOCKED not in error.message:
                    raise
                if wait_seconds is None:
                    error.hint = (
                        "run the command again when the other Git command has ended; if none is "
                        f"running, remove {file}.lock"
                    )
                    raise
                time.sleep(wait_seconds)
            else:
                return

    def _run(self, *arguments: str) -> bytes:
        return self._repository.run(*arguments, index_file=self.file)


def _pathspecs(patterns: Sequence[str]) -> list[str]:
    return [f":(glob)**/{pattern}" for pattern in patterns or ("*.model.yaml",)]


def _literal(paths: Sequence[str]) -> list[str]:
    return [f":(literal){path}" for path in paths]


def _is_unstaged(entry: Difference, change: Difference, replaced: str | None) -> bool:
    """Whether the user has staged nothing at a path since a commit changed it.

    `entry` is from HEAD to the real index, `change` from the previous HEAD to HEAD, and `replaced` the blob
    id in the commit's index before the hook staged its own.
    """
    is_previous = (entry.new_mode, entry.new_oid) == (change.old_mode, change.old_oid)
    return is_previous or entry.new_oid == replaced
