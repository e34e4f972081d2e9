"""Every kind of object on the remote, damaged in every way, met by every command in every kind of clone.

Promised: a push that introduces a version leaves everything there that the version relies on; a push of
code passes; nobody ever gets a wrong byte; and from the clone that has the bytes, the commands that are
named end with everything readable. With GITMODEL_TESTS_LONG=1 all rows are run, otherwise some.
"""

from __future__ import annotations

import itertools
import os
import random
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support.damage import (
    CLONES,
    DAMAGES,
    KINDS,
    WEIGHTS,
    Kept,
    Said,
    World,
    build,
    damage,
    push,
    run,
    weights,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.repo import Repo
    from tests.support.servers import S3Server

LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
OF_VERSION_2 = {"newest", "shared", "base", "manifest"}  # what the version at HEAD relies on
ACTIONS = ("push_version", "push_code", "push", "verify", "checkout")


class Row(NamedTuple):
    """What is damaged, how, and who does what then."""

    kind: str
    how: str
    clone: str
    action: str


ALL = [Row(*row) for row in itertools.product(KINDS, DAMAGES, CLONES, ACTIONS)]


def some_rows() -> list[Row]:
    """Each kind with each damage, and each clone with each action, at least once."""
    chance = random.Random(12)  # noqa: S311 - which rows are tested
    rows = [
        Row(kind, how, chance.choice(CLONES), chance.choice(ACTIONS))
        for kind, how in itertools.product(KINDS, DAMAGES)
    ]
    seen = {(row.clone, row.action) for row in rows}
    for clone, action in itertools.product(CLONES, ACTIONS):
        if (clone, action) not in seen:
            rows.append(Row(chance.choice(KINDS[:5]), chance.choice(DAMAGES), clone, action))
    return rows


@pytest.fixture(scope="module")
def kept() -> list[Kept]:
    """Built by the first test; a fixture of the module would not have the home of a test."""
    return []


@pytest.fixture
def world(kept: list[Kept], tmp_path_factory: pytest.TempPathFactory) -> World:
    if not kept:
        kept.append(Kept(tmp_path_factory.mktemp("damage")))
    return kept[0].restored()


class Case:
    """One row, and what became of it."""

    def __init__(self, world: World, row: Row) -> None:
        self.world = world
        self.row = row
        key, other = world.keys()[row.kind]
        path = world.store / key
        size = path.stat().st_size
        damage(path, world.store / other, row.how)
        self.path = path
        self.is_visible = not path.exists() or path.stat().st_size != size
        self.repo = world.clone(row.clone)
        self.full = world.clone("full")
        self.first = self.full.git("rev-list", "--max-parents=0", "HEAD").stdout.strip()

    @property
    def spoils_version_2(self) -> bool:
        """Whether sizes and small objects show that the version at HEAD is incomplete."""
        if self.row.kind == "manifest":
            return True
        return self.row.kind in OF_VERSION_2 and self.is_visible

    def push_version(self) -> Said:
        self.repo.write(WEIGHTS, weights(3))
        added = run(self.repo, "add", WEIGHTS, "-m", "fraud 3")
        assert added.code == 0, added
        said = push(self.repo)
        assert said.code == 0, said
        assert self.world.sizes_are_right(3)
        if self.row.clone == "fresh" or self.is_visible or self.row.kind not in ("shared", "base"):
            assert self.world.read(3) == "right"
        return said

    def push_code(self) -> Said:
        self.repo.write("code.py", "x = 2\n")
        self.repo.git("commit", "-qam", "code")
        said = push(self.repo)
        assert said.code == 0, said
        if self.row.clone == "fresh" and self.spoils_version_2:
            assert "fraud@2: incomplete on the remote: " in said.err
        if self.row.clone == "newest":  # this clone had to look, and has what is missing
            assert self.world.sizes_are_right(2)
        return said

    def push(self) -> Said:
        said = run(self.repo, "push")
        refused = self.row.clone == "fresh" and self.spoils_version_2
        assert said.code == int(refused), said
        if self.row.kind == "old" and self.is_visible and self.row.clone != "full":
            assert "fraud@1" in said.out + said.err
            assert "all whole" not in said.out
        if "all whole" in said.out:
            assert self.world.sizes_are_right(1)
            assert self.world.sizes_are_right(2)
        return said

    def verify(self) -> Said:
        said = run(self.repo, "verify", "--remote", "primary")
        assert said.code == int(self.spoils_version_2), said
        if said.code == 0:
            assert "compared by size" in said.out
        full = run(self.repo, "verify", "--remote", "primary", "--full")
        assert full.code == int(self.row.kind in OF_VERSION_2), full
        return full

    def checkout(self) -> Said:
        if self.row.clone != "fresh":
            (self.repo.path / WEIGHTS).unlink()
        said = run(self.repo, "checkout")
        fails = self.row.clone == "fresh" and self.row.kind in OF_VERSION_2
        assert said.code == int(fails), said
        here = self.repo.path / WEIGHTS
        assert here.exists() is not fails
        assert fails or here.read_bytes() == weights(2)
        return said

    def mend(self, said: Said) -> None:
        """From the clone that has the bytes: what was named, and what the commands name that prove."""
        if self.row.action.startswith("push_") and self.row.clone != "full":
            self.full.git("pull", "-q", "--rebase")
        proof = ["verify", "--refs", f"{self.first}..HEAD", "--full"]
        for command in [*said.hints, proof, *([["doctor"]] if self.row.kind == "marker" else [])]:
            answer = run(self.full, *command)
            for hint in answer.hints if answer.code else ():
                run(self.full, *hint)
        answer = run(self.full, *proof)
        assert answer.code == 0, answer


@pytest.mark.parametrize("row", ALL if LONG else some_rows(), ids="-".join)
def test_a_damaged_remote(row: Row, world: World) -> None:
    case = Case(world, row)
    actions: dict[str, Callable[[], Said]] = {
        "push_version": case.push_version,
        "push_code": case.push_code,
        "push": case.push,
        "verify": case.verify,
        "checkout": case.checkout,
    }

    said = actions[row.action]()

    assert "Traceback" not in said.err
    assert "wrong" not in [world.read(number) for number in (1, 2, 3)]
    case.mend(said)
    numbers = (1, 2, 3) if row.action == "push_version" else (1, 2)
    assert [world.read(number) for number in numbers] == ["right"] * len(numbers)


def test_a_clone_names_what_it_cannot_bring_to_another_remote(world: World) -> None:
    """It has the newest version alone; the hint brings the others from where they are."""
    newest = world.clone("newest")
    other = world.folder / "other"
    assert run(newest, "remote", "add", "--replace", str(other)).code == 0
    newest.git("commit", "-qm", "another remote")
    assert push(newest).code == 0

    said = run(newest, "push")

    assert said.code == 0
    assert "fraud@1: the weights of version 1" in said.err
    assert f"gitmodel remote copy --from {world.store} --to primary" in said.err
    assert "looked at 2 versions" in said.out
    assert "1 whole; this clone cannot repair: fraud@1" in said.out
    assert "fraud@1: incomplete on the remote" in said.err + push_code(newest).err
    copied = run(newest, "remote", "copy", "--from", str(world.store), "--to", "primary")
    assert copied.code == 0, copied
    assert "all whole" in run(newest, "push").out


def test_an_explicit_push_says_how_it_looked(world: World) -> None:
    full = world.clone("full")

    assert "looked at 2 versions" in run(full, "push").out
    assert "6 packs compared by size: all whole" in run(full, "push").out
    assert "6 packs read: all whole" in run(full, "push", "--full").out


def test_a_version_upon_a_hole_that_nobody_here_can_fill_is_refused(world: World) -> None:
    """The clone lost what it had of the base; what it would push could not be read by anybody."""
    newest = world.clone("newest")
    newest.write(WEIGHTS, weights(3))
    assert run(newest, "add", WEIGHTS, "-m", "fraud 3").code == 0
    key, _ = world.keys()["base"]
    for store in (world.store, newest.path / ".git/gitmodel"):
        (store / key).unlink()
    (newest.path / WEIGHTS).unlink()
    before = world.server.head("main")

    said = push(newest)

    assert said.code != 0
    assert f"needs pack {key[-64:][:12]}, which is missing on {world.store}" in said.err
    assert "also needed by fraud@2" in said.err
    assert "gitmodel push, in a clone that has the weights" in said.err
    assert world.server.head("main") == before
    assert run(world.clone("full"), "push").code == 0
    assert push(newest).code == 0
    assert world.read(3) == "right"


def push_code(repo: Repo) -> Said:
    """Commit and push something that is no model."""
    repo.write("code.py", f"x = {os.urandom(4).hex()!r}\n")
    repo.git("commit", "-qam", "code")
    return push(repo)


@pytest.mark.s3
def test_damage_in_a_bucket_is_mended_by_the_push_that_meets_it(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One world, damaged again and again; the author pushes a new version, or looks explicitly."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    bucket = s3_server.new_bucket()
    world = World(tmp_path)
    build(tmp_path, f"{bucket}/models")
    full, name, client = world.clone("full"), bucket.removeprefix("s3://"), s3_server.client
    keys = {
        kind: f"models/{pair[0]}" for kind, pair in world.keys().items() if kind in OF_VERSION_2
    }
    first = full.git("rev-list", "--max-parents=0", "HEAD").stdout.strip()
    for number, (kind, how) in enumerate(itertools.product(keys, ("missing", "truncated")), 3):
        if how == "missing":
            client.delete_object(Bucket=name, Key=keys[kind])
        else:
            client.put_object(Bucket=name, Key=keys[kind], Body=b"short")
        if number % 2:
            assert run(full, "verify", "--refs", f"{first}..HEAD").code == 1
            assert run(full, "push").code == 0
        else:
            full.write(WEIGHTS, weights(number))
            assert run(full, "add", WEIGHTS, "-m", f"fraud {number}").code == 0
            assert push(full).code == 0
            assert run(full, "push").code == 0
        said = run(full, "verify", "--refs", f"{first}..HEAD", "--full")
        assert said.code == 0, said
