"""On every kind of remote: no alias reaches a Git server, or passes CI, without the version that it means."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.digest import digest_of
from gitmodel.domain.pointer import Pointer
from tests.support.models import model

if TYPE_CHECKING:
    from collections.abc import Callable

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


def digest_nowhere(repo: Repo) -> Alias:
    return Alias(
        name="fraud",
        alias="production",
        version=9,
        digest=digest_of(b"nowhere"),
        size=7,
    )


def number_of_another_version(repo: Repo) -> Alias:
    from dataclasses import replace

    return replace(Alias.of("production", pointer(repo)), version=1)


def version_that_is_not_on_the_primary(repo: Repo) -> Alias:
    register(repo, THREE)
    repo.git("push", "-q", "--no-verify")
    shutil.rmtree(repo.path / ".git/gitmodel")  # nobody has the weights any more
    (repo.path / "fraud.safetensors").unlink()
    return Alias.of("production", pointer(repo))


def test_aliases_that_mean_no_version_are_refused_by_push_and_by_verify(
    team_anywhere: Team,
) -> None:
    ana = team_anywhere.members["ana"]
    register(ana, ONE)
    register(ana, TWO)
    ana.git("push", "-q")
    kinds: list[tuple[Callable[[Repo], Alias], str]] = [
        (digest_nowhere, "and no commit has such a version"),
        (number_of_another_version, "but these weights are version 2"),
        (version_that_is_not_on_the_primary, "whose weights are not on"),
    ]
    for make, words in kinds:
        alias = make(ana)
        before = ana.git("rev-parse", "HEAD").stdout.strip()
        ana.write(PATH, alias.to_text())
        ana.git("add", PATH)
        ana.git("commit", "-qm", "bogus", "--no-verify")

        pushed = ana.git("push", "-q", check=False)
        checked = ana.gitmodel("verify", "--refs", "HEAD~1..HEAD", check=False)

        assert pushed.returncode == 1, make
        assert f"fraud@production means version {alias.version}" in pushed.stderr
        assert words in pushed.stderr
        assert "hint: gitmodel promote fraud@" in pushed.stderr
        assert checked.returncode == 1
        assert words in checked.stdout + checked.stderr
        on_server = team_anywhere.server.git("rev-parse", "main").stdout.strip()
        assert on_server == before
        ana.git("reset", "-q", "--hard", before)


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
