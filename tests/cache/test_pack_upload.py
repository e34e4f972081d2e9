"""A pack that changes on its way is noticed as the setting asks for, and sent again."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from gitmodel.backends.folder import FolderBackend
from gitmodel.cache.pack_upload import SAMPLE_OF, SENDS, Sender
from gitmodel.domain.config.clone import VerifyUploads
from gitmodel.domain.digest import digest_of
from gitmodel.errors import DamagedObjectError
from gitmodel.store.layout import pack_key
from gitmodel.store.objects import ObjectStore
from tests.support.stores import WrappedBackend, some_bytes

if TYPE_CHECKING:
    from pathlib import Path

DATA = some_bytes(3000)
NAME = digest_of(DATA).hex


class Careless(WrappedBackend):
    """Stores a flipped bit so many times, and says whether somebody compared a checksum."""

    def __init__(self, folder: Path, *, flips: int = 0, checked: bool = False) -> None:
        super().__init__(FolderBackend(str(folder), create_root=True))
        self.flips = flips
        self.checked = checked

    def write(self, key: str, data: bytes | memoryview) -> bool:
        if self.flips:
            self.flips -= 1
            data = bytes([data[0] ^ 4, *data[1:]])
        super().write(key, data)
        return self.checked

    def count(self, method: str) -> int:
        return sum(1 for called, _ in self.calls if called == method)


@pytest.mark.parametrize(
    ("verify", "checked", "expected"),
    [
        (VerifyUploads.NEVER, False, 0),
        (VerifyUploads.NEVER, True, 0),
        (VerifyUploads.SAMPLE, True, 0),
        (VerifyUploads.UNCHECKED, False, 1),
        (VerifyUploads.UNCHECKED, True, 0),
        (VerifyUploads.ALL, False, 1),
        (VerifyUploads.ALL, True, 1),
    ],
)
def test_a_pack_is_read_back_as_the_setting_says(
    tmp_path: Path, verify: VerifyUploads, *, checked: bool, expected: int
) -> None:
    backend = Careless(tmp_path, checked=checked)

    Sender(ObjectStore(backend), verify).send(NAME, DATA)

    assert backend.count("read_back") == expected
    assert backend.count("size") == 1 - expected  # one look in any case


def test_by_default_what_nobody_compared_is_read_back(tmp_path: Path) -> None:
    backend = Careless(tmp_path, flips=1)

    Sender(ObjectStore(backend)).send(NAME, DATA)

    assert backend.read(pack_key(NAME), limit=len(DATA)) == DATA
    assert backend.count("write") == 2


def test_a_pack_that_changes_each_time_is_refused(tmp_path: Path) -> None:
    backend = Careless(tmp_path, flips=100)

    with pytest.raises(DamagedObjectError) as caught:
        Sender(ObjectStore(backend)).send(NAME, DATA)

    assert NAME[:12] in caught.value.message
    assert "other bytes arrived" in caught.value.message
    assert "https" in str(caught.value.hint)
    assert backend.count("write") == SENDS


def test_a_sample_holds_the_first_pack_and_one_in_eight(tmp_path: Path) -> None:
    backend = Careless(tmp_path)
    draws = itertools.cycle(number / SAMPLE_OF for number in range(SAMPLE_OF))
    sender = Sender(ObjectStore(backend), VerifyUploads.SAMPLE, fraction=lambda: next(draws))

    for _ in range(1 + 2 * SAMPLE_OF):
        sender.send(NAME, DATA)

    assert backend.count("read_back") == 1 + 2


def test_a_folder_is_read_back_where_all_is_asked_for(tmp_path: Path) -> None:
    store = ObjectStore(FolderBackend(str(tmp_path / "store"), create_root=True))

    Sender(store, VerifyUploads.ALL).send(NAME, DATA)

    assert store.pack(NAME, len(DATA)) == DATA
