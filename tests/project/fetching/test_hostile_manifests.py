"""Somebody who can write to the bucket puts other manifests and packs there: no door hands out a wrong byte.

A door gives the bytes that were committed, or an error that names the model. `GITMODEL_TESTS_LONG=1` tries
every attack at every door.
"""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import zstandard
from blake3 import blake3

from gitmodel.errors import GitmodelError
from tests.support.attacks import ATTACKS
from tests.support.desk import new_desk
from tests.support.doors import DOORS, Registry, file_of, folder_of
from tests.support.models import write_folder
from tests.support.stores import flip

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.attacks import Attack
    from tests.support.doors import Door

# A damaged pack is fetched again, with a warning; here only the bytes count.
pytestmark = [
    pytest.mark.filterwarnings("ignore::gitmodel.GitmodelWarning"),
    pytest.mark.slow,
]
LONG = os.environ.get("GITMODEL_TESTS_LONG") == "1"
WHERE = ("remote", "cache", "both")


def build(folder: Path, *, stated: bool) -> Registry:
    """Two versions, pushed; by a gitmodel that states chunks in pointers, or by one that does not."""
    ana = new_desk(folder / "ana", store=folder / "store")
    for seed in (1, 2):
        ana.repo.write("net.safetensors", file_of(seed))
        write_folder(folder_of(seed), ana.repo.path / "bert")
        for weights in ("net.safetensors", "bert"):
            pointer = f"{ana.add(weights).name}.model.yaml"
            if not stated:
                ana.repo.write(pointer, replace(ana.pointer(pointer), chunks=None).to_text())
        ana.repo.git("add", "-A")
        ana.repo.commit(f"versions {seed}")
        ana.push()
    shutil.copytree(ana.store, folder / "kept")
    return Registry(ana, ana.join("ben"), folder / "work")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Registry]:
    return {
        stated: build(tmp_path_factory.mktemp("registry"), stated=stated)
        for stated in (True, False)
    }


@pytest.fixture(params=[True, False], ids=["stated", "older"])
def registry(built: dict[bool, Registry], request: pytest.FixtureRequest) -> Registry:
    """A registry as it was built, and nothing in Ben's caches."""
    registry = built[request.param]
    registry.put_back()
    registry.forget()
    return registry


def handed_out(door: Door, registry: Registry) -> GitmodelError | None:
    """Go through a door: every byte is right, or there is an error, which is returned."""
    error = None
    try:
        for found, right in door(registry):
            assert found == right, "wrong bytes were handed out"
    except GitmodelError as caught:
        error = caught
    if error is not None:
        assert str(error).startswith(("net: ", "bert: ")), str(error)
        assert error.hint, str(error)
    return error


def trials() -> list[tuple[Attack, Door, str]]:
    """Every attack at every door, in every place; or some of them, with each attack and door."""
    if LONG:
        return [(attack, door, where) for attack in ATTACKS for door in DOORS for where in WHERE]
    draw = random.Random(11)  # noqa: S311 - which tests run
    doors = DOORS * len(ATTACKS)
    return [
        (attack, doors[2 * number + offset], draw.choice(WHERE))
        for number, attack in enumerate(ATTACKS)
        for offset in (0, 1)
    ]


@pytest.mark.parametrize(
    ("attack", "door", "where"),
    trials(),
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_replaced_manifest_gives_the_right_bytes_or_an_error(
    registry: Registry, attack: Attack, door: Door, where: str
) -> None:
    """And when the remote is as it was, the right bytes come, whatever the cache has kept."""
    for reference, raw in zip(("net@1", "bert@1"), attack(registry), strict=True):
        if where != "cache":
            registry.replace(reference, raw)
        if where != "remote":
            registry.cached(reference, raw)

    error = handed_out(door, registry)

    if where == "cache":
        assert error is None
    registry.put_back()
    assert handed_out(door, registry) is None


def test_every_door_gives_the_right_bytes_where_nobody_attacks(registry: Registry) -> None:
    for door in DOORS:
        registry.forget()
        assert handed_out(door, registry) is None
        assert handed_out(door, registry) is None


def flips() -> list[tuple[int, Door, str]]:
    """Seeds of flipped bits, each with a door and the place of the pack."""
    draw = random.Random(12)  # noqa: S311 - which tests run
    return [
        (seed, door, draw.choice(WHERE))
        for seed in range(50 if LONG else 6)
        for door in (DOORS if LONG else [DOORS[seed % len(DOORS)]])
    ]


@pytest.mark.parametrize(("seed", "door", "where"), flips())
def test_flipped_bits_of_a_pack_give_the_right_bytes_or_an_error(
    registry: Registry, seed: int, door: Door, where: str
) -> None:
    """One bit in every pack, whose names stay; a pack damaged in the cache alone is had anew."""
    draw = random.Random(seed)  # noqa: S311 - test data
    caches = (registry.ben.repo.path / ".git/gitmodel", registry.work / "weights")
    if where != "remote":
        for cache in caches:
            shutil.copytree(registry.store / "packs", cache / "packs")
            shutil.copytree(registry.store / "manifests", cache / "manifests")
    for pack in sorted((registry.store / "packs").glob("*/*")):
        position, bit = draw.randrange(pack.stat().st_size), 1 << draw.randrange(8)
        copies = [cache / pack.relative_to(registry.store) for cache in caches]
        for copy in [pack] * (where != "cache") + copies * (where != "remote"):
            flip(copy, position, bit)

    error = handed_out(door, registry)

    if where == "cache":
        assert error is None
    registry.put_back()
    assert handed_out(door, registry) is None


def test_bytes_of_a_manifest_that_somebody_changed_and_sealed_give_right_bytes_or_an_error(
    registry: Registry,
) -> None:
    draw = random.Random(13)  # noqa: S311 - test data
    raws = {name: registry.raw_manifest(name) for name in ("net@1", "bert@1")}
    for _ in range(3000 if LONG else 30):
        registry.forget()
        for name, raw in raws.items():
            content = bytearray(zstandard.ZstdDecompressor().decompress(raw[36:]))
            for _ in range(draw.choice([1, 1, 2, 5])):
                at = draw.randrange(len(content))
                content[at] = draw.choice([content[at] ^ 1 << draw.randrange(8), 0, 255])
            frame = zstandard.ZstdCompressor().compress(bytes(content))
            registry.replace(name, b"gmm1" + blake3(frame).digest() + frame)

        handed_out(draw.choice([*DOORS[:4], *DOORS[-3:]]), registry)
