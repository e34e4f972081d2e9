"""Putting files in place: all or nothing, never through a link, never over what is unsaved."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import textwrap
import threading
import unicodedata
from typing import TYPE_CHECKING

import pytest

from gitmodel.cache.cache import Cache
from gitmodel.cache.writer import store_weights
from gitmodel.errors import DamagedObjectError, GitmodelError, UnsafePathError, UnsavedWeightsError
from gitmodel.project.context import Silent
from gitmodel.worktree.placing import place
from gitmodel.worktree.records import Records
from gitmodel.worktree.scan import EntryKind
from gitmodel.worktree.worktree import WorkTree
from tests.support.stores import (
    files_below,
    flip,
    object_paths,
    some_bytes,
    store_bytes,
    store_folder,
    writing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitmodel.encoding.manifest.manifest import FileEntry, Manifest

pytestmark = pytest.mark.slow

COMPOSED = unicodedata.normalize("NFC", "modèle.bin")
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


class World:
    """A work tree, a cache, and a folder that nothing may be written to."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.root = top / "work"
        self.outside = top / "outside"
        self.root.mkdir()
        self.outside.mkdir()
        self.cache = Cache(str(top / "cache"))
        self.tree = WorkTree(str(self.root), Records(str(top / "records")))

    def file(self, content: bytes) -> Manifest:
        return store_bytes(self.cache, content, self.top)

    def folder(self, **content: bytes) -> Manifest:
        named = {name.replace("__", "/"): data for name, data in content.items()}
        return store_folder(self.cache, named, self.top)

    def place(self, manifest: Manifest, path: str = "model", *, force: bool = False) -> None:
        place(self.tree, "m", path, manifest, writing(self.cache, manifest), force=force)

    def content(self) -> dict[str, bytes]:
        return {path: (self.root / path).read_bytes() for path in files_below(self.root)}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.cache.close()


def test_a_file_is_placed_and_remembered(world: World) -> None:
    manifest = world.file(b"weights")
    world.place(manifest, "deep/er/model")

    assert world.content() == {"deep/er/model": b"weights"}
    assert world.tree.have("m", "deep/er/model") == manifest.digest
    assert world.tree.unchanged("m", "deep/er/model") == manifest.digest


def test_a_folder_is_placed_and_remembered(world: World) -> None:
    manifest = world.folder(config=b"{}", shards__1=some_bytes(100), empty=b"")
    world.place(manifest)

    assert world.content() == {
        "model/config": b"{}",
        "model/shards/1": some_bytes(100),
        "model/empty": b"",
    }
    assert world.tree.unchanged("m", "model") == manifest.digest


def test_unchanged_files_are_left_alone(world: World) -> None:
    world.place(world.folder(same=b"same", other=b"1"))
    inode = (world.root / "model/same").stat().st_ino
    world.place(world.folder(same=b"same", other=b"2"))

    assert (world.root / "model/same").stat().st_ino == inode
    assert world.content() == {"model/same": b"same", "model/other": b"2"}


def test_a_later_write_to_a_placed_file_is_noticed(world: World) -> None:
    """Also one right after, of the same size: the time of a placed file lies in the past."""
    manifest = world.file(b"weights")
    world.place(manifest)
    assert world.tree.unchanged("m", "model") == manifest.digest
    (world.root / "model").write_bytes(b"WEIGHTS")

    assert world.tree.unchanged("m", "model") is None
    assert world.tree.hash_weights("m", "model").digest != manifest.digest


def test_a_folder_of_more_files_than_descriptors_is_placed(world: World) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    manifest = world.folder(**{f"shard{number}": b"%d" % number for number in range(120)})
    taken = set(map(int, os.listdir("/proc/self/fd")))
    free = [number for number in range(before[0]) if number not in taken]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[40], before[1]))
    try:
        world.place(manifest)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert len(world.content()) == 120


def test_damage_in_the_last_file_leaves_everything_as_it_was(world: World) -> None:
    first = world.folder(a=b"1", b=b"2", old=b"3")
    world.place(first)
    second = world.folder(a=b"11", sub__new=b"22", z=some_bytes(5000))
    flip(object_paths(world.top / "cache", second)[-1], -1)

    with pytest.raises(DamagedObjectError):
        world.place(second)
    assert world.content() == {"model/a": b"1", "model/b": b"2", "model/old": b"3"}
    assert world.tree.have("m", "model") == first.digest


def test_damage_in_a_first_checkout_leaves_no_file(world: World) -> None:
    manifest = world.file(some_bytes(5000))
    flip(object_paths(world.top / "cache", manifest)[-1], -1)

    with pytest.raises(DamagedObjectError):
        world.place(manifest)
    assert world.content() == {}
    assert world.tree.have("m", "model") is None


def test_an_interrupt_between_two_files_leaves_everything_as_it_was(world: World) -> None:
    first = world.folder(a=b"1", b=b"2")
    world.place(first)
    second = world.folder(a=b"11", b=b"22")
    write = writing(world.cache, second)

    def interrupted(entry: FileEntry, descriptor: int) -> None:
        write(entry, descriptor)
        if entry.path == "b":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place(world.tree, "m", "model", second, interrupted)
    assert world.content() == {"model/a": b"1", "model/b": b"2"}


class TestRemoving:
    def test_unmodified_files_of_have_go(self, world: World) -> None:
        world.place(world.folder(a=b"1", old__b=b"2"))
        world.place(world.folder(a=b"1"))

        assert world.content() == {"model/a": b"1"}
        assert not (world.root / "model/old").exists()

    @pytest.mark.parametrize("name", ["mine", "old/b"])
    def test_what_is_in_no_version_is_refused_and_nothing_is_changed(
        self, world: World, name: str
    ) -> None:
        """A file of the person's own, or a modified one; also nothing else is removed then."""
        world.place(world.folder(a=b"1", old__a=b"1", old__b=b"2", old__c=b"3"))
        (world.root / "model" / name).write_bytes(b"precious")
        before = world.content()

        with pytest.raises(UnsavedWeightsError) as caught:
            world.place(world.folder(a=b"11"))
        assert caught.value.message == f"model/{name} is in no version"
        assert world.content() == before

    def test_force_removes_it(self, world: World) -> None:
        world.place(world.folder(a=b"1"))
        (world.root / "model/mine").write_bytes(b"not so precious")
        world.place(world.folder(b=b"2"), force=True)

        assert world.content() == {"model/b": b"2"}

    def test_what_is_no_part_of_models_stays(self, world: World) -> None:
        """A model folder that is itself a clone keeps its repository, empty folders included."""
        world.place(world.folder(a=b"1", old__b=b"2"))
        (world.root / "model/.git/refs/tags").mkdir(parents=True)
        (world.root / "model/old/.DS_Store").write_bytes(b"finder")
        (world.root / "model/my-empty-folder").mkdir()
        world.place(world.folder(a=b"11"), force=True)

        assert world.content() == {"model/a": b"11", "model/old/.DS_Store": b"finder"}
        assert (world.root / "model/.git/refs/tags").is_dir()
        assert (world.root / "model/my-empty-folder").is_dir()

    def test_a_file_becomes_a_folder_and_back(self, world: World) -> None:
        file, folder = world.file(b"1"), world.folder(a__b=b"2", c=b"3")
        for manifest, content in (
            (file, {"model": b"1"}),
            (folder, {"model/a/b": b"2", "model/c": b"3"}),
            (file, {"model": b"1"}),
        ):
            world.place(manifest)
            assert world.content() == content
            assert world.tree.unchanged("m", "model") == manifest.digest

    def test_inside_a_folder_too(self, world: World) -> None:
        one, two = world.folder(x=b"1", y__z=b"2"), world.folder(x__deep__er=b"3", y=b"4")
        for manifest, content in (
            (one, {"model/x": b"1", "model/y/z": b"2"}),
            (two, {"model/x/deep/er": b"3", "model/y": b"4"}),
            (one, {"model/x": b"1", "model/y/z": b"2"}),
        ):
            world.place(manifest)
            assert world.content() == content

    def test_an_unsaved_file_does_not_become_a_folder_without_force(self, world: World) -> None:
        world.place(world.file(b"1"))
        (world.root / "model").write_bytes(b"precious")
        folder = world.folder(a=b"2")

        with pytest.raises(UnsavedWeightsError):
            world.place(folder)
        assert world.content() == {"model": b"precious"}
        world.place(folder, force=True)
        assert world.content() == {"model/a": b"2"}

    def test_an_unsaved_folder_does_not_become_a_file_without_force(self, world: World) -> None:
        world.place(world.folder(a=b"1"))
        (world.root / "model/mine").write_bytes(b"precious")
        file = world.file(b"2")

        with pytest.raises(UnsavedWeightsError):
            world.place(file)
        assert world.content() == {"model/a": b"1", "model/mine": b"precious"}
        world.place(file, force=True)
        assert world.content() == {"model": b"2"}

    def test_not_even_force_removes_a_repository_to_make_way(self, world: World) -> None:
        world.place(world.folder(a=b"1"))
        (world.root / "model/.git").mkdir()
        (world.root / "model/.git/config").write_bytes(b"")

        with pytest.raises(UnsavedWeightsError) as caught:
            world.place(world.file(b"2"), force=True)
        assert "model/.git/config" in caught.value.message
        assert world.content() == {"model/a": b"1", "model/.git/config": b""}


def test_a_decomposed_name_on_disk_is_replaced_by_the_composed_one(world: World) -> None:
    """Otherwise both would lie there, and every later look would report a clash."""
    (world.root / "model").mkdir()
    (world.root / "model" / DECOMPOSED).write_bytes(b"1")
    scan = world.tree.scan("model")
    first = store_weights(world.cache, world.tree.sources(scan), folder=True, progress=Silent())
    world.tree.remember("m", scan, first)
    world.place(store_folder(world.cache, {COMPOSED: b"2"}, world.top))

    assert os.listdir(world.root / "model") == [COMPOSED]
    assert world.content() == {f"model/{COMPOSED}": b"2"}


class TestLinks:
    @pytest.mark.parametrize("force", [False, True])
    @pytest.mark.parametrize("way", ["deep", "deep/er"])
    def test_a_link_as_a_parent_is_refused(self, world: World, way: str, force: bool) -> None:
        (world.root / way).parent.mkdir(exist_ok=True)
        (world.root / way).symlink_to(world.outside)

        with pytest.raises(UnsafePathError):
            world.place(world.file(b"x"), "deep/er/model", force=force)
        assert files_below(world.outside) == []

    def test_a_link_as_the_folder_is_refused(self, world: World) -> None:
        (world.root / "model").symlink_to(world.outside)

        with pytest.raises(UnsafePathError):
            world.place(world.folder(a=b"1"), force=True)
        assert files_below(world.outside) == []

    def test_a_link_in_the_folder_is_refused(self, world: World) -> None:
        (world.root / "model").mkdir()
        (world.root / "model/sub").symlink_to(world.outside)

        with pytest.raises(UnsafePathError):
            world.place(world.folder(sub__a=b"1", b=b"2"), force=True)
        assert files_below(world.outside) == []
        assert files_below(world.root) == ["model/sub"]

    def test_a_link_as_the_final_name_is_replaced_not_followed(self, world: World) -> None:
        (world.outside / "target").write_bytes(b"precious")
        (world.root / "model").symlink_to(world.outside / "target")
        world.place(world.file(b"weights"))

        assert (world.outside / "target").read_bytes() == b"precious"
        assert not (world.root / "model").is_symlink()

    def test_a_hard_link_in_the_way_is_never_written_through(self, world: World) -> None:
        (world.outside / "target").write_bytes(b"precious")
        (world.root / "model").mkdir()
        os.link(world.outside / "target", world.root / "model/a")
        world.place(world.folder(a=b"weights"))

        assert (world.outside / "target").read_bytes() == b"precious"
        assert (world.root / "model/a").read_bytes() == b"weights"

    def test_a_folder_swapped_for_a_link_during_the_run_never_leads_outside(
        self, world: World
    ) -> None:
        """Neither writes nor removals: `outside` looks just like the model, and stays."""
        versions = [world.folder(a__x=b"1", old__y=b"3"), world.folder(a__x=b"2", a__z=b"4")]
        world.place(versions[0])
        for name in ("a/x", "old/y"):
            (world.outside / name).parent.mkdir()
            (world.outside / name).write_bytes(b"precious")
        (world.outside / "empty").mkdir()
        stop = threading.Event()

        def swap() -> None:
            model, aside, link = (world.root / name for name in ("model", "aside", "link"))
            while not stop.is_set():
                try:
                    os.rename(model, aside)
                    link.symlink_to(world.outside)
                    os.rename(link, model)
                    os.unlink(model)
                    os.rename(aside, model)
                except OSError:  # a folder that was made in the gap
                    continue

        swapper = threading.Thread(target=swap)
        swapper.start()
        try:
            for turn in range(150):
                try:
                    world.place(versions[turn % 2], force=True)
                except (GitmodelError, OSError):
                    continue
        finally:
            stop.set()
            swapper.join()

        assert files_below(world.outside) == ["a/x", "old/y"]
        assert (world.outside / "empty").is_dir()
        assert {path.read_bytes() for path in world.outside.rglob("*") if path.is_file()} == {
            b"precious"
        }


FULL = textwrap.dedent("""
    import resource, signal, sys
    from pathlib import Path
    from gitmodel.domain.digest import Digest
    from gitmodel.errors import NoSpaceError
    from gitmodel.cache.cache import Cache
    from gitmodel.worktree.placing import place
    from gitmodel.worktree.records import Records
    from gitmodel.worktree.worktree import WorkTree
    from tests.support.stores import writing

    top, digest = Path(sys.argv[1]), Digest.from_hex(sys.argv[2])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    cache = Cache(str(top / "cache"))
    manifest = cache.manifest(digest)
    tree = WorkTree(str(top / "work"), Records(str(top / "records")))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    try:
        place(tree, "m", "model", manifest, writing(cache, manifest))
    except NoSpaceError:
        print("no space")
""")


def test_a_full_disk_leaves_everything_as_it_was(world: World) -> None:
    first = world.folder(a=b"1", b=b"2")
    world.place(first)
    second = world.folder(a=b"11", b=some_bytes(100_000))
    ended = subprocess.run(
        [sys.executable, "-c", FULL, str(world.top), second.digest.hex],
        check=True,
        capture_output=True,
        text=True,
    )

    assert ended.stdout == "no space\n"
    assert world.content() == {"model/a": b"1", "model/b": b"2"}
    assert world.tree.have("m", "model") == first.digest
    world.place(second)
    assert world.content()["model/b"] == some_bytes(100_000)


def test_a_file_written_to_while_it_is_placed_is_not_trusted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename

    def rename_and_write(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        (world.root / "model").write_bytes(b"WEIGHTS")

    manifest = world.file(b"weights")
    monkeypatch.setattr(os, "rename", rename_and_write)
    world.place(manifest)

    assert world.tree.unchanged("m", "model") is None
    assert world.tree.hash_weights("m", "model").kind is EntryKind.FILE
    assert world.tree.hash_weights("m", "model").digest != manifest.digest
