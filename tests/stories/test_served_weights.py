"""On every kind of remote: a clone of depth 1 gets exactly the weights that an alias means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.pointer import Pointer
from tests.support.models import model

if TYPE_CHECKING:
    from tests.stories.conftest import Team
    from tests.support.repo import Repo

pytestmark = pytest.mark.slow

PATH = "fraud.production.alias.yaml"
ONE, TWO, THREE = (model(seed=seed) for seed in (1, 2, 3))


def register(repo: Repo, weights: bytes) -> None:
    repo.write("fraud.safetensors", weights)
    repo.gitmodel("add", "fraud.safetensors", "-m", "fraud")


def pointer(repo: Repo, revision: str = "HEAD") -> Pointer:
    raw = repo.git("show", f"{revision}:fraud.model.yaml").stdout.encode()
    return Pointer.from_text(raw, what="fraud.model.yaml")


def test_an_alias_and_its_version_in_one_push_pass(team_anywhere: Team) -> None:
    ana = team_anywhere.members["ana"]
    register(ana, ONE)
    ana.git("push", "-q")
    register(ana, TWO)
    ana.write(PATH, Alias.of("production", pointer(ana)).to_text())
    ana.git("add", PATH)
    ana.git("commit", "-qm", "promote")

    ana.git("push", "-q")
    ana.gitmodel("promote", "fraud@1", "staging", "--commit")
    ana.git("push", "-q")

    assert "fine" in ana.gitmodel("verify", "--refs", "HEAD").stdout
    ben = team_anywhere.server.clone(team_anywhere.folder / "ben", "--depth", "1")
    ben.gitmodel("install")
    ben.gitmodel("checkout", "fraud@staging", "--out", "serving")
    ben.gitmodel("checkout", "fraud@production")
    assert ben.read("serving/fraud.safetensors") == ONE
    assert ben.read("fraud.safetensors") == TWO
