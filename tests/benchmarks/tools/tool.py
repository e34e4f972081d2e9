"""What a benchmark asks of a tool: the same job in each one's own commands.

Methods that return commands are measured by the caller; the others do their work at once and are
never measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tests.support.repo import GIT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.world import Commands, Place, PlaceKind, Project, World

NOTHING: Commands = ()  # the tool has no such step


class Tool(Protocol):
    """One way to version a file of weights."""

    @property
    def name(self) -> str:
        """For the table and for `--against`."""

    def lacks(self, kind: PlaceKind) -> str:
        """Why it cannot work with a kind of place on this machine; empty if it can."""

    def start(self, world: World, folder: Path, place: Place, weights: str) -> Project:
        """Set up a repository that pushes to a place."""

    def add(self, project: Project) -> Commands:
        """Take in the weights that lie in the work tree."""

    def commit(self, project: Project) -> None:
        """Commit what `add` has left, and give it to those who clone."""

    def push(self, project: Project) -> Commands:
        """Send the committed weights to the place."""

    def lose(self, project: Project) -> None:
        """Delete the weights from the work tree, not from the cache."""

    def checkout(self, project: Project) -> Commands:
        """Bring the lost weights back from the cache."""

    def clone(self, project: Project, folder: Path) -> Project:
        """Clone the repository, without weights."""

    def update(self, clone: Project) -> None:
        """Bring the newest commit, without weights."""

    def fetch(self, clone: Project) -> Commands:
        """Bring the weights of the clone's commit from the place into cache and work tree."""


def git_repository(world: World, folder: Path) -> None:
    """Make an empty repository."""
    folder.mkdir(parents=True)
    world.run([[GIT, "init", "-q", "-b", "main"]], folder=folder)


def commit_all(project: Project) -> None:
    """Commit everything that Git sees."""
    project.run([GIT, "add", "-A"], [GIT, "commit", "-q", "--allow-empty", "-m", "weights"])


def git_clone(project: Project, folder: Path) -> Project:
    """Clone a project; the place and the environment stay the same."""
    command = [GIT, "clone", "-q", project.folder.as_uri(), str(folder)]
    project.run(command)
    return type(project)(folder, project.weights, project.place, project.environment, project.world)
