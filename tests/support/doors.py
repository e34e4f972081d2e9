"""A registry that somebody attacks who can write to its bucket, and the doors by which its bytes are handed out."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import gitmodel
from gitmodel.store.layout import manifest_key
from gitmodel.workflows.checkout import checkout
from gitmodel.workflows.checkout_files import checkout_files
from gitmodel.workflows.get import GetOptions, get
from tests.support.formats import safetensors_file
from tests.support.stores import some_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.encoding.manifest.manifest import Manifest
    from tests.support.desk import Desk

    # What is handed out of version 1, each beside what is right.
    Door = Callable[["Registry"], Iterator[tuple[bytes, bytes]]]

PIECE = 300_000  # bytes; each tensor of this length is a chunk


def tensors(seed: int) -> dict[str, bytes]:
    return {name: some_bytes(PIECE, seed=seed * 10 + n) for n, name in enumerate("abc")}


def file_of(seed: int) -> bytes:
    return safetensors_file(tensors(seed))


def folder_of(seed: int) -> dict[str, bytes]:
    """Two shards of one length, and a small file."""
    return {
        "config.json": b'{"seed": %d}\n' % seed,
        "shard-1.safetensors": file_of(seed),
        "shard-2.safetensors": file_of(seed + 5),
    }


FILE, FOLDER = file_of(1), folder_of(1)
SHARD = "shard-1.safetensors"


@dataclass
class Registry:
    """Two versions each of a file (`net`) and of a folder (`bert`), pushed by Ana; Ben has a clone.

    Attributes:
        ana: Who has all weights.
        ben: Who has none.
        work: For whatever is written.
    """

    ana: Desk
    ben: Desk
    work: Path

    @property
    def store(self) -> Path:
        return self.ana.store

    def digest(self, reference: str) -> Digest:
        """The digest of a version, by Ana's history."""
        name, _, number = reference.partition("@")
        revision = "HEAD" if number == "2" else "HEAD^"
        return self.ana.committed(f"{name}.model.yaml", revision).digest

    def manifest(self, reference: str) -> Manifest:
        with self.ana.open() as project:
            found = project.cache.manifest(self.digest(reference))
        assert found is not None
        return found

    def raw_manifest(self, reference: str) -> bytes:
        """The bytes of a manifest on the remote."""
        return (self.store / manifest_key(self.digest(reference))).read_bytes()

    def replace(self, reference: str, raw: bytes) -> None:
        """Put other bytes where the manifest of a version is on the remote."""
        (self.store / manifest_key(self.digest(reference))).write_bytes(raw)

    def put_back(self) -> None:
        """Have the remote as it was built."""
        shutil.rmtree(self.store)
        shutil.copytree(self.store.parent / "kept", self.store)

    def forget(self) -> None:
        """Empty Ben's cache, and what he had written."""
        shutil.rmtree(self.ben.repo.path / ".git/gitmodel", ignore_errors=True)
        for kind in ("weights", "repositories", "placed", "out"):
            shutil.rmtree(self.work / kind, ignore_errors=True)

    def cached(self, reference: str, raw: bytes) -> None:
        """Have other bytes as the manifest of a version in both of Ben's caches."""
        for cache in (self.ben.repo.path / ".git/gitmodel", self.work / "weights"):
            path = cache / manifest_key(self.digest(reference))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)


# The doors. Each gives what it hands out of version 1, by what it is.


def through_open(registry: Registry) -> Iterator[tuple[bytes, bytes]]:
    for name, file, right in (("net@1", None, FILE), ("bert@1", SHARD, FOLDER[SHARD])):
        with gitmodel.open(name, file, repo=registry.ben.repo.path) as stream:
            yield stream.read(), right


def through_a_range(registry: Registry) -> Iterator[tuple[bytes, bytes]]:
    for name, file, right in (("net@1", None, FILE), ("bert@1", SHARD, FOLDER[SHARD])):
        with gitmodel.open(name, file, repo=registry.ben.repo.path) as stream:
            for start in (PIECE + 500, len(right) - 9, 0):
                stream.seek(start)
                yield stream.read(700), right[start : start + 700]


def through_the_length(registry: Registry) -> Iterator[tuple[bytes, bytes]]:
    for name, file, right in (("net@1", None, FILE), ("bert@1", SHARD, FOLDER[SHARD])):
        with gitmodel.open(name, file, repo=registry.ben.repo.path) as stream:
            yield b"%d" % stream.seek(0, os.SEEK_END), b"%d" % len(right)


def through_tensor(registry: Registry) -> Iterator[tuple[bytes, bytes]]:
    for tensor in "ca":
        found = gitmodel.tensor("net@1", tensor, repo=registry.ben.repo.path)
        yield bytes(found), tensors(1)[tensor]
        found = gitmodel.tensor("bert@1", tensor, SHARD, repo=registry.ben.repo.path)
        yield bytes(found), tensors(1)[tensor]


def through_path(registry: Registry) -> Iterator[tuple[bytes, bytes]]:
    yield Path(gitmodel.path("net@1", repo=registry.ben.repo.path)).read_bytes(), FILE
    folder = Path(gitmodel.path("bert@1", repo=registry.ben.repo.path))
    yield from in_folder(folder, FOLDER)


def in_folder(folder: Path, right: dict[str, bytes]) -> Iterator[tuple[bytes, bytes]]:
    yield (
        b"\n".join(sorted(os.fsencode(p.name) for p in folder.iterdir())),
        b"\n".join(sorted(map(os.fsencode, right))),
    )
    for path, data in right.items():
        yield (folder / path).read_bytes(), data


def through_checkout(registry: Registry) -> Iterator[tuple[bytes, bytes]]:
    out = str(registry.work / "out")
    with registry.ben.open() as project:
        checkout(project, ["net@1", "bert@1"], out=out, force=True)
    yield Path(out, "net.safetensors").read_bytes(), FILE
    yield from in_folder(Path(out, "bert"), FOLDER)


def through_include(registry: Registry) -> Iterator[tuple[bytes, bytes]]:
    out = str(registry.work / "out")
    with registry.ben.open() as project:
        checkout_files(project, ["bert@1"], [SHARD], out=out, force=True)
    yield from in_folder(Path(out, "bert"), {SHARD: FOLDER[SHARD]})


def through_get(registry: Registry) -> Iterator[tuple[bytes, bytes]]:
    out = str(registry.work / "out")
    getting(registry, ["net@1", "bert@1"], out)
    yield Path(out, "net.safetensors").read_bytes(), FILE
    yield from in_folder(Path(out, "bert"), FOLDER)


def through_get_include(registry: Registry) -> Iterator[tuple[bytes, bytes]]:
    out = str(registry.work / "out")
    getting(registry, ["bert@1"], out, include=[SHARD])
    yield from in_folder(Path(out, "bert"), {SHARD: FOLDER[SHARD]})


def getting(
    registry: Registry, references: list[str], out: str, include: Sequence[str] = ()
) -> None:
    asking = GetOptions(cache=str(registry.work))
    url = registry.ana.repo.path.as_uri()
    get(
        registry.ben.context(), url, references, out=out, include=include, force=True, asking=asking
    )


DOORS = [
    through_open,
    through_a_range,
    through_the_length,
    through_tensor,
    through_path,
    through_checkout,
    through_include,
    through_get,
    through_get_include,
]
