"""The changes to pointers in a range of history: in which commit, by which author.

One path-limited `git log --raw` answers every query here. Its options matter:

- `--full-history`: includes side branches whose result a merge dropped, because they are pushed too;
- `-c`: shows files of a merge that differ from all its parents, which are pointers that only the merge
  introduced (a resolved conflict, or an edit during the merge);
- `--no-renames`, and no patch: reads no blobs, which a partial clone would have to fetch.

Guarantee: every pointer blob in `tips` that is not reachable from the excluded commits is in some `Change`. In
a shallow clone the oldest commits count as introducing all their files.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.errors import GitCommandError
from gitmodel.git.cat_file import present_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gitmodel.git.pre_push import RefUpdate
    from gitmodel.git.repository import Repository

_FORMAT = "--format=%H%n%at%n%an <%ae>%n%s"
_OPTIONS = (
    *("--raw", "-z", "-c", "--root", "--no-renames", "--no-abbrev", _FORMAT),
    # Undo settings of the user that would run programs or change the output.
    *("--no-show-signature", "--no-ext-diff", "--no-color", "--no-notes"),
    *("--ignore-submodules=all", "--encoding=UTF-8"),
)
_FOR_LOG = ("--topo-order", "--no-mailmap")
_CHUNK = 2000  # commits for each process: about 0.5 MB of output
# With `log.follow` Git 2.39 crashes on these pathspecs.
_SETTINGS = ("-c", "log.follow=false")
# Git compares a single leading star without a pattern matcher, which saves a third of the time.
_ALL_POINTERS = "*.model.yaml"
_GLOB_LETTERS = frozenset("*?[\\")


class Change(NamedTuple):
    """One file that one commit introduced, changed or deleted.

    Author ("Ana <ana@example.org>") and subject, the first line of the message, are not escaped.
    """

    commit: str
    path: str  # relative to the top of the work tree
    oid: str | None  # its blob after the commit; None if it was deleted or is not a plain file now
    author: str
    when: int  # author time, in Unix seconds
    subject: str


class History:
    """History of one repository; revisions must be object ids (see `objects`)."""

    __slots__ = ("_repository",)

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def changes(
        self,
        tips: Sequence[str],
        *,
        exclude: Sequence[str] = (),
        not_on_remote: str | None = None,
        suffixes: Sequence[str] = (".model.yaml",),
        paths: Sequence[str] = (),
    ) -> list[Change]:
        """The changes of commits reachable from `tips` and not from excluded commits; newest first.

        Tips are ids of commits or tags (of other objects: skipped). `not_on_remote` also excludes the
        remote-tracking branches of a Git remote; `suffixes` of paths count without exact `paths`. One
        process; three if an excluded commit is not in this clone, which is then ignored. Raises
        GitCommandError if a tip is not in this clone.
        """
        if not tips:
            return []
        hidden = _tracking_refs(not_on_remote)
        return self._walk(tips, exclude, *hidden, *_pathspecs(suffixes, paths))

    def all_refs_changes(self, file_name: str | None = None) -> list[Change]:
        """The changes on all branches, remote-tracking refs, tags, stash and HEADs, newest first.

        To files of one name in any folder; to all pointers if None. One process, which compares every
        commit with its parents: 3 s for 100,000 commits. For repeated queries use `CachedHistory`.
        """
        if self.lacks_trees():
            return list(self._without_trees(file_name))
        return self._walk((), (), "--all", "--", _pathspec_of(file_name))

    def tips(self) -> bytes:
        """The commits that `all_refs_changes` starts from, one a line. One process."""
        return self._repository.run("rev-list", "--no-walk=unsorted", "--all")

    def commits(self, tips: bytes) -> list[str]:
        """All commits reachable from tips, in the order of `all_refs_changes`. One process, no diffs.

        The result depends on the tips alone, unless history `is_altered`. 100,000 commits take 0.3 s, or 0.04 s
        with a commit-graph.
        """
        if not tips:
            return []
        output = self._repository.run("rev-list", "--topo-order", "--stdin", input_bytes=tips)
        return output.decode("ascii").split()

    def introduced(
        self, commits: Sequence[str], file_name: str | None = None
    ) -> Iterator[tuple[str, list[Change]]]:
        """Yield the changes of each of these commits, to files as for `all_refs_changes`.

        Commits that are not in this clone are skipped. One process for each 2,000 commits, whose results
        are held in memory. Raises GitCommandError if an object that a commit refers to is not in this
        clone.
        """
        for start in range(0, len(commits), _CHUNK):
            data = "".join(f"{oid}\n" for oid in commits[start : start + _CHUNK]).encode("ascii")
            output = self._repository.run(
                *("diff-tree", "--stdin", "-r", "--always", *_OPTIONS),
                *("--", _pathspec_of(file_name)),
                input_bytes=data,
            )
            yield from _read_commits(output)

    def _without_trees(self, file_name: str | None) -> Iterator[Change]:
        """The files of commits whose trees are present; at most 25 more processes."""
        from gitmodel.git.history.treeless import commits_with_trees
        from gitmodel.git.objects import ProgramReader

        with ProgramReader(self._repository) as reader:
            for commit, lines in commits_with_trees(self._repository, "%at%n%an <%ae>%n%s"):
                when, author, subject = (*lines, "")[:3]
                for entry in reader.tree(commit, file_name or ".model.yaml"):
                    if file_name in (None, entry.path.rpartition("/")[2]):
                        yield Change(commit, entry.path, entry.oid, author, int(when), subject)

    def log(self, path: str, revision: str) -> list[Change]:
        """The history of one path as `git log` shows it from a commit, newest first. One process.

        The path is relative to the top of the work tree; side branches that a merge dropped are left out.
        Raises GitCommandError if there is no such revision.
        """
        if "\n" in revision or not revision:
            raise GitCommandError(f"{revision!r} is not a revision")
        return self._log((revision,), *_pathspecs((), (path,)), full=False)

    def pushed_tips(self, updates: Iterable[RefUpdate]) -> tuple[str, ...]:
        """The commits that a push sets refs to; annotated tags are resolved. One process.

        Deletions, and tags of blobs and trees, are skipped. Raises GitCommandError if a pushed object is
        not in this clone.
        """
        oids = list(dict.fromkeys(u.local_oid for u in updates if not u.is_delete))
        if not oids:
            return ()
        data = "".join(f"{oid}\n{oid}^{{commit}}\n" for oid in oids).encode("ascii")
        check = "--batch-check=%(objectname) %(objecttype)"
        output = self._repository.run("cat-file", check, input_bytes=data)
        answers = output.decode("ascii").splitlines()
        tips = []
        for oid, itself, peeled in zip(oids, answers[::2], answers[1::2], strict=True):
            if itself.endswith(" missing"):
                raise GitCommandError(f"{oid} is pushed but not in this clone", hint="git fsck")
            commit, _, kind = peeled.rpartition(" ")
            if kind == "commit":
                tips.append(commit)
        return tuple(dict.fromkeys(tips))

    def local_tips(self, *, not_on_remote: str | None = None) -> tuple[str, ...]:
        """The commits of HEAD and of all refs except remote-tracking ones.

        Tags of blobs and trees are skipped, as is what the remote-tracking branches of `not_on_remote`
        have. Three processes, or four with `not_on_remote`.
        """
        format_ = "--format=%(refname) %(objectname)"
        refs = self._repository.run("for-each-ref", format_).decode("utf-8", "surrogateescape")
        pairs = (line.rpartition(" ") for line in refs.splitlines())
        oids = [oid for name, _, oid in pairs if not name.startswith("refs/remotes/")]
        head = self._repository.head()
        lines = "".join(f"{oid}^{{commit}}\n" for oid in [*oids, *([head] if head else [])])
        peeled = self._repository.run(
            "cat-file", "--batch-check=%(objectname) %(objecttype)", input_bytes=lines.encode()
        )
        answers = [line.split(" ") for line in peeled.decode("utf-8", "replace").splitlines()]
        tips = [words[0] for words in answers if words[1:] == ["commit"]]
        hidden = _tracking_refs(not_on_remote)
        if not hidden or not tips:
            return tuple(dict.fromkeys(tips))
        data = "".join(f"{tip}\n" for tip in tips).encode("ascii")
        output = self._repository.run("rev-list", "--stdin", *hidden, input_bytes=data)
        unpushed = set(output.decode("ascii").split())
        return tuple(tip for tip in dict.fromkeys(tips) if tip in unpushed)

    def is_on_a_remote(self, commit: str) -> bool:
        """Whether a remote-tracking branch contains a commit. One process."""
        output = self._repository.run(
            "for-each-ref", "--count=1", "--format=x", f"--contains={commit}", "refs/remotes/"
        )
        return bool(output.strip())

    def is_shallow(self) -> bool:
        """Whether this clone is shallow. No process."""
        return self._repository.is_shallow()

    def lacks_trees(self) -> bool:
        """Whether this clone lacks trees. At most one process."""
        from gitmodel.git.history.treeless import lacks_trees

        return lacks_trees(self._repository)

    def is_altered(self) -> bool:
        """Whether commits may have other parents here than they name: shallow, or grafted. No process.

        Replacement refs are switched off for every git process (`program`).
        """
        grafts = os.path.join(self._repository.common_dir, "info", "grafts")
        return self.is_shallow() or os.path.exists(grafts)

    def _walk(self, tips: Sequence[str], exclude: Sequence[str], *arguments: str) -> list[Change]:
        """Run the log; if it fails, retry without excluded commits that are not in this clone."""
        if exclude and self._repository.is_partial_clone():
            exclude = self._known(exclude)  # Git would try to fetch unknown commits
        try:
            return self._log((*tips, *(f"^{oid}" for oid in exclude)), *arguments)
        except GitCommandError:
            known = self._known(exclude)
            if len(known) == len(set(exclude)):
                raise
            return self._log((*tips, *(f"^{oid}" for oid in known)), *arguments)

    def _known(self, oids: Sequence[str]) -> list[str]:
        present = present_objects(self._repository, oids, commits=True)
        return [oid for oid in dict.fromkeys(oids) if oid in present]

    def _log(self, revisions: Sequence[str], *arguments: str, full: bool = True) -> list[Change]:
        history = ("--full-history",) if full else ()
        given = ("--stdin",) if revisions else ()
        data = os.fsencode("".join(revision + "\n" for revision in revisions))
        output = self._repository.run(
            *(*_SETTINGS, "log", *_OPTIONS, *_FOR_LOG, *history, *given, *arguments),
            input_bytes=data,
        )
        return [change for _, changes in _read_commits(output) for change in changes]


def _read_commits(output: bytes) -> Iterator[tuple[str, list[Change]]]:
    """Parse `-z --raw -c` output with our format."""
    for (commit, seconds, author, subject), files in read_raw_log(output, 4):
        when = seconds_of(seconds)
        yield commit, [Change(commit, path, oid, author, when, subject) for path, oid in files]


def seconds_of(text: str) -> int:
    """A date of Git, 0 for none: a commit made by hand may lack it."""
    return int(text) if text.lstrip("-").isdecimal() else 0


def read_raw_log(
    output: bytes, lines: int
) -> Iterator[tuple[list[str], list[tuple[str, str | None]]]]:
    """Parse `-z --raw` output of git-log(1) or git-diff-tree(1), with a header of `lines` lines a commit.

    Yields the lines of the header, and path and blob of each file; None for one that is deleted or not
    plain.
    """
    words = iter(output.split(b"\0"))
    head: list[str] = []
    files: list[tuple[str, str | None]] = []
    for word in words:
        text = word.lstrip(b"\n")
        if text.startswith(b":"):
            files.append((os.fsdecode(next(words)), _blob(text)))
        elif text:
            if head:
                yield head, files
            head, files = text.decode("utf-8", "replace").split("\n", lines - 1), []
    if head:
        yield head, files


def _blob(description: bytes) -> str | None:
    """The blob in ":100644 100644 <old> <new> M"; for a merge there is one more colon, mode and id per parent."""
    parents = len(description) - len(description.lstrip(b":"))
    fields = description[parents:].decode("ascii").split(" ")
    mode, oid = fields[parents], fields[2 * parents + 1]
    return oid if mode.startswith("100") else None


def _pathspecs(suffixes: Sequence[str], paths: Sequence[str]) -> tuple[str, ...]:
    if paths:
        return ("--", *(f":(literal){path}" for path in paths))
    return ("--", *(f"*{suffix}" for suffix in suffixes))


def _pathspec_of(file_name: str | None) -> str:
    """The pathspec of files with this name, in any folder; all pointers if None."""
    if file_name is None:
        return _ALL_POINTERS
    escaped = "".join(f"\\{c}" if c in _GLOB_LETTERS else c for c in file_name)
    return f":(glob)**/{escaped}"


def _tracking_refs(remote: str | None) -> tuple[str, ...]:
    """Options that exclude the remote-tracking refs of a Git remote; none for a URL or a pattern."""
    if not remote or set(remote) & _GLOB_LETTERS:
        return ()
    return ("--not", f"--remotes={remote}")
