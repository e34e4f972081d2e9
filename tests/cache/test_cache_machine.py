"""The store as a state machine, with faults between any two steps.

Two clones with a cache each, one remote in a folder. Versions are stored, pushed, fetched and
placed in any order; the connection breaks at the n-th write; bytes flip and objects vanish in
either cache and on the remote. Whatever happened: the bytes that come out are those that went in,
or there is an error of ours; and where no object was damaged by hand, a manifest that can be seen
has all its packs.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from gitmodel.cache.cache import Cache
from gitmodel.cache.transfer import fetch_packs, plan_fetch, push_packs
from gitmodel.cache.writer import store_weights
from gitmodel.domain.digest import Digest
from gitmodel.errors import GitmodelError, NoSpaceError, StoreError
from gitmodel.project.context import Silent
from gitmodel.store.layout import manifest_key, pack_key
from gitmodel.store.objects import ObjectStore
from gitmodel.worktree.placing import place
from gitmodel.worktree.records import Records
from gitmodel.worktree.worktree import WorkTree
from tests.support.stores import (
    WrappedBackend,
    dying_at,
    flip,
    plan_of,
    remote_at,
    restored,
    store_bytes,
    store_folder,
    writing,
)

if TYPE_CHECKING:
    from gitmodel.files.safe_open import PendingFile

pytestmark = pytest.mark.slow

QUIET = Silent()
PIECES = {"empty": b"", "x": b"x", "zeros": bytes(200_000), "shared": b"shared" * 30_000}
CLONES = st.sampled_from(["ana", "ben"])
PLACES = st.sampled_from(["ana", "ben", "remote"])


class DyingCache(Cache):
    """A cache whose disk is full from the n-th object on."""

    writes_left = 10**9

    def _written(self, key: str, data: bytes | memoryview) -> PendingFile:
        self.writes_left -= 1
        if self.writes_left < 0:
            raise NoSpaceError("no space left")
        return super()._written(key, data)


class StoreMachine(RuleBasedStateMachine):
    """See the module."""

    versions = Bundle("versions")

    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp(prefix="gitmodel-machine-"))
        self.caches = {name: DyingCache(str(self.top / name)) for name in ("ana", "ben")}
        self.trees = {}
        for name in ("ana", "ben"):
            (self.top / f"{name}-work").mkdir()
            self.trees[name] = WorkTree(
                str(self.top / f"{name}-work"), Records(str(self.top / f"{name}-records"))
            )
        self.remote = remote_at(self.top / "remote")
        self.contents: dict[Digest, dict[str, bytes]] = {}
        self.damaged: set[str] = set()  # places where somebody laid hands on objects

    def teardown(self) -> None:
        for cache in self.caches.values():
            cache.close()
        shutil.rmtree(self.top)

    @initialize(target=versions)
    def first_version(self) -> Digest:
        return self._store("ana", {"": b"the first version"}, 10**9)

    @rule(
        target=versions,
        clone=CLONES,
        seed=st.integers(0, 5),
        size=st.sampled_from([0, 1, 1000, 70_000, 300_000]),
        edit=st.integers(0, 300_000),
        writes=st.sampled_from([0, 1, 10**9, 10**9]),
    )
    def add_file(self, clone: str, seed: int, size: int, edit: int, writes: int) -> Digest:
        content = bytearray(random.Random(seed).randbytes(size))  # noqa: S311 - test data
        content[edit : edit + 3] = b"edit"
        return self._store(clone, {"": bytes(content)}, writes)

    @rule(
        target=versions,
        clone=CLONES,
        content=st.dictionaries(
            st.sampled_from(["a", "b", "c/d", "c/e", "f"]),
            st.sampled_from(sorted(PIECES)),
            min_size=1,
        ),
        writes=st.sampled_from([0, 1, 10**9, 10**9]),
    )
    def add_folder(self, clone: str, content: dict[str, str], writes: int) -> Digest:
        pieces = {path: PIECES[piece] for path, piece in content.items()}
        return self._store(clone, pieces, writes)

    def _store(self, clone: str, content: dict[str, bytes], writes: int) -> Digest:
        """Store a version; its digest is known even if the disk was full on the way."""
        cache = self.caches[clone]
        single = "" in content
        spare = Cache(str(self.top / "spare"))
        spared = store_bytes(spare, content[""], self.top) if single else None
        digest = (spared or store_folder(spare, content, self.top)).digest
        self.contents[digest] = content
        known = [cache.manifest(other) for other in self.contents]
        reuse = [manifest for manifest in known if manifest is not None]
        cache.writes_left = writes
        try:
            if single:
                manifest = store_bytes(cache, content[""], self.top, reuse)
            else:
                manifest = store_folder(cache, content, self.top, reuse)
            assert manifest.digest == digest
            assert cache.holds(digest)
        except NoSpaceError:
            assert writes < 10**9
        finally:
            cache.writes_left = 10**9
        return digest

    @rule(clone=CLONES, digest=versions, dies_at=st.sampled_from([1, 2, 3, 99, 99]))
    def push(self, clone: str, digest: Digest, dies_at: int) -> None:
        """Packs, then the manifest; the connection may break in between."""
        manifest = self.caches[clone].manifest(digest)
        if manifest is None:
            return
        wrapped = ObjectStore(WrappedBackend(self.remote.backend, dying_at(dies_at)))
        try:
            plan = plan_of([manifest])
            push_packs(self.caches[clone], wrapped, plan, progress=QUIET)
            if not wrapped.create_manifest(manifest):
                wrapped.replace_manifest(manifest)
        except GitmodelError:
            assert dies_at < 99 or clone in self.damaged

    @rule(clone=CLONES, digest=versions, writes=st.sampled_from([0, 1, 10**9, 10**9]))
    def fetch(self, clone: str, digest: Digest, writes: int) -> None:
        cache = self.caches[clone]
        cache.writes_left = writes
        try:
            manifest = self.remote.manifest(digest)
            if manifest is None:
                return
            fetch_packs(self.remote, cache, plan_fetch(cache, [manifest]), progress=QUIET)
            cache.write_manifest(manifest)
        except (StoreError, GitmodelError):
            assert writes < 10**9 or "remote" in self.damaged
        finally:
            cache.writes_left = 10**9

    @rule(clone=CLONES, digest=versions)
    def check_out(self, clone: str, digest: Digest) -> None:
        """What is placed is right and trusted; on failure the work tree is as it was."""
        cache, tree = self.caches[clone], self.trees[clone]
        try:
            manifest = cache.manifest(digest)
        except GitmodelError:
            manifest = None  # damage that reads as a later format
        if manifest is None:
            return
        before, have = self._work_tree(clone), tree.have("m", "model")
        try:
            place(tree, "m", "model", manifest, writing(cache, manifest))
        except GitmodelError:
            assert clone in self.damaged or cache.missing_packs(manifest)
            assert (self._work_tree(clone), tree.have("m", "model")) == (before, have)
        else:
            assert self._work_tree(clone) == self.contents[digest]
            assert tree.unchanged("m", "model") == digest == tree.have("m", "model")

    def _work_tree(self, clone: str) -> dict[str, bytes] | None:
        model = self.top / f"{clone}-work" / "model"
        if model.is_file():
            return {"": model.read_bytes()}
        if not model.exists():
            return None
        files = (path for path in model.rglob("*") if path.is_file())
        return {path.relative_to(model).as_posix(): path.read_bytes() for path in files}

    @rule(clone=CLONES)
    def add_again_from_the_work_tree(self, clone: str) -> None:
        """Storing what is checked out mends whatever is damaged, without anything to reuse."""
        cache, tree = self.caches[clone], self.trees[clone]
        content, have = self._work_tree(clone), tree.have("m", "model")
        if content is None or have is None:
            return
        scan = tree.scan("model")
        manifest = store_weights(
            cache, tree.sources(scan), folder="" not in content, progress=QUIET
        )
        tree.remember("m", scan, manifest)

        assert manifest.digest == have
        assert restored(cache, manifest, self.top) == content

    @precondition(lambda self: self.contents)
    @rule(
        where=PLACES,
        digest=versions,
        number=st.integers(0, 3),
        damage=st.sampled_from(["flip", "truncate", "delete", "swap"]),
        position=st.integers(0, 10**6),
    )
    def damage(self, where: str, digest: Digest, number: int, damage: str, position: int) -> None:
        """Somebody, or a disk, lays hands on an object."""
        root = self.top / where
        keys = sorted(
            path for kind in ("manifests", "packs") for path in (root / kind).rglob("*/*")
        )
        if not keys:
            return
        own = root / manifest_key(digest)
        path = own if number == 0 and own.exists() else keys[position % len(keys)]
        size = path.stat().st_size
        if damage == "delete":
            path.unlink()
        elif damage == "swap":
            other = keys[number % len(keys)]
            one, two = path.read_bytes(), other.read_bytes()
            path.write_bytes(two)
            other.write_bytes(one)
        elif size and damage == "flip":
            flip(path, position % size, 1 << (number % 8))
        elif size:
            os.truncate(path, position % size)
        self.damaged.add(where)

    @invariant()
    def what_comes_out_went_in(self) -> None:
        for name, cache in self.caches.items():
            for digest, content in self.contents.items():
                try:
                    manifest = cache.manifest(digest)
                    out = None if manifest is None else restored(cache, manifest, self.top)
                except GitmodelError:
                    out = None
                    if name not in self.damaged:
                        raise
                assert out in (None, content)

    @invariant()
    def a_manifest_that_can_be_seen_has_all_its_packs(self) -> None:
        for where in ("ana", "ben", "remote"):
            if where in self.damaged:
                continue
            for path in (self.top / where / "manifests").rglob("*/*"):
                if path.name.startswith("."):
                    continue
                digest = Digest.from_hex(path.name)
                manifest = remote_at(self.top / where).manifest(digest)
                assert manifest is not None
                for pack in manifest.packs:
                    assert (self.top / where / pack_key(pack)).exists()

    @invariant()
    def nothing_half_written_is_left_behind(self) -> None:
        left = [path for path in self.top.rglob(".*tmp-*") if path.is_file()]
        assert left == []


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
