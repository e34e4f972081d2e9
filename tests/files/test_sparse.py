"""Files with holes: what is read is what read(2) gives, and what was a hole is one again."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from gitmodel.cache.cache import Cache
from gitmodel.cache.reader import Reader
from gitmodel.cache.writer import store_weights
from gitmodel.files.source_file import SourceFile
from gitmodel.files.sparse import SparseReader, bytes_of_holes, write_sparse
from gitmodel.project.context import Silent

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.encoding.manifest.manifest import Manifest

MIB = 1 << 20


def sparse_file(path: Path, size: int, pieces: dict[int, bytes]) -> bytes:
    """A file with holes but for these pieces, by offset; returns its bytes."""
    with path.open("wb") as stream:
        stream.truncate(size)
        for offset, data in pieces.items():
            stream.seek(offset)
            stream.write(data)
    return path.read_bytes()


def takes(path: Path) -> int:
    """Bytes on the disk."""
    return path.stat().st_blocks * 512


@pytest.fixture
def has_holes(tmp_path: Path) -> None:
    path = tmp_path / "probe"
    sparse_file(path, 8 * MIB, {})
    if takes(path) > MIB:
        pytest.skip("this file system has no holes")


def read_whole(path: Path, length: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        reader = SparseReader(descriptor)
        buffer = memoryview(bytearray(b"\xff" * length))
        found = []
        while count := reader.read_into(buffer):
            found.append(bytes(buffer[:count]))
        return b"".join(found)
    finally:
        os.close(descriptor)


def stored(cache: Cache, path: Path) -> Manifest:
    source = SourceFile("", path.stat().st_size, lambda: os.open(path, os.O_RDONLY))
    return store_weights(cache, [source], folder=False, progress=Silent())


def restore(cache: Cache, manifest: Manifest, path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        Reader(cache).write_file(manifest, manifest.files[0], descriptor, progress=Silent())
    finally:
        os.close(descriptor)


@pytest.mark.usefixtures("has_holes")
@pytest.mark.parametrize("seed", range(12))
def test_any_file_with_holes_is_read_stored_and_restored(tmp_path: Path, seed: int) -> None:
    """Pieces of data at any place, also across pages and at the ends."""
    chance = random.Random(seed)  # noqa: S311
    size = chance.choice([1, 4095, 4096, 4097, 20 * MIB, 20 * MIB + 7])
    pieces = {
        chance.randrange(size): chance.randbytes(chance.choice([1, 100, 4096, 70_000]))
        for _ in range(chance.randrange(6))
    }
    source, target = tmp_path / "source", tmp_path / "target"
    content = sparse_file(source, size, pieces)
    assert read_whole(source, chance.choice([1 << 20, 4096 + 1, 5 * MIB])) == content
    cache = Cache(str(tmp_path / "cache"))
    restore(cache, stored(cache, source), target)
    assert target.read_bytes() == content
    assert takes(target) <= takes(source) + 2 * MIB


@pytest.mark.usefixtures("has_holes")
def test_a_large_hole_takes_no_room(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    sparse_file(source, 256 * MIB, {0: b"head", 100 * MIB: os.urandom(MIB)})
    cache = Cache(str(tmp_path / "cache"))
    manifest = stored(cache, source)
    restore(cache, manifest, target)
    assert target.stat().st_size == 256 * MIB
    assert takes(target) < 4 * MIB
    assert bytes_of_holes(manifest, manifest.files) > 240 * MIB


def test_a_file_without_holes_is_written_into_reserved_room(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    content = os.urandom(9 * MIB)
    source.write_bytes(content)
    cache = Cache(str(tmp_path / "cache"))
    manifest = stored(cache, source)
    assert bytes_of_holes(manifest, manifest.files) == 0
    restore(cache, manifest, target)
    assert target.read_bytes() == content
    assert takes(target) >= 9 * MIB


def test_where_a_file_system_does_not_tell_holes_are_read_as_zeros(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = sparse_file(tmp_path / "source", 5 * MIB, {3 * MIB: b"data"})
    monkeypatch.setattr(os, "SEEK_DATA", 99)
    assert read_whole(tmp_path / "source", MIB) == content


@pytest.mark.parametrize("seed", range(20))
def test_only_pages_of_zeros_are_left_out(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    parts = [
        chance.randbytes(size) if chance.randrange(2) else bytes(size)
        for size in chance.choices([1, 4000, 4096, 8192, 100_000], k=12)
    ]
    content = b"".join(parts)
    offset = chance.choice([0, 4096, 12345])
    with (tmp_path / "file").open("w+b") as stream:
        stream.truncate(offset + len(content) + 10)
        write_sparse(stream.fileno(), memoryview(content), offset)
    assert (tmp_path / "file").read_bytes() == bytes(offset) + content + bytes(10)
