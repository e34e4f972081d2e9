"""gitmodel, as a user runs it: every step a process of its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.tools.tool import commit_all, git_clone, git_repository
from tests.benchmarks.world import Project
from tests.support.repo import GIT, PACKAGE_ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.world import Commands, Place, PlaceKind, World

PROGRAM = (sys.executable, "-P", "-m", "gitmodel")


@dataclass(frozen=True, slots=True)
class Gitmodel:
    """The commands of gitmodel; a `tools.tool.Tool`.

    Attributes:
        name: For the table.
        program: What starts it.
        path: `PYTHONPATH` of its commands, None where the program finds its own package.
    """

    name: str = "gitmodel"
    program: tuple[str, ...] = PROGRAM
    path: str | None = str(PACKAGE_ROOT)

    def lacks(self, _kind: PlaceKind) -> str:
        return ""

    def start(self, world: World, folder: Path, place: Place, weights: str) -> Project:
        environment = world.environment_for(place)
        environment.pop("PYTHONPATH")
        if self.path is not None:
            environment["PYTHONPATH"] = self.path
        project = Project(folder, weights, place, environment, world)
        git_repository(world, folder)
        endpoint = ["--endpoint", place.endpoint] if place.endpoint else []
        project.run([*self.program, "init", "-q", place.url, *endpoint])
        commit_all(project)
        return project

    def add(self, project: Project) -> Commands:
        return [[*self.program, "add", "-q", project.weights]]

    def commit(self, project: Project) -> None:
        commit_all(project)

    def push(self, _project: Project) -> Commands:
        return [[*self.program, "push", "-q"]]

    def lose(self, project: Project) -> None:
        project.file.unlink()

    def checkout(self, _project: Project) -> Commands:
        return [[*self.program, "checkout", "-q"]]

    def clone(self, project: Project, folder: Path) -> Project:
        return git_clone(project, folder)  # hooks are not installed: fetching is a step of its own

    def update(self, clone: Project) -> None:
        clone.run([GIT, "pull", "-q"])

    def fetch(self, _clone: Project) -> Commands:
        return [[*self.program, "checkout", "-q"]]


def earlier(python: str) -> Gitmodel:
    """An installed gitmodel of another commit, to compare with.

    Args:
        python: The interpreter of the environment that has it.
    """
    return Gitmodel("earlier", (python, "-P", "-m", "gitmodel"), None)
