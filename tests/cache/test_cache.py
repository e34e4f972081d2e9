"""The local store: whole objects under their names, whoever shares it, whatever was killed."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from gitmodel.cache.cache import Cache
from gitmodel.domain.digest import digest_of
from gitmodel.encoding.pack import pack_name
from gitmodel.errors import ObjectMissingError, StoreError
from gitmodel.files.temporary_names import PREFIX, new_name
from gitmodel.store.layout import manifest_key, pack_key
from tests.support.stores import files_below, flip, object_paths, restored, some_bytes, store_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def cache(root: Path) -> Iterator[Cache]:
    opened = Cache(str(root))
    yield opened
    opened.close()


def test_looking_into_a_cache_that_is_not_there_makes_nothing(cache: Cache, root: Path) -> None:
    digest = digest_of(b"x")

    assert cache.manifest(digest) is None
    assert not cache.holds(digest)
    assert not cache.has_pack("ab" * 32, 1)
    with pytest.raises(ObjectMissingError):
        cache.read_pack("ab" * 32)
    with pytest.raises(ObjectMissingError):
        cache.read_at("ab" * 32, 0, 1)
    cache.set_aside("ab" * 32)
    cache.sweep_temporary()
    assert files_below(root) == []


def test_a_pack_is_there_only_with_its_size(cache: Cache) -> None:
    cache.write_pack("ab" * 32, memoryview(b"12345"))

    assert cache.has_pack("ab" * 32, 5)
    assert not cache.has_pack("ab" * 32, 4)
    assert cache.read_pack("ab" * 32) == b"12345"
    assert cache.read_at("ab" * 32, 1, 3) == b"234"
    assert cache.read_at("ab" * 32, 3, 10) == b"45"


def test_a_sound_pack_is_told_from_a_damaged_one(cache: Cache, root: Path) -> None:
    data = some_bytes(100)
    name = pack_name(data)
    assert not cache.has_sound_pack(name, 100)
    cache.write_pack(name, data)
    assert cache.has_sound_pack(name, 100)
    flip(root / pack_key(name), 50)

    assert cache.has_pack(name, 100)
    assert not cache.has_sound_pack(name, 100)


def test_content_is_held_only_with_manifest_and_all_packs(
    cache: Cache, root: Path, tmp_path: Path
) -> None:
    manifest = store_bytes(cache, some_bytes(20 * 2**20), tmp_path)
    assert cache.holds(manifest.digest)
    for path in object_paths(root, manifest):
        content = path.read_bytes()
        path.unlink()
        assert not cache.holds(manifest.digest)
        path.write_bytes(content[:-1])
        assert not cache.holds(manifest.digest)
        path.write_bytes(content)

    assert cache.holds(manifest.digest)


def test_a_manifest_under_the_name_of_another_is_not_there(
    cache: Cache, root: Path, tmp_path: Path
) -> None:
    one, two = (store_bytes(cache, some_bytes(10, seed), tmp_path) for seed in (1, 2))
    (root / manifest_key(one.digest)).write_bytes(two.to_bytes())

    assert cache.manifest(one.digest) is None
    assert cache.manifest(two.digest) == two


def test_every_flipped_byte_of_a_manifest_counts_as_not_there_or_changes_nothing(
    cache: Cache, root: Path, tmp_path: Path
) -> None:
    content = some_bytes(1000)
    manifest = store_bytes(cache, content, tmp_path)
    path = root / manifest_key(manifest.digest)
    for position in range(path.stat().st_size):
        flip(path, position, 0x41)
        try:
            found = cache.manifest(manifest.digest)
            if found is not None:
                assert restored(cache, found, tmp_path) == {"": content}
        except StoreError:
            pass  # a later format, or a pack that does not fit
        flip(path, position, 0x41)

    assert cache.manifest(manifest.digest) == manifest


def test_a_replaced_pack_is_read_anew(cache: Cache, root: Path) -> None:
    """A descriptor kept open must not go on showing the damaged bytes."""
    data = some_bytes(100)
    name = pack_name(data)
    cache.write_pack(name, b"x" * 100)
    assert cache.read_at(name, 0, 1) == b"x"
    cache.write_pack(name, data)

    assert cache.read_at(name, 0, 100) == data


def test_a_pack_set_aside_is_kept_but_no_longer_there(cache: Cache, root: Path) -> None:
    cache.write_pack("ab" * 32, b"damaged")
    assert cache.read_at("ab" * 32, 0, 1) == b"d"
    cache.set_aside("ab" * 32)

    assert files_below(root) == [f"bad/{'ab' * 32}"]
    with pytest.raises(ObjectMissingError):
        cache.read_at("ab" * 32, 0, 1)
    cache.write_pack("ab" * 32, b"sound")
    assert cache.read_at("ab" * 32, 0, 10) == b"sound"


def test_a_write_that_fails_leaves_nothing(
    cache: Cache, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_source: str, _target: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.write_pack("ab" * 32, b"all of it")
    assert files_below(root) == []


def test_what_is_replaced_is_whole_at_any_moment(cache: Cache) -> None:
    """Readers see one writer's bytes or another's, while eight write the same name."""
    contents = [bytes([number]) * 200_000 for number in range(8)]
    stop = threading.Event()
    torn: list[int] = []
    cache.write_pack("ab" * 32, contents[0])

    def read() -> None:
        while not stop.is_set():
            if cache.read_pack("ab" * 32) not in contents:
                torn.append(1)

    def write(number: int) -> None:
        for _ in range(20):
            cache.write_pack("ab" * 32, contents[number])

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    reader.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    reader.join()

    assert torn == []


def test_few_descriptors_are_kept_open_and_none_after_closing(cache: Cache) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for number in range(100):
        name = f"{number:064x}"
        cache.write_pack(name, b"x")
        cache.read_at(name, 0, 1)
    during = len(os.listdir("/proc/self/fd"))
    cache.close()
    cache.close()

    assert during - before <= 32
    assert len(os.listdir("/proc/self/fd")) == before


def test_of_another_machine_only_files_older_than_a_day_are_swept(cache: Cache, root: Path) -> None:
    cache.write_pack("ab" * 32, b"x")
    folder = root / "packs/ab"
    old, new = (folder / f"{PREFIX}0123456789abcdef.1-77.88-{name}" for name in ("old", "new"))
    old.write_bytes(b"left by a kill")
    new.write_bytes(b"being written")
    for path in (old, folder / ("ab" * 32)):
        os.utime(path, (time.time() - 90_000,) * 2)
    cache.sweep_temporary()

    assert files_below(root) == sorted([f"packs/ab/{new.name}", f"packs/ab/{'ab' * 32}"])


def test_what_this_process_writes_is_not_swept(cache: Cache, root: Path) -> None:
    cache.write_pack("ab" * 32, b"x")
    path = root / "packs/ab" / new_name()
    path.write_bytes(b"being written")
    os.utime(path, (0, 0))
    cache.sweep_temporary()

    assert path.exists()


def test_only_the_last_damaged_packs_are_kept(cache: Cache, root: Path) -> None:
    for number in range(20):
        cache.write_pack(f"{number:064x}", b"damaged")
        cache.set_aside(f"{number:064x}")

    assert files_below(root) == [f"bad/{number:064x}" for number in range(12, 20)]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing stops root")
def test_a_read_only_cache_can_be_read(cache: Cache, root: Path, tmp_path: Path) -> None:
    manifest = store_bytes(cache, b"weights", tmp_path)
    for folder, _, _ in os.walk(root):
        os.chmod(folder, 0o500)
    try:
        assert restored(cache, manifest, tmp_path) == {"": b"weights"}
        with pytest.raises(StoreError):
            store_bytes(cache, b"other", tmp_path)
    finally:
        for folder, _, _ in os.walk(root):
            os.chmod(folder, 0o700)


def test_objects_are_never_executable_and_obey_the_umask(cache: Cache, root: Path) -> None:
    before = os.umask(0o077)
    try:
        cache.write_pack("ab" * 32, b"x")
    finally:
        os.umask(before)

    assert (root / pack_key("ab" * 32)).stat().st_mode & 0o777 == 0o600


def test_an_absurdly_large_manifest_is_not_read_whole(cache: Cache, root: Path) -> None:
    """A neighbour in a shared cache can only deny, not fill the memory."""
    digest = digest_of(b"x")
    path = root / manifest_key(digest)
    path.parent.mkdir(parents=True)
    path.touch()
    os.truncate(path, 1 << 40)

    assert cache.manifest(digest) is None


def test_an_absurdly_large_pack_is_not_read_whole(cache: Cache, root: Path) -> None:
    cache.write_pack("ab" * 32, b"x")
    os.truncate(root / pack_key("ab" * 32), 1 << 40)

    assert len(cache.read_pack("ab" * 32)) <= 16 * 2**20 + 1
