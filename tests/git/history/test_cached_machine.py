"""Whatever people do to history, the index answers as a walk without it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from gitmodel.git.history.cached import CachedHistory
from gitmodel.git.history.walk import History
from gitmodel.git.repository import Repository
from tests.support.repo import Repo

pytestmark = pytest.mark.slow

FILES = ("a.model.yaml", "sub/a.model.yaml", "b.model.yaml", "notes.txt")
NAMES = ("a.model.yaml", "b.model.yaml", "never.model.yaml")
BRANCHES = ("main", "one", "two")


class HistoryMachine(RuleBasedStateMachine):
    """One repository, its index, and what can happen to both."""

    def __init__(self) -> None:
        super().__init__()
        self._scratch = tempfile.TemporaryDirectory()
        self.repo = Repo.create(Path(self._scratch.name) / "repo")
        self.count = 0
        self.tips: list[str] = []  # commits that a branch has pointed to, reachable or not
        self.kept: CachedHistory | None = None

    def teardown(self) -> None:
        if self.kept is not None:
            self.kept.close()
        self._scratch.cleanup()

    @initialize()
    def begin(self) -> None:
        self.change("a.model.yaml")
        self.commit()

    def change(self, path: str) -> None:
        self.count += 1
        self.repo.write(path, f"{self.count}\n")
        self.repo.git("add", "-A")

    def commit(self, *options: str) -> None:
        self.repo.git("commit", "-q", "--allow-empty", "-m", f"{self.count}", *options)
        self.tips.append(self.repo.head())

    @rule(path=st.sampled_from(FILES))
    def commit_a_change(self, path: str) -> None:
        self.change(path)
        self.commit()

    @rule(path=st.sampled_from(FILES))
    def commit_a_deletion(self, path: str) -> None:
        self.repo.git("rm", "-q", "--ignore-unmatch", "--", path)
        self.commit()

    @rule(path=st.sampled_from(FILES))
    def amend(self, path: str) -> None:
        self.change(path)
        self.commit("--amend")

    @rule(branch=st.sampled_from(BRANCHES))
    def switch(self, branch: str) -> None:
        known = self.repo.git("branch", "--list", branch).stdout
        self.repo.git("switch", "-q", *([] if known else ["-c"]), branch)

    @rule(branch=st.sampled_from(BRANCHES), data=st.data())
    def force(self, branch: str, data: st.DataObject) -> None:
        """As a force push or a reset: the branch goes anywhere, also back to what was dropped."""
        tip = data.draw(st.sampled_from(self.tips))
        if not self.exists(tip):
            return
        if branch == self.repo.git("branch", "--show-current").stdout.strip():
            self.repo.git("reset", "-q", "--hard", tip)
        else:
            self.repo.git("branch", "-f", branch, tip)

    @rule(branch=st.sampled_from(BRANCHES), theirs=st.booleans(), edit=st.booleans())
    def merge(self, branch: str, *, theirs: bool, edit: bool) -> None:
        if not self.repo.git("branch", "--list", branch).stdout:
            return
        side = "theirs" if theirs else "ours"
        done = self.repo.git(
            *("merge", "-q", "--no-ff", "--no-commit", "--allow-unrelated-histories"),
            *("-X", side, branch),
            check=False,
        )
        if done.returncode:  # deleted on one side: whatever is there is the result
            self.repo.git("add", "-A")
        if edit:
            self.change("a.model.yaml")
        self.commit()

    @rule(branch=st.sampled_from(BRANCHES))
    def delete(self, branch: str) -> None:
        if branch != self.repo.git("branch", "--show-current").stdout.strip():
            self.repo.git("branch", "-D", branch, check=False)

    @rule()
    def start_from_nothing(self) -> None:
        current = self.repo.git("branch", "--show-current").stdout.strip()
        self.repo.git("checkout", "-q", "--orphan", "fresh")
        self.commit()
        self.repo.git("branch", "-f", current, "HEAD")
        self.repo.git("switch", "-q", current)
        self.repo.git("branch", "-D", "fresh")

    @rule()
    def tag(self) -> None:
        self.repo.git("tag", "-a", "-f", "-m", "tag", "release")

    @rule()
    def collect_garbage(self) -> None:
        self.repo.git("reflog", "expire", "--expire=now", "--all")
        self.repo.git("gc", "-q", "--prune=now")

    @rule(data=st.data())
    def lose_a_part_of_the_index(self, data: st.DataObject) -> None:
        folder = self.repo.path / ".git" / "gitmodel" / "history" / "1"
        segments = sorted(folder.glob("*.walk"))
        if segments:
            lost = data.draw(st.integers(0, len(segments) - 1))
            segments[lost].unlink()

    @rule()
    def lose_the_order(self) -> None:
        (self.repo.path / ".git" / "gitmodel" / "history" / "1" / "order").unlink(missing_ok=True)

    @precondition(lambda self: self.count)
    @rule(worth_keeping=st.sampled_from([1, 3]))
    def ask(self, worth_keeping: int) -> None:
        """With an index of its own opening, as another process would."""
        walked = self.open(worth_keeping)
        self.check(walked)
        walked.close()

    @invariant()
    def the_one_that_is_kept_open_is_right(self) -> None:
        if self.count == 0:
            return
        if self.kept is None:
            self.kept = self.open(2)
        self.check(self.kept)

    def open(self, worth_keeping: int) -> CachedHistory:
        repository = Repository.open(str(self.repo.path), environment=os.environ)
        return CachedHistory(repository, small=0, worth_keeping=worth_keeping, worth_ordering=1)

    def check(self, walked: CachedHistory) -> None:
        repository = Repository.open(str(self.repo.path), environment=os.environ)
        for name in NAMES:
            assert walked.named(name) == History(repository).all_refs_changes(name)

    def exists(self, commit: str) -> bool:
        return self.repo.git("cat-file", "-e", commit, check=False).returncode == 0


TestHistoryMachine = HistoryMachine.TestCase
TestHistoryMachine.settings = settings(
    max_examples=12,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.filter_too_much,
    ],
)
