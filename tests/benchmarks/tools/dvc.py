"""DVC with its S3 extra, as its guide says: `dvc add`, `dvc push`, `dvc pull`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.installed import NotInstalledError, by_pip
from tests.benchmarks.tools.tool import commit_all, git_clone, git_repository
from tests.benchmarks.world import Project
from tests.support.repo import GIT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.world import Commands, Place, PlaceKind, World

REQUIREMENT = "dvc[s3]>=3.60"


class Dvc:
    """See `tools.tool.Tool`."""

    name = "dvc"

    def lacks(self, _kind: PlaceKind) -> str:
        try:
            self._command()
        except NotInstalledError as error:
            return str(error)
        return ""

    def start(self, world: World, folder: Path, place: Place, weights: str) -> Project:
        # No report to its makers, and none of its state outside of the run.
        own = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(world.root / "dvc-site")}
        environment = world.environment_for(place) | own
        del environment["PYTHONPATH"]
        project = Project(folder, weights, place, environment, world)
        git_repository(world, folder)
        project.run(
            self._command("init", "-q"), self._command("remote", "add", "-d", "store", place.url)
        )
        if place.endpoint:
            endpoint = ("remote", "modify", "store", "endpointurl", place.endpoint)
            project.run(self._command(*endpoint))
        commit_all(project)
        return project

    def add(self, project: Project) -> Commands:
        return [self._command("add", "-q", project.weights)]

    def commit(self, project: Project) -> None:
        commit_all(project)

    def push(self, _project: Project) -> Commands:
        return [self._command("push", "-q")]

    def lose(self, project: Project) -> None:
        project.file.unlink()

    def checkout(self, _project: Project) -> Commands:
        return [self._command("checkout", "-q")]

    def clone(self, project: Project, folder: Path) -> Project:
        return git_clone(project, folder)

    def update(self, clone: Project) -> None:
        clone.run([GIT, "pull", "-q"])

    def fetch(self, _clone: Project) -> Commands:
        return [self._command("pull", "-q")]

    def _command(self, *arguments: str) -> list[str]:
        return [by_pip("dvc", REQUIREMENT), *arguments]
