"""`gitmodel at` agrees with the log of a simulated forge, and a naive `git rev-list --before` does not.

See tests/support/forge.py for what the log promises. With GITMODEL_TESTS_LONG=1 there are 510 histories, with
GITMODEL_TESTS_SEED others; docs/development/audit.md has the results.
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import pytest

from gitmodel.domain.instant import instant_text
from gitmodel.errors import UnknownReferenceError
from gitmodel.git.history.first_parent import FirstParentHistory
from gitmodel.git.ref_updates import forced_updates
from gitmodel.git.repository import Repository
from gitmodel.workflows.at import at
from gitmodel.workflows.audit import audit
from tests.support.desk import Desk
from tests.support.forge import ALIASES, DAY, START, Forge, Served, path_of

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.project.project import Project
    from gitmodel.workflows.at import AtValue
    from tests.support.forge import Clocks

pytestmark = pytest.mark.slow

LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
SEED = int(os.environ.get("GITMODEL_TESTS_SEED", "0"))
HISTORIES = 170 if LONG else 5  # of each kind of clocks
STEPS = 24 if LONG else 16
INSTANTS = 6 if LONG else 2  # asked in each history
BRANCH = "origin/main"


class Span(NamedTuple):
    """A value by the log of the forge."""

    version: int | None
    start: int
    until: int | None
    mark: int  # of the commit that brought it


def spans(forge: Forge, alias: str) -> list[Span]:
    """What an alias meant, by the log; from its first value on."""
    found: list[Span] = []
    for entry in forge.surviving():
        value = forge.value(entry.mark, alias)
        if found and found[-1].version == value:
            continue
        if not found and value is None:
            continue
        if found:
            found[-1] = found[-1]._replace(until=entry.time)
        found.append(Span(value, entry.time, None, entry.mark))
    return found


def by_log(known: list[Span], instant: int) -> Span | None:
    return next((one for one in reversed(known) if one.start <= instant), None)


def asked(project: Project, alias: str, when: str) -> tuple[AtValue, ...]:
    """The answer of gitmodel; nothing if it was not set."""
    try:
        return at(project, f"fraud@{alias}", when, branch=BRANCH).values
    except UnknownReferenceError:
        return ()


def plain(value: AtValue) -> tuple[int | None, str | None, str | None, str | None]:
    return value.version, value.start, value.until, value.commit


def logged(span: Span, served: Served) -> tuple[int | None, str | None, str | None, str | None]:
    until = None if span.until is None else instant_text(span.until)
    return span.version, instant_text(span.start), until, served.ids[span.mark]


def author(forge: Forge, mark: int, alias: str) -> str:
    """Who brought the value of a commit of main: for a merge the author on its branch."""
    commit = forge.commits[mark]
    path = path_of(alias)
    if len(commit.parents) == 2:
        hidden = ancestors(forge, commit.parents[0])
        for one in sorted(ancestors(forge, commit.parents[1]) - hidden, reverse=True):
            made = forge.commits[one]
            before = [forge.commits[parent].files.get(path) for parent in made.parents]
            if (
                made.files.get(path) == commit.files.get(path)
                and made.files.get(path) not in before
            ):
                return made.author
    return commit.author


def ancestors(forge: Forge, mark: int) -> set[int]:
    found, left = set(), [mark]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += forge.commits[one].parents
    return found


@pytest.mark.parametrize("clocks", ["no direct pushes", "right", "wrong"])
def test_at_agrees_with_the_log_of_the_forge(clocks: Clocks, tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    for number in range(HISTORIES):
        seed = SEED * 100_000 + number
        forge = Forge(seed, clocks=clocks, steps=STEPS)
        folder = tmp_path / str(number)
        folder.mkdir()
        _Comparison(forge, Served(forge, folder), counts, f"{clocks}, seed {seed}").run(folder)

    sys.stdout.write(f"\n{clocks}: {dict(sorted(counts.items()))}\n")
    assert all(counts[f"{style} merges"] for style in ("merge", "squash", "rebase"))
    # Else the generator is too weak.
    assert counts["naive --before: wrong"] > 0
    assert counts["forced pushes"] > 0


class _Comparison:
    """One history, asked at many times."""

    def __init__(self, forge: Forge, served: Served, counts: Counter[str], where: str) -> None:
        self.forge = forge
        self.served = served
        self.counts = counts
        self.where = where  # for messages
        self.chance = random.Random(where)  # noqa: S311 - not for secrets

    def run(self, folder: Path) -> None:
        forge, counts = self.forge, self.counts
        with Desk(self.served.clone, folder / "store").open() as project:
            for alias in ALIASES:
                self._compare_alias(project, alias)
            self._compare_events(project)
        repository = Repository.open(str(self.served.clone.path), environment=os.environ)
        self._compare_updates(repository)
        self._compare_index(repository)
        counts["histories"] += 1
        counts["forced pushes"] += len(forge.forced)
        counts["commits"] += len(forge.commits)
        for style in forge.styles:
            counts[f"{style} merges"] += 1

    def _compare_alias(self, project: Project, alias: str) -> None:
        known = spans(self.forge, alias)
        times = [entry.time for entry in self.forge.surviving()]
        last = times[-1]
        between = self.chance.randint
        instants = [between(START - DAY, last + DAY) for _ in range(INSTANTS // 2)]
        instants += [self.chance.choice(times) - between(0, 1) for _ in range(INSTANTS // 2)]
        for instant in instants:
            expected = by_log(known, instant)
            values = [plain(one) for one in asked(project, alias, instant_text(instant))]
            wanted = [] if expected is None or expected.version is None else [expected]
            assert values == [logged(one, self.served) for one in wanted], (self.where, instant)
            self.counts["instants"] += 1
            wanted_version = None if expected is None else expected.version
            self._count_naive(alias, instant, wanted_version)
            entries = [one for one in self.forge.surviving() if one.true <= instant]
            true = self.forge.value(entries[-1].mark, alias) if entries else None
            self.counts[f"by the right time: {'so' if true == wanted_version else 'not so'}"] += 1
        self._compare_day(
            project, alias, START // DAY * DAY + between(0, (last - START) // DAY) * DAY
        )

    def _compare_day(self, project: Project, alias: str, day: int) -> None:
        during = [
            one
            for one in spans(self.forge, alias)
            if one.start < day + DAY
            and (one.until is None or one.until > day or one.start == one.until >= day)
        ]
        values = [plain(one) for one in asked(project, alias, instant_text(day)[:10])]
        if all(one.version is None for one in during):
            during = []
        assert values == [logged(one, self.served) for one in during], (self.where, alias, day)
        self.counts["days"] += 1

    def _count_naive(self, alias: str, instant: int, wanted: int | None) -> None:
        """What `git rev-list -1 --before` gives, on all commits and on the first-parent line."""
        line = ("--first-parent",)
        for name, option in (("naive --before", ()), ("--first-parent --before", line)):
            before = (f"--before={instant}", *option, BRANCH)
            commit = self.served.clone.git("rev-list", "-1", *before).stdout.strip()
            mark = self.served.ids.index(commit) if commit else None
            value = None if mark is None else self.forge.value(mark, alias)
            self.counts[f"{name}: {'right' if value == wanted else 'wrong'}"] += 1

    def _compare_events(self, project: Project) -> None:
        """Every move of an alias is an event, with who brought it."""
        expected = []
        for alias in ALIASES:
            for one in spans(self.forge, alias):
                who = author(self.forge, one.mark, alias)
                commit = self.served.ids[one.mark]
                row = (alias, instant_text(one.start), commit, one.version, who)
                expected.append((one.mark, row))
        found = [
            (row.alias, row.time, row.commit, row.after and row.after.version, row.by)
            for row in audit(project, branch=BRANCH).rows
        ]
        assert found == [row for _, row in sorted(expected)], self.where
        self.counts["events"] += len(found)

    def _compare_updates(self, repository: Repository) -> None:
        """Every forced push is named, and nothing else."""
        updates = forced_updates(repository, f"refs/remotes/{BRANCH}")
        assert updates is not None
        seen = [(one.old, one.new) for one in updates]
        ids = self.served.ids
        assert seen == [(ids[old], ids[new]) for old, new in self.forge.forced], self.where

    def _compare_index(self, repository: Repository) -> None:
        """The index gives what Git gives, for tips in any order."""
        marks = [entry.mark for entry in self.chance.choices(self.forge.surviving(), k=2)]
        for mark in [*marks, self.forge.main]:
            tip = self.served.ids[mark]
            with_index = FirstParentHistory(repository, worth_writing=1, is_small=False).line(tip)
            without = FirstParentHistory(repository, is_small=True).line(tip)
            assert sorted(with_index.all()) == sorted(without.all()), self.where
            assert with_index.tip_time == without.tip_time, self.where
