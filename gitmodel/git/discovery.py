"""Where a repository is: asked of the git program in one process, or of libgit2 where there is none.

Words: the *git folder* belongs to one work tree; the *common folder* holds what all work trees of a
repository share; the *prefix* is where the caller stands below the top of the work tree.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple, NoReturn

from gitmodel.domain.text.lazy_regex import pattern
from gitmodel.errors import RepositoryError
from gitmodel.files.path_encoding import given, native
from gitmodel.git.program import GitProgram, first_words

# One process answers everything. The fixed words between the paths (true, false, sha1) keep the
# answer readable when a path contains a newline; the last question fails without a work tree, after
# all others were answered.
_QUESTIONS = (
    *("rev-parse", "--path-format=absolute", "--git-dir", "--is-bare-repository"),
    *("--git-common-dir", "--is-inside-work-tree", "--show-prefix", "--show-object-format"),
    "--show-toplevel",
)
_ANSWERS = pattern(
    r"(?P<git_dir>.*?)\n(?:true|false)\n(?P<common_dir>.*?)\n(?:true|false)\n"
    r"(?P<prefix>.*?)\n(?P<object_format>sha1|sha256)\n(?:(?P<top>.*)\n)?",
    re.DOTALL,
)
_STATES = (
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),  # also there during a rebase, so it is asked later
    ("REVERT_HEAD", "revert"),
)
# Lines of a rebase's list that apply nothing.
_NO_STEPS = frozenset({b"noop", b"drop", b"d"})


class Places(NamedTuple):
    """Where a repository is; all paths absolute except `prefix`, which uses `/` and may be empty."""

    git_dir: str
    common_dir: str
    work_tree: str | None
    prefix: str
    object_format: str


def ask_program(program: GitProgram, start: str) -> Places:
    """Ask git for the repository of a folder. One process.

    Raises:
        RepositoryError: There is none, or git refuses it (`safe.directory`), or git is too old.
    """
    done = program.call(_QUESTIONS, folder=start)
    found = _ANSWERS.fullmatch(os.fsdecode(done.stdout))
    if found is None or not os.path.isabs(found["git_dir"]):
        _refuse(start, first_words(done))
    return Places(
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
        words = "its answer was not understood; Git 2.31 or newer is needed"
    raise RepositoryError(f"Git cannot open {start}: {words}")


def ask_library(start: str) -> Places:
    """Ask libgit2 for the repository of a folder; imports pygit2 (about 110 ms). No process.

    Raises:
        RepositoryError: There is none, or libgit2 cannot read its format.
    """
    import pygit2

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
    return Places(
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


def unfinished(git_dir: str) -> str | None:
    """Return "rebase", "merge", "cherry-pick" or "revert" while one is unfinished. No process."""
    for name, what in _STATES:
        if os.path.lexists(os.path.join(git_dir, name)):
            return what
    return None


def rebase_has_steps(git_dir: str) -> bool:
    """Whether a rebase is under way that has still something to apply. No process.

    A rebase that turns out to be a fast-forward, or drops all of its commits, moves HEAD with an
    empty list; it rewrites nothing, so that post-rewrite does not run (measured with Git 2.39).
    """
    if os.path.lexists(os.path.join(git_dir, "rebase-apply")):
        return True
    try:
        with open(os.path.join(git_dir, "rebase-merge", "git-rebase-todo"), "rb") as stream:
            words = [line.split(None, 1)[:1] for line in stream]
    except OSError:
        return False
    return any(word and word[0][:1] != b"#" and word[0] not in _NO_STEPS for word in words)


def has_cut_history(common_dir: str) -> bool:
    """Whether a clone is shallow. No process."""
    try:
        return os.path.getsize(os.path.join(common_dir, "shallow")) > 0
    except OSError:
        return False


def has_left_out_objects(common_dir: str) -> bool:
    """Whether a clone is partial: some pack came from a remote that promised the rest. No process."""
    try:
        packs = os.scandir(os.path.join(common_dir, "objects", "pack"))
    except OSError:
        return False
    with packs:
        return any(entry.name.endswith(".promisor") for entry in packs)
