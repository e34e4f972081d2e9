"""git-annex with a special remote: a directory, or S3. The weights stay locked (symbolic links)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.benchmarks.installed import NotInstalledError, on_path
from tests.benchmarks.tools.tool import NOTHING, commit_all, git_clone, git_repository
from tests.benchmarks.world import Project
from tests.support.repo import GIT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.world import Commands, Place, PlaceKind, World

REMOTE = "store"


class GitAnnex:
    """See `tools.tool.Tool`."""

    name = "git-annex"

    def lacks(self, _kind: PlaceKind) -> str:
        try:
            on_path("git-annex")
        except NotInstalledError as error:
            return str(error)
        return ""

    def start(self, world: World, folder: Path, place: Place, weights: str) -> Project:
        project = Project(folder, weights, place, world.environment_for(place), world)
        git_repository(world, folder)
        commit_all(project)
        project.run(
            [GIT, "config", "annex.security.allowed-ip-addresses", "127.0.0.1"],  # of the S3 server
            [GIT, "annex", "init", "-q", "origin"],
            [GIT, "annex", "initremote", "-q", REMOTE, "encryption=none", *_options(place)],
        )
        return project

    def add(self, project: Project) -> Commands:
        return [[GIT, "annex", "add", "-q", project.weights]]

    def commit(self, project: Project) -> None:
        commit_all(project)

    def push(self, project: Project) -> Commands:
        return [[GIT, "annex", "copy", "-q", "--to", REMOTE, project.weights]]

    def lose(self, project: Project) -> None:
        """Nothing: the link leads into the cache."""

    def checkout(self, _project: Project) -> Commands:
        return NOTHING

    def clone(self, project: Project, folder: Path) -> Project:
        cloned = git_clone(project, folder)
        place = project.place
        enable = [f"directory={place.path}"] if place.kind == "folder" else []
        cloned.run(
            [GIT, "config", "annex.security.allowed-ip-addresses", "127.0.0.1"],
            [GIT, "annex", "init", "-q", "clone"],
            [GIT, "annex", "enableremote", "-q", REMOTE, *enable],
        )
        return cloned

    def update(self, clone: Project) -> None:
        clone.run([GIT, "pull", "-q"], [GIT, "annex", "merge", "-q"])

    def fetch(self, clone: Project) -> Commands:
        return [[GIT, "annex", "get", "-q", "--from", REMOTE, clone.weights]]


def _options(place: Place) -> list[str]:
    if place.kind == "folder":
        return ["type=directory", f"directory={place.path}"]
    address = urlsplit(place.endpoint)
    return [
        "type=S3",
        f"host={address.hostname}",
        f"port={address.port}",
        "protocol=http",
        "requeststyle=path",
        "signature=v2",
        f"bucket={place.path}",
    ]
