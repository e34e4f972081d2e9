"""`cp`: the least that moving a file costs. It versions nothing; `add` flushes, as gitmodel does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.installed import on_path
from tests.benchmarks.world import Project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.world import Commands, Place, PlaceKind, World


class PlainCopy:
    """See `tools.tool.Tool`."""

    name = "cp"

    def lacks(self, kind: PlaceKind) -> str:
        return "" if kind == "folder" else "s5cmd stands for it on S3"

    def start(self, world: World, folder: Path, place: Place, weights: str) -> Project:
        (folder / "store").mkdir(parents=True)
        return Project(folder, weights, place, world.environment, world)

    def add(self, project: Project) -> Commands:
        kept = f"store/{project.weights}"
        return [[on_path("cp"), project.weights, kept], [on_path("sync"), kept]]

    def commit(self, project: Project) -> None:
        """Nothing."""

    def push(self, project: Project) -> Commands:
        return [[on_path("cp"), project.weights, f"{project.place.path}/{project.weights}"]]

    def lose(self, project: Project) -> None:
        project.file.unlink()

    def checkout(self, project: Project) -> Commands:
        return [[on_path("cp"), f"store/{project.weights}", project.weights]]

    def clone(self, project: Project, folder: Path) -> Project:
        (folder / "store").mkdir(parents=True)
        return Project(folder, project.weights, project.place, project.environment, project.world)

    def update(self, clone: Project) -> None:
        clone.file.unlink()

    def fetch(self, clone: Project) -> Commands:
        return [[on_path("cp"), f"{clone.place.path}/{clone.weights}", clone.weights]]
