"""Many clones train, commit and push at once, and follow the hints: every number keeps its meaning.

The long form (8 clones, 16 models, 4 rounds, on a folder and on SeaweedFS) runs with
GITMODEL_TESTS_LONG=1; GITMODEL_TESTS_SEED chooses another course.
"""

from __future__ import annotations

import os
import random
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

import gitmodel
from gitmodel.domain.digest import digest_of
from gitmodel.domain.reference import Reference
from gitmodel.project.context import Context
from gitmodel.project.history.model_history import history_of
from gitmodel.project.history.version_owners import content_of
from gitmodel.project.project import Project
from gitmodel.project.references import resolve
from gitmodel.store.claims import list_claims, read_claim
from tests.stories.conftest import start_team

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stories.conftest import Team
    from tests.support.repo import Repo

LONG = bool(os.environ.get("GITMODEL_TESTS_LONG"))
SEED = int(os.environ.get("GITMODEL_TESTS_SEED", "12"))
CLONES, MODELS, ROUNDS = (8, 16, 4) if LONG else (3, 3, 2)
MOST_TRIES = 40 * CLONES  # of one push; each refusal means that another one got through
NAMES = [f"m{number}" for number in range(MODELS)]


@dataclass
class Person:
    """One clone, and what its owner has trained: contents by digest."""

    repo: Repo
    dice: random.Random
    made: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    refused: int = 0

    def work(self) -> None:
        """Train, commit and push, a few times."""
        for step in range(ROUNDS):
            for name in NAMES:
                weights = self.dice.randbytes(self.dice.randint(200, 2000))
                self.made[digest_of(weights).hex] = name, weights
                self.repo.write(f"{name}.bin", weights)
            self.repo.write(f"{self.repo.path.name}.txt", f"{step}")
            self.repo.git("add", f"{self.repo.path.name}.txt")
            self.repo.git("commit", "-qam", f"{self.repo.path.name} {step}")
            self._push()

    def _push(self) -> None:
        for _ in range(MOST_TRIES):
            done = self.repo.git("push", "-q", "origin", "main", check=False)
            if done.returncode == 0:
                return
            self.refused += 1
            hint = re.search(
                r"hint: gitmodel (renumber [a-z0-9 -]*--commit), then git push", done.stderr
            )
            if hint is not None:
                self.repo.gitmodel(*hint[1].split())
            else:
                assert "rejected]" in done.stderr, done.stderr  # another push was first
                self._merge()
        raise AssertionError(f"{self.repo.path.name} was refused {MOST_TRIES} times")

    def _merge(self) -> None:
        done = self.repo.git("pull", "-q", "--no-rebase", "--no-edit", check=False)
        if done.returncode:
            conflicts = self.repo.git("diff", "--name-only", "--diff-filter=U").stdout.split()
            assert conflicts, done.stderr
            for path in conflicts:
                side = self.dice.choice(["--ours", "--theirs"])
                self.repo.gitmodel("resolve", path.removesuffix(".model.yaml"), side)
            self.repo.git("commit", "-q", "--no-edit")
        self.repo.gitmodel("checkout")


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder: this module builds teams of its own."""
    return tmp_path_factory.mktemp("numbers")


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def team(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """A team on a folder, in the long form also on SeaweedFS."""
    if request.param == "folder":
        return start_team(tmp_path, str(tmp_path / "store"))
    if not LONG:
        pytest.skip("GITMODEL_TESTS_LONG=1 runs it")
    server = request.getfixturevalue("s3_server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return start_team(tmp_path, f"{server.new_place()}/models")


def test_every_content_by_digest_and_every_number_by_number_in_every_clone(
    team: Team, tmp_path: Path
) -> None:
    ana = team.members["ana"]
    dice = random.Random(SEED)  # noqa: S311 - a course that can be repeated
    for name in NAMES:
        ana.write(f"{name}.bin", dice.randbytes(500))
        ana.gitmodel("add", f"{name}.bin")
    ana.git("commit", "-qm", "first versions")
    ana.git("push", "-q")
    people = [Person(team.join(f"p{n}"), random.Random(SEED + n)) for n in range(CLONES)]  # noqa: S311

    with ThreadPoolExecutor(CLONES) as threads:
        for job in [threads.submit(person.work) for person in people]:
            job.result()

    made = {digest: pair for person in people for digest, pair in person.made.items()}
    claims = claimed(ana)
    assert len(made) == CLONES * MODELS * ROUNDS
    assert {claims[name, number] for name, number in claims} >= set(made)
    fresh = team.join("fresh")
    for repo in [*(person.repo for person in people), fresh]:
        repo.git("pull", "-q", "--no-rebase", "--no-edit")
        check_numbers(repo, claims, made, dice)
    for digest, (name, weights) in made.items():
        with gitmodel.open(f"{name}@blake3:{digest}", repo=fresh.path) as stream:
            assert stream.read() == weights
    for (name, number), digest in dice.sample(sorted(claims.items()), 2 * CLONES):
        if digest in made:
            fresh.gitmodel(
                "get", str(team.server.path), f"{name}@{number}", "--out", "got", "--force"
            )
            assert fresh.read(f"got/{name}.bin") == made[digest][1]


def claimed(repo: Repo) -> dict[tuple[str, int], str]:
    """The digest that owns each number, as the remote says."""
    with opened(repo) as project:
        store, name = project.store(), project.config.project
        found = {pair: read_claim(store, name, *pair) for pair in list_claims(store, name)}
    return {pair: claim.digest.hex for pair, claim in found.items() if claim is not None}


def check_numbers(
    repo: Repo,
    claims: dict[tuple[str, int], str],
    made: dict[str, tuple[str, bytes]],
    dice: random.Random,
) -> None:
    """Each number means its claim, and each content is found by digest, with a number it owns.

    By the history of each model, read once, and some of them as references.
    """
    with opened(repo) as project:
        histories = {name: history_of(project, name) for name in NAMES}
        for (name, number), owner in claims.items():
            assert content_of(project, name, number, histories[name].naming) == owner
        for digest, (name, _) in made.items():
            (found,) = histories[name].with_prefix(digest)
            assert claims[name, found.pointer.version] == digest
        for (name, number), owner in dice.sample(sorted(claims.items()), min(32, len(claims))):
            for reference in (f"{name}@{number}", f"{name}@blake3:{owner}"):
                pointer = resolve(project, Reference.parse(reference)).pointer
                assert (pointer.version, pointer.digest.hex) == (number, owner), repo.path.name


def opened(repo: Repo) -> Project:
    return Project.open(Context(environment=os.environ, folder=str(repo.path)))
