"""Restoring: the bytes that went in, or an error that says which pack is damaged."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.cache.cache import Cache
from gitmodel.cache.reader import DamagedPackError, Reader
from gitmodel.domain.digest import digest_of
from gitmodel.encoding.manifest.manifest import ChunkLocation, ManifestBuilder
from gitmodel.encoding.pack import HEADER_SIZE
from gitmodel.errors import DamagedObjectError, GitmodelError, NoSpaceError, ObjectMissingError
from gitmodel.files.os_errors import disk_errors
from gitmodel.project.context import Silent
from tests.support.stores import (
    flip,
    object_paths,
    restored,
    some_bytes,
    store_bytes,
    store_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitmodel.encoding.manifest.manifest import Manifest

MIB = 2**20


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    opened = Cache(str(tmp_path / "cache"))
    yield opened
    opened.close()


def check(cache: Cache, manifest: Manifest) -> None:
    reader = Reader(cache, workers=2)
    for entry in manifest.files:
        reader.check_file(manifest, entry, progress=Silent())


def pack_path(cache: Cache, manifest: Manifest, tmp_path: Path, number: int = 0) -> Path:
    return object_paths(tmp_path / "cache", manifest)[1 + number]


@pytest.mark.parametrize("content", [b"", b"x", some_bytes(9 * MIB), b"text " * MIB])
def test_checking_reads_everything_and_writes_nothing(
    cache: Cache, tmp_path: Path, content: bytes
) -> None:
    check(cache, store_bytes(cache, content, tmp_path))


@pytest.mark.parametrize("workers", [1, 2, 16])
def test_many_groups_come_out_in_order(cache: Cache, tmp_path: Path, workers: int) -> None:
    content = some_bytes(40 * MIB)
    manifest = store_bytes(cache, content, tmp_path)

    assert restored(cache, manifest, tmp_path, workers=workers) == {"": content}


def test_the_order_of_packs_does_not_matter(cache: Cache, tmp_path: Path) -> None:
    """A file whose chunks lie backwards in several packs of earlier versions."""
    parts = [some_bytes(MIB, seed) for seed in range(4)]
    earlier = [store_bytes(cache, part, tmp_path) for part in parts]

    manifest = store_bytes(cache, b"".join(reversed(parts)), tmp_path, earlier)

    assert restored(cache, manifest, tmp_path) == {"": b"".join(reversed(parts))}


@pytest.mark.parametrize("position", [HEADER_SIZE, HEADER_SIZE + 1, 70_000, -1])
def test_a_flipped_bit_is_found_and_the_pack_named(
    cache: Cache, tmp_path: Path, position: int
) -> None:
    manifest = store_bytes(cache, some_bytes(MIB), tmp_path)
    flip(pack_path(cache, manifest, tmp_path), position)

    with pytest.raises(DamagedPackError) as caught:
        restored(cache, manifest, tmp_path)
    assert caught.value.pack == manifest.packs[0]
    assert manifest.packs[0][:12] in caught.value.message
    assert caught.value.hint == "gitmodel verify --cache"
    with pytest.raises(DamagedPackError):
        check(cache, manifest)


@given(st.data())
def test_no_damage_to_a_pack_ever_gives_other_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Flipped, cut short, lengthened, zeroed or replaced: the same bytes come out, or an error."""
    folder = tmp_path_factory.mktemp("damage")
    cache = Cache(str(folder / "cache"))
    content = some_bytes(70_000) + b"text " * 20_000
    manifest = store_bytes(cache, content, folder)
    path = object_paths(folder / "cache", manifest)[1]
    raw = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(raw) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "lengthen", "zero", "replace"]))
    if kind == "flip":
        raw[position] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del raw[position:]
    elif kind == "lengthen":
        raw[position:position] = b"inserted"
    elif kind == "zero":
        raw[position:] = bytes(len(raw) - position)
    else:
        raw = bytearray(some_bytes(len(raw), seed=1))
    path.write_bytes(raw)

    try:
        out = restored(cache, manifest, folder)
    except GitmodelError:
        out = {"": content}
    finally:
        cache.close()
    assert out == {"": content}


@pytest.mark.parametrize("left", [0, 1, HEADER_SIZE, -1])
def test_a_pack_cut_short_is_found(cache: Cache, tmp_path: Path, left: int) -> None:
    manifest = store_bytes(cache, some_bytes(MIB), tmp_path)
    path = pack_path(cache, manifest, tmp_path)
    os.truncate(path, left % path.stat().st_size)

    with pytest.raises(DamagedPackError):
        restored(cache, manifest, tmp_path)


def test_two_packs_swapped_are_found(cache: Cache, tmp_path: Path) -> None:
    """Right names, right sizes, other bytes."""
    one = store_bytes(cache, some_bytes(50_000, 1), tmp_path)
    two = store_bytes(cache, some_bytes(50_000, 2), tmp_path)
    paths = [pack_path(cache, manifest, tmp_path) for manifest in (one, two)]
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, reversed(contents), strict=True):
        path.write_bytes(content)

    for manifest in (one, two):
        with pytest.raises(DamagedPackError):
            restored(cache, manifest, tmp_path)


def test_a_missing_pack_is_missing(cache: Cache, tmp_path: Path) -> None:
    manifest = store_bytes(cache, some_bytes(20 * MIB), tmp_path)
    pack_path(cache, manifest, tmp_path, 1).unlink()

    with pytest.raises(ObjectMissingError) as caught:
        restored(cache, manifest, tmp_path)
    assert manifest.packs[1][:12] in caught.value.message


def test_damage_in_one_file_leaves_the_others_readable(cache: Cache, tmp_path: Path) -> None:
    manifest = store_folder(
        cache, {"a": some_bytes(9 * MIB, 1), "b": some_bytes(9 * MIB, 2)}, tmp_path
    )
    flip(pack_path(cache, manifest, tmp_path, len(manifest.packs) - 1), -1)

    reader = Reader(cache)
    reader.check_file(manifest, manifest.files[0], progress=Silent())
    with pytest.raises(DamagedPackError):
        reader.check_file(manifest, manifest.files[1], progress=Silent())
    reader.check_file(manifest, manifest.files[0], progress=Silent())


def test_right_chunks_in_the_wrong_order_are_not_the_file(cache: Cache, tmp_path: Path) -> None:
    """A manifest that somebody rewrote: every chunk is sound, the whole is not."""
    manifest = store_bytes(cache, some_bytes(3 * MIB), tmp_path)
    builder = ManifestBuilder()
    for name, size in manifest.sized_packs:
        builder.add_pack(name, size)
    for number in range(manifest.chunk_count):
        builder.add_chunk(manifest.chunk(number))
    entry = manifest.files[0]
    numbers = list(manifest.chunks_of(entry))[::-1]
    builder.add_file("", entry.size, entry.digest, numbers, chunker=entry.chunker)
    forged = builder.build(manifest.digest, "file")

    with pytest.raises(DamagedObjectError):
        restored(cache, forged, tmp_path)
    with pytest.raises(DamagedObjectError):
        check(cache, forged)


def test_a_chunk_that_claims_another_place_is_found(cache: Cache, tmp_path: Path) -> None:
    manifest = store_bytes(cache, some_bytes(MIB), tmp_path)
    builder = ManifestBuilder()
    for name, size in manifest.sized_packs:
        builder.add_pack(name, size)
    place: ChunkLocation = manifest.chunk(0)
    for number in range(manifest.chunk_count):
        other = manifest.chunk(number)
        builder.add_chunk(other._replace(offset=place.offset + 1) if number == 0 else other)
    entry = manifest.files[0]
    builder.add_file("", entry.size, entry.digest, manifest.chunks_of(entry), chunker=entry.chunker)

    with pytest.raises(DamagedPackError):
        restored(cache, builder.build(manifest.digest, "file"), tmp_path)


def test_a_full_disk_while_restoring_is_an_error(cache: Cache, tmp_path: Path) -> None:
    manifest = store_bytes(cache, b"x" * 100, tmp_path)
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(NoSpaceError), disk_errors("/dev"):
            Reader(cache).write_file(manifest, manifest.files[0], full, progress=Silent())
    finally:
        os.close(full)


def test_several_threads_read_from_one_cache(cache: Cache, tmp_path: Path) -> None:
    """More packs than descriptors are kept open for, from eight threads."""
    contents = [some_bytes(1000, seed) for seed in range(40)]
    manifests = [store_bytes(cache, content, tmp_path) for content in contents]
    wrong: list[int] = []

    def read_all() -> None:
        for number, manifest in enumerate(manifests):
            if restored(cache, manifest, tmp_path, workers=1) != {"": contents[number]}:
                wrong.append(number)

    threads = [threading.Thread(target=read_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_progress_adds_up_to_the_size(cache: Cache, tmp_path: Path) -> None:
    class Counting(Silent):
        total = 0

        def advance(self, done_bytes: int) -> None:
            self.total += done_bytes

    content = some_bytes(5 * MIB)
    progress = Counting()
    manifest = store_bytes(cache, content, tmp_path)
    Reader(cache).check_file(manifest, manifest.files[0], progress=progress)

    assert progress.total == len(content)
    assert manifest.digest == digest_of(content)
