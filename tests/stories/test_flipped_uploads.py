"""A bit of an upload changes on its way: the push notices, or what arrived verifies all the same.

A proxy that flips bits of bodies stands between gitmodel and a real server, over plain http: no TLS
notices before. Every round pushes one new version and flips a bit of one or of several of its uploads;
byte, bit and upload are drawn from a seed, which a failure shows. Headers stay as they are: all but a few
are signed, and a flipped one is refused. gitmodel never uploads in parts.

With GITMODEL_TESTS_LONG=1 at least 200 bits are flipped for each store, otherwise about 10.
"""

from __future__ import annotations

import json
import os
import random
import threading
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from gitmodel.backends.open import open_backend
from gitmodel.backends.open_options import OpenOptions
from gitmodel.domain.config.remote import Remote
from gitmodel.domain.digest import Digest, digest_of
from gitmodel.encoding.manifest.manifest import Manifest
from gitmodel.store.claims import Claim
from gitmodel.store.objects import Marker
from tests.stories.conftest import Team, start_team
from tests.support.faults import Fault, Kind, Proxy, Request, bad_network, never
from tests.support.forked import Forks, Ran

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.repo import Repo

LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
FLIPS = 200 if LONG else 6
MOST_ROUNDS = 2 * FLIPS
LIMIT = 64 * 2**20
# One pack, and two: what is small takes another way than what is large.
SIZES = (200_000, 200_000, 1_500_000, 9_000_000)


class Flips:
    """A rule that flips a bit of some uploads.

    Args:
        seed: Equal seeds, equal flips (as far as the order of requests is equal).
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - the same flips each time
        self._first = self._random.randrange(5)  # which upload of the push
        # Mostly one, else every second upload, whatever is tried again included.
        self._rate = self._random.choice((0.0, 0.0, 0.0, 0.5))
        self._lock = threading.Lock()
        self._uploads = 0
        self.flipped: list[str] = []

    def __call__(self, request: Request) -> Fault | None:
        if request.method != "PUT":
            return None
        with self._lock:
            number = self._uploads
            self._uploads += 1
            if number != self._first and self._random.random() >= self._rate:
                return None
            self.flipped.append(request.path)
            after, bit = self._random.randrange(1 << 24), self._random.randrange(8)
            return Fault(Kind.FLIP_UPLOAD, after=after, bit=bit)


@dataclass
class World:
    """A team whose uploads pass the proxy."""

    team: Team
    ana: Repo
    network: Proxy
    forks: Forks
    through: dict[str, str]

    def register(self, seed: int, size: int) -> None:
        self.ana.write("fraud.bin", random.Random(seed).randbytes(size))  # noqa: S311
        self.ana.gitmodel("add", "fraud.bin")
        self.ana.git("add", "-A")
        self.ana.git("commit", "-qm", f"version {seed}", "--no-verify")

    def push(self) -> Ran:
        return self.forks.run(self.ana.path, "push", env=self.through, patient=False)


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks("gitmodel.backends.s3.s3fs", "gitmodel.backends.azure.adlfs") as running:
        yield running


@pytest.fixture(
    params=[
        pytest.param("s3", marks=pytest.mark.s3),
        pytest.param("azure", marks=pytest.mark.azure),
    ]
)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forks: Forks
) -> Iterator[World]:
    server = request.getfixturevalue(f"{request.param}_server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    team = start_team(tmp_path / "team", f"{server.new_place()}/models")
    with bad_network(server.endpoint) as network:
        through = {
            name: value.replace(f"http://{network.upstream}", network.url)
            for name, value in server.environment.items()
            if network.upstream in value
        }
        yield World(team, team.members["ana"], network, forks, through)


def test_no_push_that_succeeds_leaves_an_object_that_was_flipped(world: World) -> None:
    flipped: list[str] = []
    refused = 0
    for seed in range(MOST_ROUNDS):
        world.register(seed, SIZES[seed % len(SIZES)])
        rule = Flips(seed)
        world.network.use(rule)
        done = world.push()
        world.network.use(never)

        flipped += rule.flipped
        print(f"seed {seed}: exit {done.code}, flipped {rule.flipped}")  # noqa: T201
        assert "Traceback" not in done.err, done.err
        if done.code:
            refused += 1
            assert "changed on its way" in done.err or "arrived" in done.err, done.err
            assert "hint: " in done.err
            continue  # the next round pushes this version too
        every_object_is_sound(world)
        if seed % 5 == 0 or LONG:
            a_fresh_clone_verifies(world, seed)
        if len(flipped) >= FLIPS:
            break
    assert len(flipped) >= FLIPS
    assert refused <= len(flipped) // 4  # what is flipped now and then is sent again
    done = world.push()
    assert done.code == 0, done.err
    every_object_is_sound(world)
    a_fresh_clone_verifies(world, MOST_ROUNDS)


def test_doctor_finds_out_what_the_server_compares_and_a_push_need_not(world: World) -> None:
    done = world.forks.run(world.ana.path, "doctor", env=world.through)
    assert ", compares " in done.out
    assert "MD5 of uploads" in done.out
    world.network.use(never)
    world.register(1, 200_000)

    assert world.push().code == 0

    assert [path for _, path in world.network.asked if "/gc/probes/" in path] == []


def a_fresh_clone_verifies(world: World, number: int) -> None:
    world.ana.git("push", "-q", "--no-verify", "origin", "main")
    clone = world.team.join(f"fresh{number}")
    for name in world.through:  # not through the proxy
        assert world.network.url not in os.environ[name]
    done = world.forks.run(clone.path, "verify", "--full")
    assert done.code == 0, done.out + done.err


def every_object_is_sound(world: World) -> None:
    """Each object on the remote is what its name says, or what this clone wrote."""
    ours = {blob_version(text): text for text in history(world.ana)}
    for key, data in objects(world.team.url).items():
        name = key.rpartition("/")[2]
        match key.partition("/")[0]:
            case "packs":
                assert digest_of(data).hex == name, key
            case "manifests":
                Manifest.from_bytes(data, expected=Digest.from_hex(name))
            case "versions":
                claim = Claim.from_text(data, what=key)
                assert f'digest: "{claim.digest}"' in ours[claim.version], key
            case "gitmodel.json":
                Marker.from_bytes(data, url=key)
            case _:
                assert json.loads(data)["format"] == 1, key


def history(repo: Repo) -> list[str]:
    commits = repo.git("log", "--format=%H", "--", "fraud.model.yaml").stdout.split()
    return [repo.git("show", f"{commit}:fraud.model.yaml").stdout for commit in commits]


def blob_version(text: str) -> int:
    return next(int(line[9:]) for line in text.splitlines() if line.startswith("version: "))


def objects(url: str) -> dict[str, bytes]:
    remote = Remote.from_value(url, where="test")
    with closing(open_backend(remote, OpenOptions(trusted=True))) as backend:
        return {info.key: backend.read(info.key, limit=LIMIT) for info in backend.list("")}
