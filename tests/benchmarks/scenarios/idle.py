"""Commands with nothing to do: what a person waits for who only uses Git.

`status`, `git commit` and `git push` are judged by the time that they take beyond Git's own: the same
command runs in turn with the hooks and without them.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.bars import IDLE_SECONDS, VERSION_SECONDS
from tests.benchmarks.measuring import Spent, compare, peak
from tests.benchmarks.table import Row, report
from tests.benchmarks.tools.gitmodel import PROGRAM, Gitmodel
from tests.support.repo import GIT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.benchmarks.world import Commands, Project, World

NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
WEIGHTS = "model.bin"


@dataclass(frozen=True, slots=True)
class Idle:
    """One comparison.

    Attributes:
        step: For the table.
        against: Likewise.
        ours: Commands.
        theirs: Commands.
        bar: Seconds.
        beyond: Whether the bar is about ours - theirs, not about ours alone.
    """

    step: str
    against: str
    ours: Commands
    theirs: Commands
    bar: float
    beyond: bool = True


def rows(world: World, rounds: int) -> Iterator[Row]:
    """Measure in a repository with one model that is pushed."""
    report("idle")
    place = world.place("folder")
    project = Gitmodel().start(world, world.fresh("idle"), place, WEIGHTS)
    origin = world.fresh("origin")
    _settle(project, origin)
    for one in _comparisons():
        ours, theirs = _in_turn(project, one, rounds)
        found = compare(ours, theirs)
        yield Row(
            scenario="nothing to do",
            step=one.step,
            against=one.against,
            value=found.difference if one.beyond else found.ours,
            unit="seconds",
            bar=one.bar,
            comparison=found,
            peaks=(peak(ours), peak(theirs)),
        )
    world.remove(project, place)
    shutil.rmtree(origin)


def _settle(project: Project, origin: Path) -> None:
    """Register a model, commit it and push it, weights and branch."""
    project.file.write_bytes(bytes(range(256)) * 4096)
    tool = Gitmodel()
    project.run(*tool.add(project))
    tool.commit(project)
    project.run(
        [GIT, "init", "-q", "--bare", "-b", "main", str(origin)],
        [GIT, "remote", "add", "origin", str(origin)],
        [GIT, "push", "-q", "-u", "origin", "main"],
    )


def _comparisons() -> tuple[Idle, ...]:
    commit = ("commit", "-q", "--allow-empty", "-m", "nothing")
    push = ("push", "-q", "origin", "main")
    return (
        Idle(
            "gitmodel --version",
            "bare Python",
            [[*PROGRAM, "--version"]],
            [[sys.executable, "-c", "pass"]],
            VERSION_SECONDS,
            beyond=False,
        ),
        Idle("status", "git status", [[*PROGRAM, "status"]], [[GIT, "status"]], IDLE_SECONDS),
        Idle(
            "git commit",
            "without hooks",
            [[GIT, *commit]],
            [[GIT, *NO_HOOKS, *commit]],
            IDLE_SECONDS,
        ),
        Idle("git push", "without hooks", [[GIT, *push]], [[GIT, *NO_HOOKS, *push]], IDLE_SECONDS),
    )


def _in_turn(project: Project, one: Idle, rounds: int) -> tuple[list[Spent], list[Spent]]:
    ours, theirs = [], []
    for _ in range(rounds):
        # The branch itself is up to date for both, whatever the round before has committed.
        project.run([GIT, *NO_HOOKS, "push", "-q", "origin", "main"])
        ours.append(project.run(*one.ours))
        project.run([GIT, *NO_HOOKS, "push", "-q", "origin", "main"])
        theirs.append(project.run(*one.theirs))
    return ours, theirs
