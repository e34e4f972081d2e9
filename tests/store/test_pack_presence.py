"""What a remote has is seen, by size or by bytes, and each pack is looked at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.cache.cache import Cache
from gitmodel.cache.transfer import push_packs
from gitmodel.project.context import Silent
from gitmodel.store.layout import pack_key
from gitmodel.store.objects import ObjectStore
from gitmodel.store.pack_presence import Presence
from tests.support.stores import WrappedBackend, flip, plan_of, remote_at, some_bytes, store_bytes

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20


class Shop:
    """A remote with four packs, and what was asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "remote"
        cache = Cache(str(folder / "cache"))
        manifest = store_bytes(cache, some_bytes(26 * MIB), folder)
        plan = plan_of([manifest])
        remote = remote_at(self.folder)
        push_packs(cache, remote, plan, progress=Silent())
        self.packs = list(plan.packs)
        self.backend = WrappedBackend(remote.backend)
        self.store = ObjectStore(self.backend)

    def path(self, number: int) -> Path:
        return self.folder / pack_key(self.packs[number][0])

    def damage(self) -> None:
        """The first pack is missing, the second too short, the third has a bit flipped."""
        self.path(0).unlink()
        self.path(1).write_bytes(self.path(1).read_bytes()[:-1])
        flip(self.path(2), 1000)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_sizes_show_what_is_missing_or_cut_short_and_not_what_is_flipped(shop: Shop) -> None:
    shop.damage()
    presence = Presence(shop.store)

    presence.look(shop.packs)

    assert [presence.has(pack) for pack in shop.packs] == [False, False, True, True]
    size = shop.packs[1][1]
    assert [presence.fault(pack) for pack in shop.packs[:3]] == [
        "is missing",
        f"has {size - 1:,} bytes instead of {size:,}",
        "",
    ]
    assert presence.damaged == []
    assert {method for method, _ in shop.backend.calls} == {"size"}


def test_bytes_show_everything(shop: Shop) -> None:
    shop.damage()
    presence = Presence(shop.store, full=True)

    presence.look(shop.packs)

    assert [presence.has(pack) for pack in shop.packs] == [False, False, False, True]
    assert presence.damaged == [shop.packs[2][0]]
    assert presence.bytes_read == shop.packs[3][1]


def test_of_a_suspect_the_size_proves_nothing(shop: Shop) -> None:
    flip(shop.path(0), 1000)
    presence = Presence(shop.store, suspects=[shop.packs[0][0], shop.packs[1][0]])

    presence.look(shop.packs)

    assert [presence.has(pack) for pack in shop.packs] == [False, True, True, True]
    read = {key for method, key in shop.backend.calls if method == "read"}
    assert read == {pack_key(name) for name, _ in shop.packs[:2]}


def test_a_pack_is_looked_at_once_and_one_that_was_sent_not_at_all(shop: Shop) -> None:
    presence = Presence(shop.store)
    presence.arrived(shop.packs[:1])
    presence.look(shop.packs[:3])
    presence.look(shop.packs[:3] * 2)

    assert len(shop.backend.calls) == 2
    assert presence.seen == 3
    assert not presence.has(shop.packs[3]), "what was not looked at was not seen"


def test_the_same_name_with_another_size_is_another_question(shop: Shop) -> None:
    """Two manifests that contradict each other about a pack cannot both be right."""
    name, size = shop.packs[0]
    presence = Presence(shop.store)
    presence.look([(name, size), (name, size + 1)])

    assert (presence.has((name, size)), presence.has((name, size + 1))) == (True, False)
