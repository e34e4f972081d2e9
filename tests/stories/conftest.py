"""The world of the stories: a team with a Git server, a place for weights, and their clones."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.support.job import new_server
from tests.support.kept import Kept
from tests.support.models import model
from tests.support.operations import World, restored_world
from tests.support.repo import Repo

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Team:
    """People who share a Git server and a remote for weights.

    Attributes:
        folder: Where their clones are.
        server: The bare repository.
        url: Where weights go.
    """

    folder: Path
    server: Repo
    url: str
    members: dict[str, Repo] = field(default_factory=dict)

    def join(self, name: str, *, set_up: bool = True) -> Repo:
        """A clone of one's own; `gitmodel init` in it picks up what is committed."""
        clone = self.server.clone(self.folder / name)
        clone.git("config", "user.name", name.capitalize())
        clone.git("config", "user.email", f"{name}@example.org")
        self.members[name] = clone
        if set_up:
            clone.gitmodel("init")
        return clone


def version(repo: Repo, pointer: str = "fraud.model.yaml") -> int:
    """The version that a pointer of the work tree says."""
    return version_in(repo.read(pointer).decode())


def version_in(text: str) -> int:
    """The version that the text of a pointer says."""
    found = re.search(r"^version: ([0-9]+)$", text, re.MULTILINE)
    assert found is not None, text
    return int(found[1])


def start_team(folder: Path, url: str) -> Team:
    """A server, and Ana, who has set up the repository and pushed that."""
    server = Repo.create(folder / "server.git", "--bare")
    team = Team(folder, server, url)
    ana = Repo.create(folder / "ana")
    ana.git("remote", "add", "origin", str(server.path))
    ana.write("README.md", "models\n")
    ana.git("add", ".")
    ana.gitmodel("init", url)
    ana.git("commit", "-qm", "set up")
    ana.git("push", "-q", "-u", "origin", "main")
    team.members["ana"] = ana
    return team


def build_team(folder: Path) -> Repo:
    """A team whose weights go to a folder; returns Ana's clone, to be kept."""
    return start_team(folder, str(folder / "store")).members["ana"]


def kept_team(folder: Path, ana: Repo, *others: str) -> Team:
    """The team that `build_team` made, and who joined it since."""
    members = {"ana": ana} | {name: ana.beside(name) for name in others}
    return Team(folder, Repo(folder / "server.git"), str(folder / "store"), members)


def build_fraud(folder: Path) -> Repo:
    """The same, and Ana has registered, committed and pushed a first version of `fraud.safetensors`."""
    ana = build_team(folder)
    ana.write("fraud.safetensors", model(seed=1))
    ana.write("metrics.json", '{"auc": 0.9}')
    ana.gitmodel("add", "fraud.safetensors", "--metrics", "metrics.json")
    ana.git("add", "metrics.json")
    ana.git("commit", "-qm", "fraud 1")
    ana.git("push", "-q", "origin", "main")
    return ana


_TEAM, _FRAUD = Kept(build_team), Kept(build_fraud)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of the test, with the team in it if the test uses `team`."""
    if "fraud" in request.fixturenames:
        return _FRAUD.folder_for(request, "fraud", tmp_path)
    return _TEAM.folder_for(request, "team", tmp_path)


@pytest.fixture
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Team:
    """A team whose weights go to a folder."""
    kept = _FRAUD if "fraud" in request.fixturenames else _TEAM
    return kept_team(tmp_path, kept.repo())


@pytest.fixture
def fraud(team: Team) -> Repo:
    """Ana's clone, in which a first version of `fraud.safetensors` is committed and pushed."""
    return team.members["ana"]


@pytest.fixture(
    params=[
        "folder",
        pytest.param("s3", marks=pytest.mark.s3),
        pytest.param("azure", marks=pytest.mark.azure),
    ]
)
def team_anywhere(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Team:
    """The same team with each kind of remote: a folder, S3 (SeaweedFS) and Azure Blob (Azurite)."""
    if request.param == "folder":
        return start_team(tmp_path, str(tmp_path / "store"))
    server = request.getfixturevalue(f"{request.param}_server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return start_team(tmp_path, f"{server.new_place()}/models")


@pytest.fixture
def server(tmp_path: Path) -> Repo:
    """A bare repository to push to."""
    return new_server(tmp_path)


@pytest.fixture
def ana(tmp_path: Path, server: Repo) -> Repo:
    """Ana's repository, empty, with the server as its `origin`."""
    ana = Repo.create(tmp_path / "ana")
    ana.git("remote", "add", "origin", server.path.as_uri())
    return ana


LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
# Tests of operations that also run with the switch `--fsmonitor` in the short form.
WITH_THE_SWITCH = frozenset(
    {
        "test_after_commit_path_of_the_pointer_the_index_is_right",
        "test_after_commit_path_of_an_edited_pointer_the_index_is_right",
        "test_of_nothing_but_weights_the_same_command_again_is_the_commit",
        "test_a_refused_commit_changes_neither_index_nor_weights",
        "test_an_edit_stop_of_a_rebase_makes_no_version_of_stale_weights",
        "test_new_weights_under_a_pointer_that_git_moved_are_a_choice",
        "test_a_version_that_is_stashed_is_not_lost_and_comes_back",
        "test_weights_follow_a_bisection",
    }
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of operations with the switch as well: all of them in the long form."""
    operations = metafunc.module.__name__.rpartition(".")[2].startswith("test_operations_")
    if operations and (LONG or metafunc.function.__name__ in WITH_THE_SWITCH):
        metafunc.parametrize("switch", [False, True], indirect=True, ids=["hooks", "switch"])


@pytest.fixture(autouse=True)
def switch(request: pytest.FixtureRequest, home: Path) -> bool:
    """Whether everybody has the switch `--fsmonitor`: their own configuration asks for it."""
    on = bool(getattr(request, "param", False))
    if on:
        with (home / "gitconfig").open("a", encoding="utf-8") as config:
            config.write("[gitmodel]\n\tfsmonitor = true\n")
    return on


@pytest.fixture
def world(switch: bool, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The small world of the tests of Git operations, as it was built."""
    return restored_world(tmp_path_factory, switch=switch)
