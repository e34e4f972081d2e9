"""After any promotions, roll-backs, reverts and merges, roll-back goes to what a stack of ten lines has beneath the top.

With GITMODEL_TESTS_LONG=1 hundreds of courses of 30 moves are run, otherwise four.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gitmodel.domain.aliases import Alias
from gitmodel.domain.reference import Reference
from gitmodel.errors import UnknownReferenceError
from gitmodel.project.history.alias_history import alias_history
from gitmodel.workflows.promote import promote
from gitmodel.workflows.rollback import rollback
from tests.support.desk import Desk, kept_desk

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
COURSES = 300 if LONG else 4
MOVES = 30
VERSIONS = 5
PATH = "fraud.production.alias.yaml"


def five_versions(desk: Desk) -> None:
    """Versions 1 to 5 of fraud, pushed; production means nothing yet."""
    for number in range(1, VERSIONS + 1):
        desk.version(f"weights {number}".encode(), metrics=[f"auc=0.{number}"])
    desk.push()
    desk.repo.git("branch", "start")


ana = kept_desk(five_versions)

numbers = st.integers(1, VERSIONS)
moves = st.one_of(
    st.tuples(st.just("promote"), numbers),
    st.tuples(st.just("promote"), numbers),
    st.tuples(st.just("back"), st.just(0)),
    st.tuples(st.just("back"), st.just(0)),
    st.tuples(st.just("to"), numbers),
    st.tuples(st.just("revert"), st.just(0)),
    st.tuples(st.just("merge"), numbers),
    st.tuples(st.just("remove"), st.just(0)),
    st.tuples(st.just("other"), st.just(0)),
)


def moved(stack: list[int], version: int, previous: int | None) -> list[int]:
    """The model: what a move makes of a stack of versions; `previous` is what the file says."""
    if stack[-1:] == [version]:
        return stack
    if stack[-2:-1] == [version]:
        return stack[:-1]
    for index in range(len(stack) - 3, -1, -1):
        if stack[index] == version and previous in (None, stack[index - 1] if index else None):
            return stack[: index + 1]
    return [*stack, version]


class Course:
    """A branch on which production moves, and the model of its values."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.git = desk.repo.git
        self.stack: list[int] = []
        self.is_removed = False
        self.ever: set[int] = set()
        self.git("switch", "-qfC", "main", "start")

    def present(self) -> Alias | None:
        file = self.desk.repo.path / PATH
        return Alias.from_text(file.read_bytes(), PATH) if file.exists() else None

    def note(self) -> None:
        """Move the model to what the branch has now."""
        alias = self.present()
        self.is_removed = alias is None and bool(self.stack)
        if alias is not None:
            before = None if alias.previous is None else alias.previous.version
            self.stack = moved(self.stack, alias.version, before)
            self.ever.add(alias.version)

    def commit(self) -> None:
        self.git("commit", "-q", "--allow-empty", "-m", "move")

    def promote(self, reference: int | str) -> None:
        with self.desk.open() as project:
            promote(project, Reference.parse(f"fraud@{reference}"), "production")
        self.commit()

    def back(self, to: int | None = None) -> int | None:
        """Roll back; the number, None if it was refused."""
        try:
            with self.desk.open() as project:
                change = rollback(
                    project, "fraud", "production", to=None if to is None else str(to)
                )
        except UnknownReferenceError:
            assert self.git("status", "--porcelain").stdout == ""
            return None
        self.commit()
        assert change.after is not None
        return change.after.version

    def move(self, kind: str, number: int) -> None:
        one_of: dict[str, Callable[[int], object]] = {
            "promote": self.promote,
            "back": self._back,
            "to": self._to,
            "revert": self._revert,
            "merge": self._merge,
            "remove": self._remove,
            "other": lambda _: self.commit(),
        }
        before = self.present()
        one_of[kind](number)
        self.note()
        after = self.present()
        if kind in ("promote", "back", "to") and after not in (None, before):
            assert after is not None
            previous = None if after.previous is None else after.previous.version
            assert previous == (self.stack[-2] if len(self.stack) > 1 else None)

    def _back(self, _: int) -> None:
        stack, expected = self.stack, self.beneath()
        assert self.back() == expected
        self.note()
        if expected is not None:
            assert self.stack in (stack[:-1], stack)

    def _to(self, number: int) -> None:
        stack = self.stack
        assert self.back(number) == (number if number in self.ever else None)
        self.note()
        if number in stack:
            highest = len(stack) - stack[::-1].index(number)
            assert self.stack == stack[:highest]

    def _revert(self, _: int) -> None:
        parents = self.git("log", "-1", "--format=%P").stdout.split()
        mainline = ("-m", "1") if len(parents) > 1 else ()
        if self.git("diff", "--name-only", "HEAD~1", "HEAD").stdout == f"{PATH}\n":
            self.git("revert", "--no-edit", *mainline, "HEAD")

    def _merge(self, number: int) -> None:
        """The branch moves twice; what counts is the one move of the merge."""
        self.git("switch", "-qC", "side")
        self.promote(number % VERSIONS + 1)
        self.promote(number)
        self.git("switch", "-q", "main")
        self.commit()
        self.git("merge", "-q", "--no-ff", "-m", "merge", "side")

    def _remove(self, _: int) -> None:
        if self.present() is not None:
            self.promote("none")

    def beneath(self) -> int | None:
        if self.is_removed:
            return self.stack[-1]
        return self.stack[-2] if len(self.stack) > 1 else None

    def check(self) -> None:
        with self.desk.open() as project:
            stack = alias_history(project, PATH, "production", self.desk.repo.head()).stack("fraud")
        assert [one.version for one in stack.entries] == self.stack
        assert stack.is_removed == self.is_removed

    def check_cut_off(self, folder: str) -> None:
        """In a clone of depth 1 `previous` serves once; a full clone then sees the same move."""
        alias = self.present()
        if alias is None:
            return
        expected = None if alias.previous is None else alias.previous.version
        ben = self.desk.join(folder, "--depth", "1")
        cut = Course.__new__(Course)
        cut.desk, cut.git = ben, ben.repo.git
        assert cut.back() == expected
        if expected is not None:
            assert cut.back() is None
            self.git("pull", "-q", "--ff-only", str(ben.repo.path), "main")
            self.note()
            self.check()
        shutil.rmtree(ben.repo.path)


# A shorter course takes as long to find as a hundred courses to run.
@settings(
    phases=[Phase.explicit, Phase.generate],
    max_examples=COURSES,
    suppress_health_check=[*HealthCheck],
    deadline=None,
    print_blob=True,
)
@given(course=st.lists(moves, min_size=MOVES, max_size=MOVES), cut_after=st.integers(1, MOVES - 1))
def test_thirty_moves_and_all_the_way_back(
    ana: Desk, course: list[tuple[str, int]], cut_after: int
) -> None:
    branch = Course(ana)
    for number, (kind, version) in enumerate(course):
        branch.move(kind, version)
        branch.check()
        if number == cut_after:
            branch.check_cut_off("ben")

    while (expected := branch.beneath()) is not None:
        branch.move("back", 0)
        assert branch.present() is not None
        assert branch.stack[-1] == expected
    assert branch.back() is None
    branch.check_cut_off("ben")
