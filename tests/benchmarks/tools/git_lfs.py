"""git-lfs with a bare repository in a folder as its server; it has no S3 of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.installed import NotInstalledError, on_path
from tests.benchmarks.tools.tool import commit_all, git_clone, git_repository
from tests.benchmarks.world import Project
from tests.support.repo import GIT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.world import Commands, Place, PlaceKind, World


class GitLfs:
    """See `tools.tool.Tool`."""

    name = "git-lfs"

    def lacks(self, kind: PlaceKind) -> str:
        if kind == "s3":
            return "has no S3 of its own"
        try:
            on_path("git-lfs")
        except NotInstalledError as error:
            return str(error)
        return ""

    def start(self, world: World, folder: Path, place: Place, weights: str) -> Project:
        # Without this, a clone and a pull would bring the weights before they are measured.
        environment = world.environment_for(place) | {"GIT_LFS_SKIP_SMUDGE": "1"}
        project = Project(folder, weights, place, environment, world)
        git_repository(world, folder)
        project.run(
            [GIT, "init", "-q", "--bare", "-b", "main", place.path],
            [GIT, "remote", "add", "origin", f"file://{place.path}"],
            [GIT, "lfs", "install", "--local"],
            [GIT, "lfs", "track", weights],
        )
        commit_all(project)
        return project

    def add(self, project: Project) -> Commands:
        return [[GIT, "add", project.weights]]

    def commit(self, project: Project) -> None:
        commit_all(project)

    def push(self, _project: Project) -> Commands:
        return [[GIT, "push", "-q", "origin", "main"]]

    def lose(self, project: Project) -> None:
        project.file.unlink()
        # Git leaves the pointer where the weights were (see `start`), as in a fresh clone.
        project.run([GIT, "checkout", "-q", "--", project.weights])

    def checkout(self, project: Project) -> Commands:
        return [[GIT, "lfs", "checkout", project.weights]]

    def clone(self, project: Project, folder: Path) -> Project:
        cloned = git_clone(project, folder)
        cloned.run(
            [GIT, "remote", "set-url", "origin", f"file://{project.place.path}"],
            [GIT, "lfs", "install", "--local"],
        )
        return cloned

    def update(self, clone: Project) -> None:
        clone.run([GIT, "pull", "-q", "origin", "main"])

    def fetch(self, _clone: Project) -> Commands:
        return [[GIT, "lfs", "pull"]]
