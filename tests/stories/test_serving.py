"""Who serves what: each job of serving is one command.

With DVC and GTO the roll-back of production is three steps, in a clone or with an option that overwrites.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.git_server import git_server
from tests.support.models import model
from tests.support.repo import Repo

if TYPE_CHECKING:
    from tests.stories.conftest import Team

pytestmark = pytest.mark.slow

WEIGHTS = "fraud.safetensors"
PATH = "fraud.production.alias.yaml"


@pytest.fixture
def served(fraud: Repo) -> Repo:
    """Ana's clone; production means version 2, and meant version 1 before. All is pushed."""
    fraud.write(WEIGHTS, model(seed=2))
    fraud.write("metrics.json", '{"auc": 0.95}')
    fraud.git("commit", "-qam", "fraud 2")
    fraud.git("push", "-q")
    for number in (1, 2):
        fraud.gitmodel("promote", f"fraud@{number}", "production", "--commit")
    fraud.git("push", "-q")
    return fraud


def consumer_beside(team: Team) -> Repo:
    """A folder without a repository."""
    folder = team.folder / "consumer"
    folder.mkdir()
    return Repo(folder)


def test_rolling_back_production_is_one_command(served: Repo, team: Team) -> None:
    said = served.gitmodel("rollback", "fraud", "production", "--commit").stdout

    assert said.splitlines()[:3] == [
        "fraud@production: v2 -> v1",
        "metric  v2    v1   change",
        "auc     0.95  0.9  -0.05",
    ]
    assert served.git("status", "--porcelain").stdout == ""
    served.git("push", "-q")
    consumer = consumer_beside(team)
    consumer.gitmodel("get", str(team.server.path), "fraud@production", "--out", "serving")
    assert consumer.read(f"serving/{WEIGHTS}") == model(seed=1)


def test_rolling_back_by_review_is_one_command(served: Repo, team: Team) -> None:
    served.git("remote", "set-head", "origin", "main")

    said = served.gitmodel("rollback", "fraud", "production", "--pr").stdout

    assert "pushed rollback/fraud-production-v1, for main\n" in said
    team.server.git("update-ref", "refs/heads/main", "refs/heads/rollback/fraud-production-v1")
    consumer = consumer_beside(team)
    consumer.gitmodel("get", str(team.server.path), "fraud@production", "--out", "serving")
    assert consumer.read(f"serving/{WEIGHTS}") == model(seed=1)


@pytest.mark.parametrize("filters", ["true", "false"])
def test_fetching_production_is_one_command(filters: str, served: Repo, team: Team) -> None:
    """Without a clone, from a server with and without partial clones: size and metrics are shown."""
    assert served.read(PATH)
    team.server.git("config", "uploadpack.allowFilter", filters)
    consumer = consumer_beside(team)

    with git_server(team.folder) as server:
        said = consumer.gitmodel(
            *("get", server.url("server.git"), "fraud@production", "--out", "serving"),
            *("--trust", team.url),
        ).stdout

    place = consumer.path / "serving" / WEIGHTS
    assert place.read_bytes() == model(seed=2)
    size = f"{place.stat().st_size / 1000:.1f} kB"
    assert said.splitlines()[0].split("  ") == ["fraud", "v2", size, str(place), "auc=0.95"]


def test_after_a_roll_back_the_same_command_fetches_what_serves_now(
    served: Repo, team: Team
) -> None:
    consumer = consumer_beside(team)
    command = ("get", str(team.server.path), "fraud@production", "--out", "serving", "--force")
    consumer.gitmodel(*command)
    served.gitmodel("rollback", "fraud", "production", "--commit")
    served.git("push", "-q")

    consumer.gitmodel(*command)

    assert consumer.read(f"serving/{WEIGHTS}") == model(seed=1)
