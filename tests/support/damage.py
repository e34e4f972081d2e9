"""A small team whose remote is damaged: three kinds of clones, what can be done to objects, and a reader.

Built once in a process, and put back for each row. The weights are cut into packs of one chunk each, so that
the newest version has a pack of its own, one that it shares with the version before, and one that holds
nothing but the base of a difference.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

from gitmodel.cache.cache import Cache
from gitmodel.cli.main import main
from gitmodel.domain.digest import digest_of
from gitmodel.encoding.manifest.manifest import Manifest
from gitmodel.errors import GitmodelError
from gitmodel.store.claims import claim_key
from gitmodel.store.layout import manifest_key, pack_key
from gitmodel.store.objects import MARKER_KEY
from tests.support.models import safetensors
from tests.support.repo import Repo
from tests.support.stores import remote_at, restored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WEIGHTS, POINTER = "fraud.safetensors", "fraud.model.yaml"
_SIZE = 300_000  # bytes of a tensor: more than what would share a chunk with its neighbours
KINDS = ("newest", "shared", "base", "old", "manifest", "claim", "marker", "intent")
DAMAGES = ("missing", "truncated", "flipped", "replaced")
CLONES = ("full", "newest", "fresh")


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def hints(self) -> list[list[str]]:
        """The commands of gitmodel that it names, without what only says where to run them."""
        found = re.findall(r"gitmodel ((?:push|verify|doctor|checkout)(?: --[a-z]+)*)", self.err)
        return [text.split() for text in dict.fromkeys(found)]


def run(repo: Repo, *arguments: str) -> Said:
    """Run gitmodel in a clone, in this process."""
    out, err = io.StringIO(), io.StringIO()
    before = os.getcwd()
    os.chdir(repo.path)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(arguments))
    finally:
        os.chdir(before)
    return Said(code, out.getvalue(), err.getvalue())


def push(repo: Repo, *arguments: str) -> Said:
    """Run `git push`, with the hooks."""
    done = repo.git("push", "-q", *arguments, check=False)
    return Said(done.returncode, done.stdout, done.stderr)


def _tensor(seed: int) -> bytes:
    return random.Random(seed).randbytes(_SIZE)  # noqa: S311 - test data


def _nearly(data: bytes, seed: int) -> bytes:
    """The same with a few of its numbers changed, so that it is stored as a difference."""
    changed = bytearray(data)
    for place in random.Random(seed).sample(range(0, _SIZE, 4), 30):  # noqa: S311
        changed[place] ^= 1
    return bytes(changed)


def weights(number: int) -> bytes:
    """The weights of a version: one tensor as ever, one that changes a little, one that is new each time."""
    still, moving = _tensor(1), _tensor(2)
    moved = moving if number == 1 else _nearly(moving, 100 + number)
    return safetensors({"a": still, "b": moved, "c": _tensor(10 + number)})


@dataclass(frozen=True)
class World:
    """Where everything is."""

    folder: Path

    @property
    def store(self) -> Path:
        """The remote."""
        return self.folder / "store"

    def clone(self, name: str) -> Repo:
        """The clone with the full cache, with the newest version alone, or fresh."""
        return Repo(self.folder / name)

    @property
    def server(self) -> Repo:
        """The bare repository."""
        return Repo(self.folder / "server.git")

    def manifest(self, number: int) -> Manifest:
        """Of a version, as the author's cache has it."""
        digest = digest_of(weights(number))
        raw = (self.folder / "full/.git/gitmodel" / manifest_key(digest)).read_bytes()
        return Manifest.from_bytes(raw, expected=digest)

    def keys(self) -> dict[str, tuple[str, str]]:
        """By kind: the object to damage, and another sound one of its kind."""
        one, two = self.manifest(1), self.manifest(2)
        used = {two.packs[two.chunk(number).pack] for number in two.sequence}
        newest = min(set(two.packs) - set(one.packs))
        shared = min(set(one.packs) & used)
        base = min(set(two.packs) - used)
        old = min(set(one.packs) - set(two.packs))
        packs = {"newest": newest, "shared": shared, "base": base, "old": old}
        keys = {
            kind: (pack_key(name), pack_key(old if name != old else newest))
            for kind, name in packs.items()
        }
        intents = sorted(path.name for path in self.store.glob("gc/intents/*")) or [""]
        return keys | {
            "manifest": (manifest_key(two.digest), manifest_key(one.digest)),
            "claim": (claim_key("models", "fraud", 2), claim_key("models", "fraud", 1)),
            "marker": (MARKER_KEY, claim_key("models", "fraud", 1)),
            "intent": (f"gc/intents/{intents[0]}", f"gc/intents/{intents[-1]}"),
        }

    def read(self, number: int) -> str:
        """What somebody gets who has nothing but the remote: "right", "wrong" or "nothing"."""
        digest = digest_of(weights(number))
        elsewhere = self.folder / "reader"
        shutil.rmtree(elsewhere, ignore_errors=True)
        elsewhere.mkdir()
        cache = Cache(str(elsewhere / "cache"))
        remote = remote_at(self.store)
        try:
            manifest = remote.manifest(digest)
            if manifest is None:
                return "nothing"
            for name, size in manifest.sized_packs:
                cache.write_pack(name, remote.pack(name, size))
            found = restored(cache, manifest, elsewhere)
        except GitmodelError:
            return "nothing"
        finally:
            cache.close()
            remote.close()
        return "right" if found == {"": weights(number)} else "wrong"

    def sizes_are_right(self, number: int) -> bool:
        """Whether the remote has a readable manifest of a version and all its packs with their sizes."""
        remote = remote_at(self.store)
        try:
            manifest = remote.manifest(digest_of(weights(number)))
        except GitmodelError:
            return False
        packs = () if manifest is None else manifest.sized_packs
        right = [remote.pack_size(name) == size for name, size in packs]
        return bool(right) and all(right)


def damage(path: Path, other: Path, how: str) -> None:
    """Damage one object; it is never written in place, because copies of the world share files."""
    raw = path.read_bytes()
    path.unlink()
    if how == "truncated":
        path.write_bytes(raw[: len(raw) // 2])
    elif how == "flipped":
        middle = len(raw) // 2
        path.write_bytes(raw[:middle] + bytes([raw[middle] ^ 0x80]) + raw[middle + 1 :])
    elif how == "replaced":
        path.write_bytes(other.read_bytes())


def build(folder: Path, url: str = "") -> World:
    """Two versions, pushed by Ana, who has both; a clone with the newest, and a fresh one.

    Args:
        folder: Where everything goes.
        url: The remote; a folder beside the clones if none is given.
    """
    world = World(folder)
    server = Repo.create(folder / "server.git", "--bare")
    ana = Repo.create(folder / "full")
    ana.git("remote", "add", "origin", str(server.path))
    ana.write("code.py", "x = 1\n")
    _must(run(ana, "init", url or str(world.store), "--project", "models"))
    ana.git("add", ".")
    ana.git("commit", "-qm", "set up")
    with mock.patch("gitmodel.encoding.pack.PACK_TARGET", 1):
        for number in (1, 2):
            ana.write(WEIGHTS, weights(number))
            _must(run(ana, "add", WEIGHTS, "-m", f"fraud {number}"))
            _must(push(ana, "-u", "origin", "main"))
    for name in ("newest", "fresh"):
        clone = server.clone(folder / name)
        clone.git("config", "user.name", name.capitalize())
        _must(run(clone, "init"))
    _must(run(world.clone("newest"), "checkout"))
    return world


def _must(said: Said) -> None:
    assert said.code == 0, said


class Kept:
    """The world as it was built, and putting it back."""

    def __init__(self, folder: Path, make: Callable[[Path], World] = build) -> None:
        self._folder = folder / "world"
        self._kept = folder / "kept"
        self._folder.mkdir()
        make(self._folder)
        shutil.copytree(self._folder, self._kept, symlinks=True)

    def restored(self) -> World:
        """The world as it was built."""
        shutil.rmtree(self._folder)
        shutil.copytree(self._kept, self._folder, symlinks=True, copy_function=_copy)
        return World(self._folder)


def _copy(source: str, target: str) -> None:
    """Copy a file; objects of Git and of stores are never written in place, so a second name will do."""
    if any(part in source for part in ("/objects/", "/packs/", "/manifests/", "/hooks/")):
        os.link(source, target)
    else:
        shutil.copy2(source, target)
