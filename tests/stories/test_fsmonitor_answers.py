"""What the script of `gitmodel install --fsmonitor` answers never changes what `git status` says.

A work tree is changed at random, by Git and beside it, and after each step `git status` with the
switch is compared with one that asks no monitor and takes no lock. `GITMODEL_TESTS_LONG=1` compares
20,000 states, otherwise 200.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.kept import Kept
from tests.support.repo import GIT, Repo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
STATES = 500 if LONG else 20  # of each seed and kind
SEEDS = 5 if LONG else 1
NAMES = [
    "a",
    "b c",
    "sub/d",
    "sub/e'f",
    'sub/deep/"g"',
    "-h",
    "sub/ünï",
    "new\nline",
    "sub/i*",
    "j.bin",
]
SIZES = [b"x = 1\n", b"x = 2\n", b"longer\n", b""]


class Chaos:
    """A work tree and things that happen to it.

    Args:
        repo: The repository, with the switch on.
        seed: Of what happens.
    """

    def __init__(self, repo: Repo, seed: int) -> None:
        self.repo = repo
        self.random = random.Random(seed)  # noqa: S311
        self.steps: list[Callable[[], object]] = [
            *(self.edit,) * 6,
            *(self.edit_twice, self.delete, self.change_mode, self.rename, self.link, self.folder),
            *(self.train, self.add, self.add, self.commit, self.commit_path, self.intend),
        ]
        self.steps += [
            lambda words=words: self.git(*words)  # type: ignore[misc]
            for words in (
                *(["add", "-A"], ["add", "-u"], ["commit", "-qam", "all"], ["commit", "-qm", "x"]),
                *(["stash"], ["stash", "-u"], ["stash", "pop"], ["checkout", "-f"]),
                *(["reset", "-q"], ["reset", "-q", "--hard"], ["reset", "-q", "--soft", "HEAD~1"]),
                *(["reset", "-q", "HEAD~1"], ["clean", "-fdq"], ["rm", "-rq", "--cached", "sub"]),
                *(["checkout", "-q", "HEAD~1", "--", "."], ["gc", "-q"], ["diff", "--quiet"]),
                *(["update-index", "--refresh"], ["status"], ["rev-parse", "HEAD"]),
                *(["cherry-pick", "ORIG_HEAD"], ["commit", "-q", "--amend", "-m", "amended"]),
                *(["-c", "core.fsmonitor=false", "status"], ["update-index", "--really-refresh"]),
                *(
                    ["update-index", "--assume-unchanged", "a"],
                    ["update-index", "--no-assume-unchanged", "a"],
                ),
                *(
                    ["update-index", "--skip-worktree", "sub/d"],
                    ["update-index", "--no-skip-worktree", "sub/d"],
                ),
            )
        ]

    def git(self, *words: str) -> None:
        self.repo.git("-c", "core.safecrlf=false", *words, check=False)

    def path(self) -> Path:
        return self.repo.path / self.random.choice(NAMES)

    def write(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            path.unlink(missing_ok=True) if path.is_symlink() else None
            path.write_bytes(self.random.choice(SIZES))
        except (NotADirectoryError, FileExistsError):
            return

    def edit(self) -> None:
        self.write(self.path())

    def edit_twice(self) -> None:
        """In the tick in which Git looks, of the same size."""
        path = self.path()
        self.write(path)
        self.git("add", "-A")
        self.write(path)

    def delete(self) -> None:
        path = self.path()
        if path.is_file() or path.is_symlink():
            path.unlink()

    def change_mode(self) -> None:
        path = self.path()
        if path.is_file():
            path.chmod(self.random.choice([0o644, 0o755]))

    def rename(self) -> None:
        old, new = self.path(), self.path()
        if old.is_file() and new.parent.is_dir() and not new.is_dir():
            old.rename(new)

    def link(self) -> None:
        path = self.path()
        if path.parent.is_dir() and not os.path.lexists(path):
            path.symlink_to(self.random.choice(["a", "nowhere", "sub"]))

    def folder(self) -> None:
        path = self.repo.path / self.random.choice(["empty", "sub/empty", "other/deep"])
        path.mkdir(parents=True, exist_ok=True)
        if self.random.random() < 0.5:
            (path / "inside").write_text("x")

    def train(self) -> None:
        self.repo.write("fraud.bin", self.random.randbytes(50))

    def add(self) -> None:
        self.git("add", "--", self.random.choice(NAMES))

    def intend(self) -> None:
        self.git("add", "-N", "--", self.random.choice(NAMES))

    def commit(self) -> None:
        self.git("commit", "-qm", "staged")

    def commit_path(self) -> None:
        self.git("commit", "-qm", "path", "--", self.random.choice(NAMES))


def plain(repo: Repo) -> None:
    repo.git("config", "core.splitIndex", "false")


def split(repo: Repo) -> None:
    repo.git("update-index", "--split-index")


def untracked_cache(repo: Repo) -> None:
    """Turned on behind the back of `install`, which would have refused."""
    repo.git("update-index", "--untracked-cache")


def with_submodule(repo: Repo) -> None:
    inner = Repo.create(repo.path.parent / "inner")
    inner.write("a", "a\n")
    inner.commit("a")
    repo.git("submodule", "add", "-q", str(inner.path), "module")
    repo.git("commit", "-qm", "module")


def hook_version(repo: Repo) -> None:
    repo.git("config", "core.fsmonitorHookVersion", "2")


def old_hook_version(repo: Repo) -> None:
    repo.git("config", "core.fsmonitorHookVersion", "1")


def version_4(repo: Repo) -> None:
    repo.git("update-index", "--index-version", "4")


def linked(repo: Repo) -> None:
    path = repo.path.parent / "linked tree"
    repo.git("worktree", "add", "-q", "-b", "linked", str(path))
    repo.path = path


KINDS = [
    *(plain, split, untracked_cache, with_submodule),
    *(hook_version, old_hook_version, version_4, linked),
]


def build(folder: Path) -> Repo:
    repo = Repo.create(folder / "repo")
    repo.gitmodel("init", str(folder / "store"), "--fsmonitor")
    for name in NAMES[:7]:
        repo.write(name, "x = 1\n")
    repo.write("fraud.bin", b"weights")
    repo.gitmodel("add", "fraud.bin")
    repo.commit("set up")
    hooks = repo.path / ".git/hooks"
    shutil.rmtree(hooks)  # they have tests of their own, and take most of the time here
    return repo


KEPT = Kept(build)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return KEPT.folder_for(request, "repo", tmp_path)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return KEPT.repo()


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_git_status_says_the_same(kind: Callable[[Repo], None], seed: int, repo: Repo) -> None:
    kind(repo)
    chaos = Chaos(repo, seed)
    if kind is with_submodule:
        chaos.steps += [lambda: repo.write("module/a", chaos.random.choice(SIZES))] * 4

    done = []
    for number in range(STATES):
        step = chaos.random.choice(chaos.steps)
        done.append(step.__name__)
        step()
        ours = repo.git("status", "--porcelain", "-z").stdout
        without = repo.git(
            *("-c", "core.fsmonitor=false", "--no-optional-locks"), "status", "--porcelain", "-z"
        ).stdout
        assert ours == without, (number, done[-5:])


def runs_of_a_watcher(repo: Repo, seconds_of_quiet: float) -> int:
    """How often a watcher runs `git status` that runs it when the index file has changed.

    The first change is made here; it ends when the index has been left alone for a while.
    """
    index = repo.path / ".git/index"
    done = threading.Event()
    runs = 0

    def watch() -> None:
        nonlocal runs
        seen, quiet = 0, 0.0
        while quiet < seconds_of_quiet and runs < 20:
            now = index.stat().st_mtime_ns
            if now != seen:
                seen, quiet = now, 0.0
                subprocess.run([GIT, "status"], cwd=repo.path, check=True, capture_output=True)
                runs += 1
            else:
                done.wait(0.02)
                quiet += 0.02

    repo.write("a", "x = 3\n")
    # Git writes the index at every status of the second in which a file was written, with or without us.
    for name in repo.git("ls-files", "-z").stdout.split("\0")[:-1]:
        os.utime(repo.path / name, (1_700_000_000, 1_700_000_000))
    repo.git("add", "-A")
    watch()
    return runs


def test_a_watcher_that_runs_git_status_when_the_index_changes_soon_rests(repo: Repo) -> None:
    """With the answer "every file" each `git status` writes the index, and the watcher never ends."""
    assert runs_of_a_watcher(repo, 1.0) <= 2


def test_the_answer_every_file_would_keep_the_watcher_going(repo: Repo) -> None:
    """Why the script answers `git status` with a list, so that nobody simplifies it away."""
    script = repo.write("every-file", "#!/bin/sh\nprintf 'gitmodel\\0/\\0'\n")
    script.chmod(0o755)
    repo.git("config", "core.fsmonitor", str(script))

    assert runs_of_a_watcher(repo, 1.0) > 5
