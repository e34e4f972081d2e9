"""gitmodel, as a user runs it: every step a process of its own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.benchmarks.tools.tool import commit_all, git_clone, git_repository
from tests.benchmarks.world import Project
from tests.support.repo import GIT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.world import Commands, Place, PlaceKind, World

PROGRAM = (sys.executable, "-P", "-m", "gitmodel")


class Gitmodel:
    """See `tools.tool.Tool`."""

    name = "gitmodel"

    def lacks(self, _kind: PlaceKind) -> str:
        return ""

    def start(self, world: World, folder: Path, place: Place, weights: str) -> Project:
        project = Project(folder, weights, place, world.environment_for(place), world)
        git_repository(world, folder)
        endpoint = ["--endpoint", place.endpoint] if place.endpoint else []
        project.run([*PROGRAM, "init", "-q", place.url, *endpoint])
        commit_all(project)
        return project

    def add(self, project: Project) -> Commands:
        return [[*PROGRAM, "add", "-q", project.weights]]

    def commit(self, project: Project) -> None:
        commit_all(project)

    def push(self, _project: Project) -> Commands:
        return [[*PROGRAM, "push", "-q"]]

    def lose(self, project: Project) -> None:
        project.file.unlink()

    def checkout(self, _project: Project) -> Commands:
        return [[*PROGRAM, "checkout", "-q"]]

    def clone(self, project: Project, folder: Path) -> Project:
        return git_clone(project, folder)  # hooks are not installed: fetching is a step of its own

    def update(self, clone: Project) -> None:
        clone.run([GIT, "pull", "-q"])

    def fetch(self, _clone: Project) -> Commands:
        return [[*PROGRAM, "checkout", "-q"]]
