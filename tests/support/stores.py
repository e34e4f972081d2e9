"""Small real stores and weights: a cache and a folder remote in `tmp_path`, and a backend that fails on cue."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

from gitmodel.backends.folder import FolderBackend
from gitmodel.cache.reader import Reader
from gitmodel.cache.transfer import Plan
from gitmodel.cache.writer import store_weights
from gitmodel.errors import RemoteUnreachableError
from gitmodel.files.source_file import SourceFile
from gitmodel.project.context import Silent
from gitmodel.store.layout import manifest_key, pack_key
from gitmodel.store.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from gitmodel.backends.backend import Backend, ObjectInfo
    from gitmodel.cache.cache import Cache
    from gitmodel.encoding.manifest.manifest import FileEntry, Manifest


def some_bytes(size: int, seed: int = 0) -> bytes:
    """Bytes that do not compress; the same for the same seed."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - test data, not secrets


def source_of(path: Path, name: str = "") -> SourceFile:
    """A file on disk, as the writer takes it."""
    return SourceFile(name, path.stat().st_size, lambda: os.open(path, os.O_RDONLY))


def store_bytes(
    cache: Cache, content: bytes, folder: Path, reuse: Iterable[Manifest] = ()
) -> Manifest:
    """Store one file with this content."""
    path = folder / f"source-{os.urandom(4).hex()}"
    path.write_bytes(content)
    return store_weights(
        cache, [source_of(path)], folder=False, reuse=reuse, progress=Silent(), workers=2
    )


def store_folder(
    cache: Cache, content: Mapping[str, bytes], folder: Path, reuse: Iterable[Manifest] = ()
) -> Manifest:
    """Store a folder of files with these contents."""
    sources = []
    for number, (name, data) in enumerate(content.items()):
        path = folder / f"source-{os.urandom(4).hex()}-{number}"
        path.write_bytes(data)
        sources.append(source_of(path, name))
    return store_weights(cache, sources, folder=True, reuse=reuse, progress=Silent(), workers=2)


def restored(
    cache: Cache, manifest: Manifest, folder: Path, *, workers: int = 2
) -> dict[str, bytes]:
    """What comes out of a cache: path -> bytes."""
    out = {}
    reader = Reader(cache, workers=workers)
    for number, entry in enumerate(manifest.files):
        path = folder / f"restored-{os.urandom(4).hex()}-{number}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            reader.write_file(manifest, entry, descriptor, progress=Silent())
        finally:
            os.close(descriptor)
        out[entry.path] = path.read_bytes()
        path.unlink()
    return out


def writing(cache: Cache, manifest: Manifest) -> Callable[[FileEntry, int], None]:
    """What `place` takes to write a file of a manifest."""

    def write(entry: FileEntry, descriptor: int) -> None:
        Reader(cache, workers=1).write_file(manifest, entry, descriptor, progress=Silent())

    return write


def remote_at(folder: Path) -> ObjectStore:
    """A remote in a folder, made if it is not there."""
    return ObjectStore(FolderBackend(str(folder), create_root=True))


def plan_of(manifests: Iterable[Manifest], *, present: Collection[str] = ()) -> Plan:
    """The packs of these manifests but for those that a remote has."""
    packs: dict[str, int] = {}
    for manifest in manifests:
        packs.update(manifest.sized_packs)
    return Plan(tuple((name, size) for name, size in packs.items() if name not in present))


def object_paths(root: Path, manifest: Manifest) -> list[Path]:
    """The files of a store that a manifest needs, its own first."""
    return [root / manifest_key(manifest.digest), *(root / pack_key(n) for n in manifest.packs)]


def files_below(folder: Path) -> list[str]:
    """All files, relative and sorted."""
    if not folder.exists():
        return []
    found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    return sorted(path.relative_to(folder).as_posix() for path in found)


def flip(path: Path, position: int, mask: int = 1) -> None:
    """Flip bits of one byte in place."""
    data = bytearray(path.read_bytes())
    data[position] ^= mask
    path.write_bytes(data)


class WrappedBackend:
    """A real backend with a word before every call: `before(method, key)` may raise, and counts."""

    def __init__(
        self, inner: Backend, before: Callable[[str, str], None] = lambda _m, _k: None
    ) -> None:
        self.inner = inner
        self.before = before
        self.calls: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return self.inner.url

    def _say(self, method: str, key: str) -> None:
        self.calls.append((method, key))
        self.before(method, key)

    def read(self, key: str, *, limit: int) -> bytes:
        self._say("read", key)
        return self.inner.read(key, limit=limit)

    def read_range(self, key: str, start: int, size: int) -> bytes:
        self._say("read_range", key)
        return self.inner.read_range(key, start, size)

    def create(self, key: str, data: bytes | memoryview) -> bool:
        self._say("create", key)
        return self.inner.create(key, data)

    def read_back(self, key: str, *, limit: int) -> bytes:
        self._say("read_back", key)
        return self.inner.read_back(key, limit=limit)

    def write(self, key: str, data: bytes | memoryview) -> bool:
        self._say("write", key)
        return self.inner.write(key, data)

    def size(self, key: str) -> int | None:
        self._say("size", key)
        return self.inner.size(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self._say("list", prefix)
        return self.inner.list(prefix)

    def delete(self, key: str) -> None:
        self._say("delete", key)
        self.inner.delete(key)

    def prove_checks(self) -> dict[str, bool]:
        return self.inner.prove_checks()

    def close(self) -> None:
        self.inner.close()


def dying_at(number: int) -> Callable[[str, str], None]:
    """For `WrappedBackend`: the connection is gone from the n-th write or create on."""
    seen = 0

    def before(method: str, key: str) -> None:
        nonlocal seen
        if method in {"write", "create"}:
            seen += 1
            if seen >= number:
                raise RemoteUnreachableError(f"no answer for {key}")

    return before
