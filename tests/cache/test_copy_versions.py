"""Copying versions between stores: complete before visible, holes and damage named, the rest copied."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.cache.cache import Cache
from gitmodel.cache.copy_versions import VersionCopy
from gitmodel.cache.transfer import push_packs
from gitmodel.errors import NoSpaceError, ObjectMissingError, RemoteUnreachableError
from gitmodel.project.context import Silent
from gitmodel.store.layout import manifest_key, pack_key
from gitmodel.store.objects import ObjectStore
from gitmodel.store.push_intents import NO_SWEEP, Sweep
from tests.support.stores import (
    WrappedBackend,
    files_below,
    flip,
    object_paths,
    plan_of,
    remote_at,
    some_bytes,
    store_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.errors import GitmodelError


class World:
    """Two versions that share chunks, on a source; an empty target and an empty cache."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.author = Cache(str(top / "author"))
        self.cache = Cache(str(top / "cache"))
        self.source, self.target = remote_at(top / "source"), remote_at(top / "target")
        first = some_bytes(3_000_000, 1)
        self.one = store_bytes(self.author, first, top)
        self.two = store_bytes(self.author, first + some_bytes(500_000, 2), top, reuse=[self.one])
        self.alone = store_bytes(self.author, some_bytes(400_000, 3), top)
        self.all = [self.one, self.two, self.alone]
        self.publish(self.source, self.all)

    def publish(self, store: ObjectStore, manifests: list[Manifest]) -> None:
        push_packs(self.author, store, plan_of(manifests), progress=Silent())
        for manifest in manifests:
            store.create_manifest(manifest)

    def copied(
        self,
        sweep: Sweep = NO_SWEEP,
        *,
        source: ObjectStore | None = None,
        target: ObjectStore | None = None,
        cache: Cache | None = None,
    ) -> VersionCopy:
        copy = VersionCopy(
            source or self.source,
            target or self.target,
            cache or self.cache,
            progress=Silent(),
        )
        copy.plan(manifest.digest for manifest in self.all)
        copy.look(sweep)
        copy.send()
        return copy

    def is_whole(self, manifest: Manifest) -> bool:
        """Whether the target has a version, by a manifest that it can be read with."""
        found = self.target.manifest(manifest.digest)
        if found is None:
            return False
        for name, size in zip(found.packs, found.pack_sizes, strict=True):
            self.target.pack(name, size)
        return True


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.author.close()
    made.cache.close()


def own_pack(manifest: Manifest, *others: Manifest) -> str:
    return min(set(manifest.packs) - {name for other in others for name in other.packs})


def test_a_copy_sends_each_pack_once_and_nothing_when_it_is_repeated(world: World) -> None:
    first = world.copied()
    again = world.copied()

    packs = {name for manifest in world.all for name in manifest.packs}
    assert first.count.packs == len(packs)
    assert not first.failed
    assert all(world.is_whole(manifest) for manifest in world.all)
    assert again.count.packs == 0
    assert again.present == {manifest.digest for manifest in world.all}
    found = files_below(world.top / "target")
    assert found == [f for f in files_below(world.top / "source") if f in found]


def test_a_manifest_is_written_after_all_its_packs(world: World) -> None:
    backend = WrappedBackend(world.target.backend)

    def check(method: str, key: str) -> None:
        if method == "create" and key.startswith("manifests/"):
            (manifest,) = (m for m in world.all if manifest_key(m.digest) == key)
            assert all(world.target.pack_size(name) for name in manifest.packs)

    backend.before = check
    copy = world.copied(target=ObjectStore(backend))

    assert not copy.failed
    assert ("create", manifest_key(world.one.digest)) in backend.calls


@pytest.mark.parametrize("damage", ["flipped", "short", "missing"])
def test_a_damaged_pack_fails_its_versions_alone(world: World, damage: str) -> None:
    path = world.top / "source" / pack_key(own_pack(world.two, world.one))
    if damage == "flipped":
        flip(path, 100)
    elif damage == "short":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()

    copy = world.copied()

    assert list(copy.failed) == [world.two.digest]
    assert world.is_whole(world.one)
    assert world.is_whole(world.alone)
    assert world.target.manifest(world.two.digest) is None
    assert world.target.pack_size(path.name) is None

    healed = world.copied(cache=world.author)
    assert not healed.failed
    assert healed.count.from_cache == 1
    assert world.is_whole(world.two)


def test_a_manifest_that_the_source_lost_comes_from_the_cache(world: World) -> None:
    for manifest in (world.one, world.alone):
        (world.top / "source" / manifest_key(manifest.digest)).unlink()
    flip(world.top / "source" / manifest_key(world.two.digest), 50)
    assert len(world.copied().failed) == 3

    copy = world.copied(cache=world.author)

    assert not copy.failed
    assert copy.count.from_cache == 0
    assert all(world.is_whole(manifest) for manifest in world.all)


def test_packs_of_the_cache_serve_where_those_of_the_source_are_lost(world: World) -> None:
    """The same content, stored once more in other packs."""
    again = Cache(str(world.top / "again"))
    other = store_bytes(again, some_bytes(3_000_000, 1) + some_bytes(500_000, 2), world.top)
    assert other.digest == world.two.digest
    assert set(other.packs) != set(world.two.packs)
    (world.top / "source" / pack_key(own_pack(world.two, world.one))).unlink()
    dry = VersionCopy(world.source, world.target, again, progress=Silent())
    dry.plan(manifest.digest for manifest in world.all)
    dry.look(NO_SWEEP)
    dry.look_at_source()

    copy = world.copied(cache=again)

    assert not copy.failed
    assert world.is_whole(world.two)
    assert not dry.failed
    wanted = {*world.one.packs, *world.alone.packs, *other.packs}
    assert {name for name, _ in dry.missing} == wanted
    assert copy.count.packs == len(wanted)


def test_a_hole_below_a_manifest_of_the_target_is_filled(world: World) -> None:
    world.publish(world.target, world.all)
    (world.top / "target" / pack_key(world.alone.packs[0])).unlink()

    copy = world.copied()

    assert copy.present == {world.one.digest, world.two.digest}
    assert copy.count.packs == 1
    assert world.is_whole(world.alone)


def test_a_manifest_of_the_target_that_nobody_can_complete_is_replaced(world: World) -> None:
    again = Cache(str(world.top / "again"))
    other = store_bytes(again, some_bytes(3_000_000, 1) + some_bytes(500_000, 2), world.top)
    world.target.create_manifest(other)

    copy = world.copied()

    assert not copy.failed
    assert world.is_whole(world.two)


def test_a_damaged_manifest_of_the_target_is_replaced(world: World) -> None:
    world.publish(world.target, world.all)
    flip(world.top / "target" / manifest_key(world.one.digest), 50)

    copy = world.copied()

    assert not copy.failed
    assert copy.count.packs == 0
    assert world.is_whole(world.one)


def test_what_is_about_to_be_deleted_on_the_target_is_sent_again(world: World) -> None:
    world.publish(world.target, world.all)
    backend = WrappedBackend(world.target.backend)
    doomed = Sweep(
        "1", frozenset({world.alone.digest.hex}), frozenset({*world.alone.packs, *world.one.packs})
    )

    copy = world.copied(doomed, target=ObjectStore(backend))

    assert copy.present == set()
    written = {key for method, key in backend.calls if method == "write"}
    assert {pack_key(name) for name in (*world.alone.packs, *world.one.packs)} <= written
    assert manifest_key(world.alone.digest) in written


def test_a_manifest_that_lies_about_a_size_fails_alone(world: World) -> None:
    path, *_ = object_paths(world.top / "source", world.alone)
    sizes = world.one.pack_sizes[:]
    lying = replace(world.one, pack_sizes=sizes)
    lying.pack_sizes[0] += 1
    object_paths(world.top / "source", world.one)[0].write_bytes(lying.to_bytes())

    copy = world.copied()

    assert list(copy.failed) == [world.one.digest]
    assert world.is_whole(world.two)
    assert world.is_whole(world.alone)
    assert path.exists()


@pytest.mark.parametrize(
    "error", [RemoteUnreachableError("no answer"), NoSpaceError("the disk is full")]
)
def test_a_failure_of_the_whole_store_ends_the_copy(world: World, error: GitmodelError) -> None:
    backend = WrappedBackend(world.target.backend)

    def fail(method: str, key: str) -> None:
        if method == "write" and key.startswith("packs/"):
            raise error

    backend.before = fail
    with pytest.raises(type(error)):
        world.copied(target=ObjectStore(backend))

    assert not [name for name in files_below(world.top / "target") if "manifests" in name]


def test_a_dry_look_finds_what_a_copy_would_miss(world: World) -> None:
    path = world.top / "source" / pack_key(own_pack(world.two, world.one))
    path.unlink()
    copy = VersionCopy(world.source, world.target, world.cache, progress=Silent())
    copy.plan(manifest.digest for manifest in world.all)
    copy.look(NO_SWEEP)
    copy.look_at_source()

    assert list(copy.failed) == [world.two.digest]
    assert isinstance(copy.failed[world.two.digest], ObjectMissingError)
    assert {name for name, _ in copy.missing} == {*world.one.packs, *world.alone.packs}
    assert files_below(world.top / "target") == []
