"""Find the repository of a folder with the git program, or with libgit2 if git is not installed.

Words: the *git folder* belongs to one work tree; all work trees of a repository share the *common folder*; the
*prefix* is the caller's folder relative to the top of the work tree.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple, NoReturn

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import RepositoryError
from gitmodel.git.program import GitProgram, first_words

# One process answers all questions. The fixed words between the paths (true, false, sha1) separate
# them even if a path contains a newline. The last question fails without a work tree, after the
# others.
_QUESTIONS = (
    *("rev-parse", "--path-format=absolute", "--git-dir", "--is-bare-repository"),
    *("--git-common-dir", "--is-inside-work-tree", "--show-prefix", "--show-object-format"),
    "--show-toplevel",
)
_ANSWERS = lazy_compile(
    r"(?P<git_dir>.*?)\n(?:true|false)\n(?P<common_dir>.*?)\n(?:true|false)\n"
    r"(?P<prefix>.*?)\n(?P<object_format>sha1|sha256)\n(?:(?P<top>.*)\n)?",
    re.DOTALL,
)
_STATES = (
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),  # also exists during a rebase, so it is tested after that
    ("REVERT_HEAD", "revert"),
)
# Steps in a rebase's todo list that apply no commit.
_NO_STEPS = frozenset({b"noop", b"drop", b"d"})


class RepositoryFolders(NamedTuple):
    """The folders of a repository; absolute except `prefix`, which uses `/` and may be empty."""

    git_dir: str
    common_dir: str
    work_tree: str | None
    prefix: str
    object_format: str


def find_with_git(program: GitProgram, start: str) -> RepositoryFolders:
    """Find the repository of a folder with git. One process.

    Raises RepositoryError if there is none, if git refuses it (`safe.directory`), or if git is too old.
    """
    done = program.call(_QUESTIONS, folder=start)
    found = _ANSWERS.fullmatch(os.fsdecode(done.stdout))
    if found is None or not os.path.isabs(found["git_dir"]):
        _refuse(start, first_words(done))
    return RepositoryFolders(
        git_dir=found["git_dir"],
        common_dir=found["common_dir"],
        work_tree=found["top"],
        prefix=found["prefix"].removesuffix("/"),
        object_format=found["object_format"],
    )


def _refuse(start: str, words: str) -> NoReturn:
    if "not a git repository" in words:
        raise RepositoryError(f"{start} is not inside a Git repository", hint="git init")
    if "dubious ownership" in words:
        raise RepositoryError(
            f"Git refuses {start}: it belongs to another user",
            hint=f"if you trust it: git config --global --add safe.directory {start}",
        )
    if "safe.bareRepository" in words:
        raise RepositoryError(f"Git refuses {start}: {words}", hint=f"GIT_DIR={start} gitmodel ...")
    if words.startswith("exit code"):
        words = "its output has an unknown format; Git 2.31 or newer is required"
    raise RepositoryError(f"Git cannot open {start}: {words}")


def find_with_libgit2(start: str) -> RepositoryFolders:
    """Find the repository of a folder with libgit2; imports pygit2 (about 110 ms). No process.

    Raises RepositoryError if there is none, or if libgit2 cannot read its format.
    """
    import pygit2

    from gitmodel.files.path_encoding import given, native

    found = pygit2.discover_repository(native(start))
    if found is None:
        raise RepositoryError(f"{start} is not inside a Git repository", hint="git init")
    try:
        opened = pygit2.Repository(found)
    except pygit2.GitError as error:
        raise RepositoryError(
            f"{start} cannot be read without the git program: {error}", hint="install Git"
        ) from error
    git_dir = os.path.normpath(given(opened.path))
    work_tree = os.path.normpath(given(opened.workdir)) if opened.workdir else None
    opened.free()
    inside = os.path.relpath(os.path.realpath(start), work_tree) if work_tree else "."
    return RepositoryFolders(
        git_dir=git_dir,
        common_dir=_common_dir(git_dir),
        work_tree=work_tree,
        prefix="" if inside == "." else inside.replace(os.sep, "/"),
        object_format="sha1",
    )


def _common_dir(git_dir: str) -> str:
    """Follow the file `commondir` of a linked work tree (gitrepository-layout(5))."""
    try:
        with open(os.path.join(git_dir, "commondir"), encoding="utf-8") as file:
            return os.path.normpath(os.path.join(git_dir, file.read().rstrip("\n")))
    except FileNotFoundError:
        return git_dir


def operation_in_progress(git_dir: str) -> str | None:
    """The operation in progress: "rebase", "merge", "cherry-pick" or "revert"; None without one. No process."""
    for name, what in _STATES:
        if os.path.lexists(os.path.join(git_dir, name)):
            return what
    return None


def rebase_has_steps(git_dir: str) -> bool:
    """Whether a rebase is in progress that still has a commit to apply. No process.

    A rebase that fast-forwards, or drops all its commits, moves HEAD with an empty todo list. It rewrites
    nothing, so post-rewrite does not run (tested with Git 2.39).
    """
    if os.path.lexists(os.path.join(git_dir, "rebase-apply")):
        return True
    try:
        with open(os.path.join(git_dir, "rebase-merge", "git-rebase-todo"), "rb") as stream:
            words = [line.split(None, 1)[:1] for line in stream]
    except OSError:
        return False
    return any(word and word[0][:1] != b"#" and word[0] not in _NO_STEPS for word in words)


def is_shallow_clone(common_dir: str) -> bool:
    """Whether a clone is shallow. No process."""
    try:
        return os.path.getsize(os.path.join(common_dir, "shallow")) > 0
    except OSError:
        return False


def shallow_commits(common_dir: str) -> frozenset[str]:
    """The commits whose parents a shallow clone lacks; none in another clone. No process."""
    try:
        with open(os.path.join(common_dir, "shallow"), encoding="ascii", errors="replace") as lines:
            return frozenset(lines.read().split())
    except OSError:
        return frozenset()


def has_promisor_packs(common_dir: str) -> bool:
    """Whether a clone is partial, which means that a pack has a promisor file. No process."""
    try:
        packs = os.scandir(os.path.join(common_dir, "objects", "pack"))
    except OSError:
        return False
    with packs:
        return any(entry.name.endswith(".promisor") for entry in packs)
