"""The switch `gitmodel install --fsmonitor`: what Git's own commands cost more where nothing is new.

Two repositories alike, one with the switch, run the same command in turn. What is compared is processor
time, of Git and of all that it starts, so that neighbours on the machine count less.
"""

from __future__ import annotations

import os
import statistics
from typing import TYPE_CHECKING

from tests.benchmarks.bars import SWITCH_SECONDS
from tests.benchmarks.measuring import Comparison, peak
from tests.benchmarks.table import Row, report
from tests.benchmarks.tools.gitmodel import PROGRAM, Gitmodel
from tests.support.repo import GIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.measuring import Spent
    from tests.benchmarks.world import Project, World

FILES = 500
WEIGHTS = "model.bin"
_LAST_WEEK = 1_700_000_000  # what was written in this second makes Git write its index again

STEPS: dict[str, list[str]] = {
    "git status": [GIT, "status"],
    "git diff --quiet": [GIT, "diff", "--quiet"],
    "git add -A": [GIT, "add", "-A"],
    "git commit -a": [GIT, "commit", "-qa", "--allow-empty", "-m", "nothing"],
    "git commit PATH": [GIT, "commit", "-q", "--allow-empty", "-m", "nothing", "src/0.py"],
}


def rows(world: World, rounds: int) -> Iterator[Row]:
    """Measure with 500 files and one model."""
    report("switch")
    place = world.place("folder")
    on, off = (_repository(world, name, switch=name == "on") for name in ("on", "off"))
    for step, command in STEPS.items():
        for project in (on, off):
            project.run(command)  # the first one after another command writes the index anew
        pairs = [(on.run(command), off.run(command)) for _ in range(rounds)]
        found = _compare(pairs)
        yield Row(
            scenario=f"nothing new, {FILES} files, processor time",
            step=step,
            against="without the switch",
            value=found.difference,
            unit="seconds",
            bar=SWITCH_SECONDS.get(step),
            comparison=found,
            peaks=tuple(peak(side) for side in zip(*pairs, strict=True)),
        )
    for project in (on, off):
        world.remove(project, place)


def _repository(world: World, name: str, *, switch: bool) -> Project:
    """A repository with a registered model, all of it committed and at rest."""
    project = Gitmodel().start(world, world.fresh(name), world.place("folder"), WEIGHTS)
    project.file.write_bytes(bytes(range(256)) * 4096)
    source = project.folder / "src"
    source.mkdir()
    for number in range(FILES):
        (source / f"{number}.py").write_text(f"x = {number}\n", encoding="utf-8")
    tool = Gitmodel()
    project.run(*tool.add(project))
    for path in [*source.iterdir(), project.folder / ".gitignore"]:
        os.utime(path, (_LAST_WEEK, _LAST_WEEK))
    tool.commit(project)
    if switch:
        project.run([*PROGRAM, "install", "-q", "--fsmonitor"])
    project.run([*PROGRAM, "checkout", "-q"], [GIT, "status"])
    return project


def _compare(pairs: list[tuple[Spent, Spent]]) -> Comparison:
    seconds = [(one.processor_seconds, other.processor_seconds) for one, other in pairs]
    ratios = [mine / other for mine, other in seconds]
    return Comparison(
        ours=statistics.median(mine for mine, _ in seconds),
        theirs=statistics.median(other for _, other in seconds),
        ratio=statistics.median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        difference=statistics.median(mine - other for mine, other in seconds),
    )
