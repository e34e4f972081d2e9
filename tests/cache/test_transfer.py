"""Moving packs: each once, checked on both sides, and going on where it stopped."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from gitmodel.cache.cache import Cache
from gitmodel.cache.reader import DamagedPackError
from gitmodel.cache.transfer import PackDownload, Plan, fetch_packs, plan_fetch, push_packs
from gitmodel.errors import (
    DamagedObjectError,
    GitmodelError,
    ObjectMissingError,
    RemoteUnreachableError,
)
from gitmodel.project.context import Silent
from gitmodel.store.layout import pack_key
from gitmodel.store.objects import ObjectStore
from gitmodel.store.parallel import PACKS_IN_FLIGHT, for_each
from tests.support.stores import (
    WrappedBackend,
    dying_at,
    files_below,
    flip,
    plan_of,
    remote_at,
    restored,
    some_bytes,
    store_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitmodel.encoding.manifest.manifest import Manifest

MIB = 2**20
QUIET = Silent()


class World:
    """A cache that has weights of three packs, an empty one, and a remote in a folder."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.content = some_bytes(20 * MIB)
        self.cache = Cache(str(top / "cache"))
        self.other = Cache(str(top / "other"))
        self.remote = remote_at(top / "remote")
        self.manifest = store_bytes(self.cache, self.content, top)

    def push(self, remote: ObjectStore | None = None, manifest: Manifest | None = None) -> None:
        plan = plan_of([manifest or self.manifest])
        push_packs(self.cache, remote or self.remote, plan, progress=QUIET)

    def fetch(self, remote: ObjectStore | None = None) -> None:
        plan = plan_fetch(self.other, [self.manifest])
        fetch_packs(remote or self.remote, self.other, plan, progress=QUIET)

    def wrapped(self, remote: ObjectStore | None = None) -> tuple[ObjectStore, WrappedBackend]:
        backend = WrappedBackend((remote or self.remote).backend)
        return ObjectStore(backend), backend


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.cache.close()
    made.other.close()


def test_what_is_pushed_and_fetched_is_what_was_stored(world: World) -> None:
    world.push()
    world.fetch()

    assert world.other.missing_packs(world.manifest) == []
    assert restored(world.other, world.manifest, world.top) == {"": world.content}


def test_a_plan_moves_each_pack_once(world: World) -> None:
    second = store_bytes(world.cache, world.content + b"more", world.top, [world.manifest])
    both = [world.manifest, second, world.manifest]
    fetch, push = plan_fetch(world.other, both), plan_of(both)

    assert len({name for name, _ in fetch.packs}) == len(fetch.packs) == 4
    assert set(push.packs) == set(fetch.packs)
    assert push.total_bytes == sum(size for _, size in push.packs)


def test_what_has_arrived_is_read_while_the_rest_is_on_its_way(world: World) -> None:
    world.push()
    plan = plan_fetch(world.other, [world.manifest])
    first, last = plan.packs[0][0], plan.packs[-1][0]
    read = threading.Event()

    def fetch(name: str, size: int) -> bytes:
        if name == last:
            assert read.wait(timeout=60)
        return world.remote.pack(name, size)

    with PackDownload(fetch, world.other, plan, progress=QUIET) as arriving:
        early = arriving.read_at(first, 0, 9)
        read.set()
        late = memoryview(bytearray(5))
        assert arriving.read_into(last, 4, [late[:2], late[2:]]) == 5
        arriving.wait()

    assert early == world.cache.read_at(first, 0, 9)
    assert bytes(late) == world.cache.read_at(last, 4, 5)


def test_who_waits_for_a_pack_that_fails_is_told_why(world: World) -> None:
    world.push()
    plan = plan_fetch(world.other, [world.manifest])
    missing = plan.packs[1][0]
    (world.top / "remote" / pack_key(missing)).unlink()

    with PackDownload(world.remote.pack, world.other, plan, progress=QUIET) as arriving:
        for read in (lambda: arriving.read_at(missing, 0, 1), arriving.wait):
            with pytest.raises(ObjectMissingError) as caught:
                read()
            assert missing[:12] in caught.value.message


def test_what_has_not_begun_when_it_ends_is_not_fetched(world: World) -> None:
    plan = Plan(tuple((f"{number:064x}", 1) for number in range(50 * PACKS_IN_FLIGHT)))
    begun: list[str] = []
    known: list[PackDownload] = []
    ready = threading.Event()

    def fetch(name: str, _size: int) -> bytes:
        begun.append(name)
        assert ready.wait(timeout=60)
        while not known[0]._threads._shutdown:
            threading.Event().wait(0.001)
        return b"x"

    with PackDownload(fetch, world.other, plan, progress=QUIET) as arriving:
        known.append(arriving)
        ready.set()

    assert len(begun) < len(plan.packs)


def test_what_is_there_is_not_in_the_plan(world: World) -> None:
    assert plan_fetch(world.cache, [world.manifest]).packs == ()
    names = world.manifest.packs
    plan = plan_of([world.manifest], present=[names[0], "ff" * 32])

    assert [name for name, _ in plan.packs] == list(names[1:])


def test_an_empty_plan_asks_for_nothing(world: World) -> None:
    remote, backend = world.wrapped()
    fetch_packs(remote, world.other, Plan(()), progress=QUIET)
    push_packs(world.cache, remote, Plan(()), progress=QUIET)

    assert backend.calls == []


def test_a_damaged_pack_in_the_cache_is_never_uploaded(world: World) -> None:
    flip(world.top / "cache" / pack_key(world.manifest.packs[1]), 5)

    with pytest.raises(DamagedPackError) as caught:
        world.push()
    assert caught.value.pack == world.manifest.packs[1]
    assert world.remote.pack_size(world.manifest.packs[1]) is None


def test_a_pack_missing_in_the_cache_is_missing(world: World) -> None:
    (world.top / "cache" / pack_key(world.manifest.packs[1])).unlink()

    with pytest.raises(ObjectMissingError):
        world.push()


@pytest.mark.parametrize("damage", ["flip", "cut", "lengthen", "swap", "empty"])
def test_a_damaged_pack_on_the_remote_never_gets_into_the_cache(world: World, damage: str) -> None:
    world.push()
    paths = [world.top / "remote" / pack_key(name) for name in world.manifest.packs]
    raw = paths[1].read_bytes()
    if damage == "flip":
        flip(paths[1], len(raw) // 2)
    else:
        other = {
            "cut": raw[:-1],
            "lengthen": raw + b"x",
            "swap": paths[0].read_bytes(),
            "empty": b"",
        }
        paths[1].write_bytes(other[damage])

    with pytest.raises(DamagedObjectError) as caught:
        world.fetch()
    assert world.manifest.packs[1][:12] in caught.value.message
    assert not world.other.has_pack(world.manifest.packs[1], len(raw))
    assert not any(".gitmodel-tmp" in path for path in files_below(world.top / "other"))
    paths[1].write_bytes(raw)
    world.fetch()
    assert restored(world.other, world.manifest, world.top) == {"": world.content}


def test_a_missing_pack_on_the_remote_is_missing(world: World) -> None:
    world.push()
    world.remote.backend.delete(pack_key(world.manifest.packs[2]))

    with pytest.raises(ObjectMissingError):
        world.fetch()


def test_a_pack_is_read_a_second_time_before_damage_is_believed(world: World) -> None:
    """A byte that flipped on the way is not a byte that flipped on the disk."""
    world.push()
    name = world.manifest.packs[0]
    path = world.top / "remote" / pack_key(name)
    flip(path, -1)
    remote, backend = world.wrapped()
    asked = 0

    def mend(method: str, key: str) -> None:
        nonlocal asked
        if key != pack_key(name):  # of another thread
            return
        asked += 1
        if asked == 2:
            flip(path, -1)
            asked += 1

    backend.before = mend
    world.fetch(remote)

    assert asked == 3
    assert restored(world.other, world.manifest, world.top) == {"": world.content}


def test_an_interrupted_fetch_goes_on_where_it_stopped(world: World) -> None:
    world.push()
    remote, backend = world.wrapped()
    lost = pack_key(world.manifest.packs[-1])

    def lose(_method: str, key: str) -> None:
        if key == lost:
            raise RemoteUnreachableError("no answer")

    backend.before = lose
    with pytest.raises(RemoteUnreachableError):
        world.fetch(remote)
    remote, backend = world.wrapped()
    world.fetch(remote)

    assert ("read", lost) in backend.calls
    assert len(backend.calls) <= len(world.manifest.packs)
    assert restored(world.other, world.manifest, world.top) == {"": world.content}


def test_an_interrupted_push_goes_on_where_it_stopped(world: World) -> None:
    remote, backend = world.wrapped()
    backend.before = dying_at(3)
    arrived: list[str] = []
    plan = plan_of([world.manifest])
    with pytest.raises(RemoteUnreachableError):
        push_packs(world.cache, remote, plan, progress=QUIET, arrived=arrived.append)
    rest = plan_of([world.manifest], present=arrived)

    assert len(arrived) == 2
    assert {name for name, _ in rest.packs} == set(world.manifest.packs) - set(arrived)
    push_packs(world.cache, world.remote, rest, progress=QUIET)
    world.fetch()
    assert restored(world.other, world.manifest, world.top) == {"": world.content}


def test_a_remote_that_loses_what_was_sent_is_found_out(world: World) -> None:
    remote, backend = world.wrapped()
    lost = pack_key(world.manifest.packs[0])

    def lose(method: str, key: str) -> None:
        if method == "size" and key == lost:
            backend.inner.delete(key)

    backend.before = lose
    with pytest.raises(DamagedObjectError) as caught:
        world.push(remote)
    assert "nothing arrived" in caught.value.message
    assert "https" in str(caught.value.hint)


def test_a_remote_that_keeps_only_half_is_found_out(world: World) -> None:
    remote, backend = world.wrapped()
    path = world.top / "remote" / pack_key(world.manifest.packs[0])

    def halve(method: str, key: str) -> None:
        if method == "size" and key == pack_key(world.manifest.packs[0]):
            path.write_bytes(path.read_bytes()[:1000])

    backend.before = halve
    with pytest.raises(DamagedObjectError, match="1,000 bytes of its"):
        world.push(remote)


def test_a_damaged_pack_on_the_remote_is_replaced_by_pushing(world: World) -> None:
    """git-lfs leaves it there for ever (its issue 2435)."""
    world.push()
    flip(world.top / "remote" / pack_key(world.manifest.packs[0]), -1)
    world.push()
    world.fetch()

    assert restored(world.other, world.manifest, world.top) == {"": world.content}


def test_the_first_error_stops_the_rest() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 3:
            raise ObjectMissingError("gone")
        done.append(number)

    with pytest.raises(ObjectMissingError):
        for_each(work, range(1000))
    assert len(done) <= 3 + 2 * PACKS_IN_FLIGHT


def test_few_things_run_at_once_and_all_are_done() -> None:
    lock = threading.Lock()
    running = most = 0
    done: set[int] = set()

    def work(number: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1
            done.add(number)

    for_each(work, range(500))

    assert done == set(range(500))
    assert most <= PACKS_IN_FLIGHT


def test_two_clones_may_push_the_same_at_once(world: World) -> None:
    failed: list[GitmodelError] = []

    def push() -> None:
        try:
            world.push(remote_at(world.top / "remote"))
        except GitmodelError as error:
            failed.append(error)

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.fetch()

    assert failed == []
    assert restored(world.other, world.manifest, world.top) == {"": world.content}


def test_progress_adds_up_to_the_plan(world: World) -> None:
    class Counting(Silent):
        def __init__(self) -> None:
            self.total = 0
            self.lock = threading.Lock()

        def advance(self, done_bytes: int) -> None:
            with self.lock:
                self.total += done_bytes

    progress = Counting()
    plan = plan_of([world.manifest])
    push_packs(world.cache, world.remote, plan, progress=progress)

    assert progress.total == plan.total_bytes
