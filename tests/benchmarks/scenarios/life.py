"""The life of two versions of some weights, with every tool in turn.

Each round starts from nothing and takes every tool through the same steps, one step at a time:

    add              take version 1 in (gitmodel has it on the disk afterwards, as has cp)
    push             send it to an empty place
    checkout         bring the deleted file back from the cache
    fetch + checkout in a fresh clone: from the place, the cache being empty
    second ...       the same with version 2, on top of version 1
"""

from __future__ import annotations

import filecmp
import shutil
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tests.benchmarks.bars import PEAK_MIB, time_bar
from tests.benchmarks.measuring import CommandFailedError, Spent, compare, peak
from tests.benchmarks.table import MIB, Row, report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.benchmarks.data import Data
    from tests.benchmarks.tools.tool import Tool
    from tests.benchmarks.world import Commands, Place, PlaceKind, Project, World

OURS = "gitmodel"


@dataclass(slots=True)
class Life:
    """One scenario.

    Attributes:
        world: To live in.
        kind: Of the place to push to.
        data: The weights.
        tools: gitmodel first.
        endpoint: Of S3, if not the server's own.
        name: Of the place in the table.
    """

    world: World
    kind: PlaceKind
    data: Data
    tools: Sequence[Tool]
    endpoint: str = ""
    name: str = ""
    _spent: dict[tuple[str, str], list[Spent]] = field(default_factory=dict)
    _stored: dict[tuple[str, str], int] = field(default_factory=dict)
    _absent: dict[str, str] = field(default_factory=dict)
    _whole: list[int] = field(default_factory=list)

    def rows(self, rounds: int) -> Iterator[Row]:
        """Run and report; the steps of a tool that fails are left out, and it is said."""
        able = []
        for tool in self.tools:
            why = tool.lacks(self.kind)
            if why:
                self._absent[tool.name] = why
            else:
                able.append(tool)
        files = [self._write(version) for version in (1, 2)]
        for number in range(rounds):
            report(f"{self._title}: round {number + 1} of {rounds}")
            turn = number % len(able)
            _Round(self, [*able[turn:], *able[:turn]], files).run()
        self._whole = [path.stat().st_size for path in files]
        for path in files:
            path.unlink()
        yield from self._compared([tool.name for tool in self.tools if tool.name != OURS])

    @property
    def _title(self) -> str:
        return f"{self.name or self.kind}, {self.data.name}"

    def _write(self, version: int) -> Path:
        path = self.world.fresh("data")
        self.data.write(path, self.world.size, version)
        return path

    def note(self, step: str, tool: str, spent: Spent) -> None:
        """Keep what a step took."""
        self._spent.setdefault((step, tool), []).append(spent)

    def note_stored(self, step: str, tool: str, size: int) -> None:
        """Keep how many bytes lay in the place after a step."""
        self._stored[step, tool] = size

    def give_up(self, tool: str, why: str) -> None:
        """Leave a tool out from here on."""
        report(f"{self._title}: {tool} failed: {why}")
        self._absent[tool] = "failed: " + " ".join(why.split())[-90:]

    def is_out(self, tool: str) -> bool:
        """Whether a tool has failed."""
        return tool in self._absent

    def _compared(self, others: Sequence[str]) -> Iterator[Row]:
        place = self.name or self.kind
        for step in [step for step, tool in self._spent if tool == OURS]:
            ours = self._spent[step, OURS]
            for other in others:
                theirs = self._spent.get((step, other), [])
                if len(theirs) != len(ours):
                    continue
                found = compare(ours, theirs)
                yield Row(
                    scenario=self._title,
                    step=step,
                    against=other,
                    value=found.ratio,
                    bar=time_bar(place, self.data.name, step, other),
                    comparison=found,
                    peaks=(peak(ours), peak(theirs)),
                )
        yield from self._storage(others)
        every = [one for (_, tool), some in self._spent.items() if tool == OURS for one in some]
        memory = peak(every) / MIB
        yield self._row("peak memory", "", value=memory, unit="MiB", bar=PEAK_MIB)
        for tool, why in self._absent.items():
            yield self._row("", tool, note=why)

    def _storage(self, others: Sequence[str]) -> Iterator[Row]:
        for step, versions in (("push", 1), ("second push", 2)):
            ours = self._stored.get((step, OURS))
            if ours is None:
                continue
            what = f"bytes stored, {versions} version{'s' * (versions > 1)}"
            yield self._row(what, "whole files", value=ours / sum(self._whole[:versions]))
            for other in others:
                theirs = self._stored.get((step, other), 0)
                if theirs and versions > 1 and other not in {"cp", "s5cmd"}:  # they keep one
                    yield self._row(what, other, value=ours / theirs)

    def _row(self, step: str, against: str, **more: object) -> Row:
        return Row(scenario=self._title, step=step, against=against, **more)  # type: ignore[arg-type]


class _Round:
    """One pass of all tools through all steps."""

    def __init__(self, life: Life, tools: Sequence[Tool], files: Sequence[Path]) -> None:
        self._life = life
        self._tools = tools
        self._files = files
        self._places: dict[str, Place] = {}
        self._projects: dict[str, Project] = {}
        self._clones: dict[str, Project] = {}

    def run(self) -> None:
        try:
            self._each(self._start)
            for version, prefix in ((0, ""), (1, "second ")):
                self._each(partial(self._add, f"{prefix}add", version))
                self._each(partial(self._push, f"{prefix}push"))
                self._each(partial(self._checkout, f"{prefix}checkout", version))
                self._each(partial(self._fetch, f"{prefix}fetch + checkout", version))
        finally:
            projects = [*self._projects.values(), *self._clones.values()]
            self._life.world.remove(*projects, *self._places.values())

    def _each(self, step: Callable[[Tool], None]) -> None:
        for tool in self._tools:
            if self._life.is_out(tool.name):
                continue
            try:
                step(tool)
            except CommandFailedError as error:
                if tool.name == OURS:
                    raise
                self._life.give_up(tool.name, str(error))

    def _measure(self, step: str, tool: Tool, project: Project, commands: Commands) -> bool:
        if commands:
            self._life.note(step, tool.name, project.measure(*commands))
        return bool(commands)

    def _start(self, tool: Tool) -> None:
        life = self._life
        place = self._places[tool.name] = life.world.place(life.kind, endpoint=life.endpoint)
        folder = life.world.fresh(tool.name)
        self._projects[tool.name] = tool.start(life.world, folder, place, life.data.file)

    def _add(self, step: str, version: int, tool: Tool) -> None:
        project = self._projects[tool.name]
        project.file.unlink(missing_ok=True)
        shutil.copyfile(self._files[version], project.file)
        self._measure(step, tool, project, tool.add(project))

    def _push(self, step: str, tool: Tool) -> None:
        project = self._projects[tool.name]
        tool.commit(project)
        self._measure(step, tool, project, tool.push(project))
        size = self._life.world.stored(self._places[tool.name])
        self._life.note_stored(step, tool.name, size)

    def _checkout(self, step: str, version: int, tool: Tool) -> None:
        project = self._projects[tool.name]
        commands = tool.checkout(project)
        if commands:
            tool.lose(project)
            self._measure(step, tool, project, commands)
            self._check(project, version)

    def _fetch(self, step: str, version: int, tool: Tool) -> None:
        if version == 0:
            folder = self._life.world.fresh(f"{tool.name}-clone")
            self._clones[tool.name] = tool.clone(self._projects[tool.name], folder)
        else:
            tool.update(self._clones[tool.name])
        clone = self._clones[tool.name]
        if self._measure(step, tool, clone, tool.fetch(clone)):
            self._check(clone, version)

    def _check(self, project: Project, version: int) -> None:
        if not filecmp.cmp(project.file, self._files[version], shallow=False):
            raise CommandFailedError(f"{project.file} has other bytes than version {version + 1}")
