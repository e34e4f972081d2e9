"""Looking at weights: always the right digest, and read only when that is needed."""

from __future__ import annotations

import os
import time
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.cache.cache import Cache
from gitmodel.cache.writer import store_weights
from gitmodel.domain.digest import ListedFile, digest_of, folder_digest
from gitmodel.errors import ChangedWhileReadError, UnsafePathError, WeightsError
from gitmodel.files.file_stat import FileStat
from gitmodel.files.sparse import SparseReader
from gitmodel.project.context import Silent
from gitmodel.worktree import scan as listing
from gitmodel.worktree import worktree
from gitmodel.worktree.records import CachedDigest, Record, Records
from gitmodel.worktree.scan import EntryKind, Found
from gitmodel.worktree.worktree import WorkTree
from tests.support.stores import some_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitmodel.encoding.manifest.manifest import Manifest

MIB = 2**20
LONG_AGO = 1_700_000_000_123_456_789  # ns, on a file system that counts them


class Reads:
    """Counts bytes read by `SparseReader`, which is how weights are read."""

    def __init__(self) -> None:
        self.bytes = 0

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        original = SparseReader.read_into

        def counting(reader: SparseReader, view: memoryview) -> int:
            count = original(reader, view)
            self.bytes += count
            return count

        monkeypatch.setattr(SparseReader, "read_into", counting)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    counting = Reads()
    counting.watch(monkeypatch)
    return counting


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def tree(root: Path, tmp_path: Path) -> WorkTree:
    return WorkTree(str(root), Records(str(tmp_path / "records")))


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    opened = Cache(str(tmp_path / "cache"))
    yield opened
    opened.close()


def write(path: Path, content: bytes, *, mtime_ns: int = LONG_AGO) -> None:
    """A file with the times of long ago; only its change time is new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(mtime_ns, mtime_ns))


def grow_old(folder: Path) -> None:
    """Wait until no file of a folder is so fresh that its stat cannot be trusted."""
    newest = max(path.stat().st_ctime_ns for path in folder.rglob("*"))
    while time.time_ns() < newest + 60_000_000:
        time.sleep(0.005)


def add(tree: WorkTree, cache: Cache, path: str = "model", *, follow: bool = False) -> Manifest:
    scan = tree.scan(path, follow=follow)
    folder = scan.kind is EntryKind.FOLDER
    manifest = store_weights(cache, tree.sources(scan), folder=folder, progress=Silent())
    tree.remember("m", scan, manifest)
    return manifest


class TestObserve:
    @pytest.mark.parametrize("size", [0, 1, 4 * 2**20 - 1, 4 * 2**20, 9 * 2**20])
    def test_a_file_has_the_digest_of_its_bytes(
        self, tree: WorkTree, root: Path, size: int
    ) -> None:
        write(root / "model", some_bytes(size))
        seen = tree.hash_weights("m", "model")

        assert (seen.kind, seen.size, seen.changing) == (EntryKind.FILE, size, False)
        assert seen.digest == digest_of(some_bytes(size))

    def test_a_folder_has_the_digest_of_its_listing(self, tree: WorkTree, root: Path) -> None:
        write(root / "model/b/c", b"1")
        write(root / "model/a", b"")
        expected = [ListedFile("a", 0, digest_of(b"")), ListedFile("b/c", 1, digest_of(b"1"))]
        seen = tree.hash_weights("m", "model")

        assert seen.files == tuple(expected)
        assert seen.digest == folder_digest(expected)

    def test_nothing_and_a_link_have_no_digest(self, tree: WorkTree, root: Path) -> None:
        (root / "link").symlink_to("/etc/passwd")

        assert tree.hash_weights("m", "nothing").kind is EntryKind.MISSING
        assert tree.hash_weights("m", "link").kind is EntryKind.LINK
        assert tree.hash_weights("m", "link").digest is None

    def test_a_link_is_followed_when_a_person_said_so(
        self, tree: WorkTree, root: Path, tmp_path: Path
    ) -> None:
        write(tmp_path / "elsewhere", b"weights")
        (root / "link").symlink_to(tmp_path / "elsewhere")

        (file,) = tree.scan("link", follow=True).files
        assert tree.hash(("link",), file, follow=True).digest == digest_of(b"weights")

    @pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../b", ".git/config", "", "a//b"])
    def test_paths_of_strangers_are_refused(self, tree: WorkTree, path: str) -> None:
        for look in (
            lambda: tree.hash_weights("m", path),
            lambda: tree.scan(path),
            lambda: tree.unchanged("m", path),
            lambda: tree.size_to_read("m", path),
        ):
            with pytest.raises(UnsafePathError):
                look()

    def test_an_unchanged_file_is_not_read_again(
        self, tree: WorkTree, root: Path, reads: Reads
    ) -> None:
        write(root / "model", b"weights")
        grow_old(root)
        first = tree.hash_weights("m", "model")
        assert reads.bytes == 7

        assert tree.hash_weights("m", "model") == first
        assert tree.unchanged("m", "model") == first.digest
        assert tree.size_to_read("m", "model") == 0
        assert reads.bytes == 7

    def test_only_the_changed_file_of_a_folder_is_read_again(
        self, tree: WorkTree, root: Path, reads: Reads
    ) -> None:
        write(root / "model/large", some_bytes(10_000))
        write(root / "model/small", b"1")
        grow_old(root)
        tree.hash_weights("m", "model")
        reads.bytes = 0
        write(root / "model/small", b"22")

        assert tree.size_to_read("m", "model") == 2
        seen = tree.hash_weights("m", "model")
        assert reads.bytes == 2
        assert seen.files[1] == ListedFile("small", 2, digest_of(b"22"))

    @pytest.mark.parametrize("aged", [False, True])
    @pytest.mark.parametrize("how", ["in place", "replaced", "through a hard link"])
    def test_a_write_that_hides_behind_size_and_time_is_noticed(
        self, tree: WorkTree, root: Path, how: str, aged: bool
    ) -> None:
        """`cp -p`, `rsync -t`, and tools that set times back: the change time tells."""
        write(root / "model", b"weights")
        if aged:
            grow_old(root)
        old = tree.hash_weights("m", "model").digest
        if how == "replaced":
            write(root / "new", b"WEIGHTS")
            os.replace(root / "new", root / "model")
        elif how == "through a hard link":
            os.link(root / "model", root / "other")
            write(root / "other", b"WEIGHTS")
        else:
            write(root / "model", b"WEIGHTS")
        assert (root / "model").stat().st_mtime_ns == LONG_AGO

        assert tree.unchanged("m", "model") is None
        assert tree.hash_weights("m", "model").digest == digest_of(b"WEIGHTS") != old

    def test_a_write_in_the_tick_of_hashing_is_noticed(self, tree: WorkTree, root: Path) -> None:
        """Same size, same times: only that the file was fresh when it was hashed gives it away."""
        for turn in range(50):
            now = time.time_ns()
            (root / "model").write_bytes(b"one")
            os.utime(root / "model", ns=(now, now))
            tree.hash_weights("m", "model")
            with open(root / "model", "r+b") as stream:
                stream.write(b"two")
            os.utime(root / "model", ns=(now, now))

            assert tree.hash_weights("m", "model").digest == digest_of(b"two"), turn

    def test_a_file_from_the_future_is_read_every_time(
        self, tree: WorkTree, root: Path, reads: Reads
    ) -> None:
        write(root / "model", b"weights", mtime_ns=time.time_ns() + 3600 * 10**9)
        tree.hash_weights("m", "model")
        tree.hash_weights("m", "model")

        assert reads.bytes == 14
        assert tree.unchanged("m", "model") is None

    def test_a_fresh_file_is_trusted_once_it_has_aged(
        self, tree: WorkTree, root: Path, reads: Reads
    ) -> None:
        write(root / "model", b"weights", mtime_ns=time.time_ns())
        tree.hash_weights("m", "model")
        before = reads.bytes
        grow_old(root)
        tree.hash_weights("m", "model")
        tree.hash_weights("m", "model")

        assert reads.bytes == before + 7

    @pytest.mark.parametrize("act", ["grow", "shrink", "write", "replace", "remove"])
    def test_a_file_that_changes_while_it_is_hashed_is_changing_and_not_remembered(
        self, tree: WorkTree, root: Path, monkeypatch: pytest.MonkeyPatch, act: str
    ) -> None:
        write(root / "model", some_bytes(5 * 2**20))
        original = os.readv
        acted = False

        def readv(descriptor: int, buffers: list[memoryview]) -> int:
            nonlocal acted
            count = original(descriptor, buffers)
            if not acted:
                acted = True
                if act == "grow":
                    with open(root / "model", "ab") as stream:
                        stream.write(b"x")
                elif act == "shrink":
                    os.truncate(root / "model", 10)
                elif act == "write":
                    with open(root / "model", "r+b") as stream:
                        stream.write(b"x")
                elif act == "replace":
                    write(root / "model.tmp", b"new")
                    os.replace(root / "model.tmp", root / "model")
                else:
                    os.unlink(root / "model")
            return count

        monkeypatch.setattr(os, "readv", readv)
        seen = tree.hash_weights("m", "model")

        assert seen.changing
        assert seen.digest is None
        assert tree.records.read("model") == Record()

    def test_a_file_that_vanishes_between_two_looks_is_changing(
        self, tree: WorkTree, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(root / "model", b"weights")
        listed = listing.list_files

        def list_and_remove(*arguments: object, **options: object) -> list[Found]:
            (root / "model").unlink(missing_ok=True)
            return listed(*arguments, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(worktree, "list_files", list_and_remove)

        assert tree.hash_weights("m", "model").changing

    def test_a_listed_file_that_is_gone_has_changed(self, tree: WorkTree) -> None:
        found = Found("", (), FileStat(1, 2, 3, 4))

        with pytest.raises(ChangedWhileReadError):
            tree.hash(("gone",), found)
        with pytest.raises(ChangedWhileReadError):
            tree.hash(("gone",), found, follow=True)

    def test_a_link_put_in_the_way_after_listing_is_not_followed(
        self, tree: WorkTree, root: Path, tmp_path: Path
    ) -> None:
        write(tmp_path / "outside/secret", b"secret")
        write(root / "model/secret", b"mine")
        scan = tree.scan("model")
        os.rename(root / "model", root / "aside")
        (root / "model").symlink_to(tmp_path / "outside")

        (source,) = tree.sources(scan)
        with pytest.raises(UnsafePathError):
            source.open()

    def test_a_read_only_memory_only_costs_time(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "records").write_bytes(b"a file where the folder should be")
        tree = WorkTree(str(root), Records(str(tmp_path / "records")))
        write(root / "model", b"weights")

        assert tree.hash_weights("m", "model").digest == digest_of(b"weights")
        assert tree.hash_weights("m", "model").digest == digest_of(b"weights")

    def test_a_damaged_memory_only_costs_time(
        self, tree: WorkTree, root: Path, tmp_path: Path
    ) -> None:
        write(root / "model", b"weights")
        tree.hash_weights("m", "model")
        (tmp_path / "records/@model.json").write_bytes(b'{"have": null, "files"')

        assert tree.hash_weights("m", "model").digest == digest_of(b"weights")


class TestAdd:
    def test_what_was_added_is_have_and_is_not_read_again(
        self, tree: WorkTree, cache: Cache, root: Path, reads: Reads
    ) -> None:
        write(root / "model", b"weights")
        grow_old(root)
        manifest = add(tree, cache)
        reads.bytes = 0

        assert tree.have("m", "model") == manifest.digest
        assert tree.hash_weights("m", "model").digest == manifest.digest
        assert reads.bytes == 0

    def test_a_folder_too(self, tree: WorkTree, cache: Cache, root: Path, reads: Reads) -> None:
        write(root / "model/a", b"1")
        write(root / "model/b/c", b"2")
        grow_old(root)
        manifest = add(tree, cache)
        reads.bytes = 0

        assert tree.records.read("model").have_files == {
            "a": digest_of(b"1"),
            "b/c": digest_of(b"2"),
        }
        assert tree.unchanged("m", "model") == manifest.digest
        assert reads.bytes == 0

    def test_a_write_right_after_hashing_is_noticed(
        self, tree: WorkTree, cache: Cache, root: Path
    ) -> None:
        for turn in range(30):
            (root / "model").write_bytes(b"one %d" % turn)
            add(tree, cache)
            with open(root / "model", "r+b") as stream:
                stream.write(b"two")

            assert tree.hash_weights("m", "model").digest == digest_of(b"two %d" % turn)

    @pytest.mark.parametrize("lost", [True, False])
    def test_in_another_start_of_the_machine_only_files_with_holes_are_read(
        self, tree: WorkTree, cache: Cache, root: Path, reads: Reads, lost: bool
    ) -> None:
        """A power failure leaves holes. Files may also have some of their own."""
        whole, holed = root / "model/whole", root / "model/holed"
        write(whole, some_bytes(MIB))
        write(holed, some_bytes(MIB) if lost else bytes(MIB))
        grow_old(root)
        add(tree, cache)
        os.truncate(holed, 0)
        os.truncate(holed, MIB)
        os.utime(holed, ns=(LONG_AGO, LONG_AGO))
        record = tree.records.read("model")
        now = CachedDigest.placed(FileStat.of(holed.stat()), record.files["holed"].digest)
        record.files["holed"] = now  # the stat that a crash would have left
        tree.records.write("model", replace(record, boot="another"))
        assert tree.unchanged("m", "model") is None
        reads.bytes = 0

        assert tree.is_damaged("m", "model") is lost
        assert tree.hash_weights("m", "model").damaged is lost
        assert reads.bytes == 2 * MIB
        assert (tree.unchanged("m", "model") is None) is lost

    def test_what_changed_since_it_was_read_is_not_remembered(
        self, tree: WorkTree, cache: Cache, root: Path
    ) -> None:
        write(root / "model", b"weights")
        scan = tree.scan("model")
        manifest = store_weights(cache, tree.sources(scan), folder=False, progress=Silent())
        write(root / "model", b"WEIGHTS")

        with pytest.raises(ChangedWhileReadError):
            tree.remember("m", scan, manifest)
        assert tree.have("m", "model") is None
        assert tree.records.read("model") == Record()

    @pytest.mark.parametrize("act", ["add", "remove", "rename"])
    def test_a_folder_that_changed_since_is_not_remembered(
        self, tree: WorkTree, cache: Cache, root: Path, act: str
    ) -> None:
        write(root / "model/a", b"1")
        write(root / "model/b", b"2")
        scan = tree.scan("model")
        manifest = store_weights(cache, tree.sources(scan), folder=True, progress=Silent())
        if act == "add":
            write(root / "model/c", b"3")
        elif act == "remove":
            (root / "model/b").unlink()
        else:
            os.rename(root / "model/b", root / "model/c")

        with pytest.raises(ChangedWhileReadError):
            tree.remember("m", scan, manifest)
        assert tree.have("m", "model") is None

    def test_what_vanished_since_it_was_listed_is_changed(self, tree: WorkTree, root: Path) -> None:
        write(root / "model", b"weights")
        (source,) = tree.sources(tree.scan("model"))
        (root / "model").unlink()

        with pytest.raises(ChangedWhileReadError):
            source.open()

    def test_nothing_cannot_be_added(self, tree: WorkTree) -> None:
        with pytest.raises(WeightsError) as caught:
            tree.scan("model")
        assert caught.value.message == "model does not exist"
        assert caught.value.hint == "gitmodel checkout"

    def test_a_link_is_added_only_when_asked(
        self, tree: WorkTree, cache: Cache, root: Path, tmp_path: Path
    ) -> None:
        write(tmp_path / "elsewhere", b"weights")
        (root / "model").symlink_to(tmp_path / "elsewhere")

        with pytest.raises(UnsafePathError):
            tree.scan("model")
        assert add(tree, cache, follow=True).digest == digest_of(b"weights")

    def test_decomposed_names_on_disk_are_stored_composed(
        self, tree: WorkTree, cache: Cache, root: Path
    ) -> None:
        composed = unicodedata.normalize("NFC", "modèle.bin")
        write(root / "model" / unicodedata.normalize("NFD", composed), b"weights")
        grow_old(root)
        manifest = add(tree, cache)

        assert [entry.path for entry in manifest.files] == [composed]
        assert tree.unchanged("m", "model") == manifest.digest

    def test_set_have_keeps_what_is_known_of_the_files(
        self, tree: WorkTree, root: Path, reads: Reads
    ) -> None:
        write(root / "model", b"weights")
        grow_old(root)
        seen = tree.hash_weights("m", "model")
        reads.bytes = 0
        tree.set_have("m", "model", seen)

        assert tree.have("m", "model") == seen.digest
        assert tree.hash_weights("m", "model") == seen
        assert reads.bytes == 0


def test_two_work_trees_know_nothing_of_each_other(tmp_path: Path) -> None:
    trees = []
    for name in ("one", "two"):
        write(tmp_path / name / "model", name.encode())
        trees.append(WorkTree(str(tmp_path / name), Records(str(tmp_path / f"{name}-records"))))

    assert [tree.hash_weights("m", "model").digest for tree in trees] == [
        digest_of(b"one"),
        digest_of(b"two"),
    ]
