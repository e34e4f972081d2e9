"""Storing: what went in can be had again, is stored once, and is complete when it can be seen."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from gitmodel.cache.cache import Cache
from gitmodel.cache.source_reader import BLOCK_SIZE
from gitmodel.cache.writer import store_weights
from gitmodel.domain.digest import digest_of
from gitmodel.encoding.pack import PACK_MAX
from gitmodel.errors import (
    ChangedWhileReadError,
    NoSpaceError,
    ObjectMissingError,
    StoreError,
    UnsafePathError,
)
from gitmodel.files.source_file import SourceFile
from gitmodel.project.context import Silent
from gitmodel.store.layout import pack_key
from tests.support.stores import (
    files_below,
    flip,
    object_paths,
    restored,
    some_bytes,
    source_of,
    store_bytes,
    store_folder,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MIB = 2**20


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    opened = Cache(str(tmp_path / "cache"))
    yield opened
    opened.close()


class Meddling(Silent):
    """A listener that does something to the world after so many bytes were read."""

    def __init__(self, act: Callable[[], object], *, after: int = 1) -> None:
        self._act = act
        self._left = after

    def advance(self, done_bytes: int) -> None:
        super().advance(done_bytes)
        self._left -= 1
        if self._left == 0:
            self._act()


class Growing(Meddling):
    """A listener that does something after every read."""

    def advance(self, done_bytes: int) -> None:
        super().advance(done_bytes)
        self._left = 1


def store(cache: Cache, path: Path, progress: Silent | None = None) -> None:
    store_weights(cache, [source_of(path)], folder=False, progress=progress or Silent(), workers=2)


@pytest.mark.parametrize(
    "size", [0, 1, 65536, BLOCK_SIZE - 1, BLOCK_SIZE, BLOCK_SIZE + 1, 3 * BLOCK_SIZE + 5]
)
def test_a_file_of_any_size_comes_out_as_it_went_in(
    cache: Cache, tmp_path: Path, size: int
) -> None:
    content = some_bytes(size)

    manifest = store_bytes(cache, content, tmp_path)

    assert manifest.digest == digest_of(content)
    assert manifest.total_size == size
    assert cache.manifest(manifest.digest) == manifest
    assert restored(cache, manifest, tmp_path) == {"": content}


@pytest.mark.parametrize("workers", [1, 3, 16])
def test_the_result_does_not_depend_on_the_number_of_workers(tmp_path: Path, workers: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(some_bytes(12 * MIB) + bytes(6 * MIB) + b"text " * MIB)
    results = []
    for number, count in enumerate((2, workers)):
        cache = Cache(str(tmp_path / f"cache-{number}"))
        results.append(
            store_weights(
                cache, [source_of(path)], folder=False, progress=Silent(), workers=count
            ).to_bytes()
        )

    assert results[0] == results[1]


def test_files_of_a_folder_share_packs(cache: Cache, tmp_path: Path) -> None:
    content = {f"shard-{n}": some_bytes(100_000, n) for n in range(12)} | {"empty": b""}

    manifest = store_folder(cache, content, tmp_path)

    assert len(manifest.packs) == 1
    assert restored(cache, manifest, tmp_path) == content


def test_empty_files_need_no_pack(cache: Cache, tmp_path: Path) -> None:
    manifest = store_folder(cache, {"a": b"", "b/c": b""}, tmp_path)

    assert manifest.packs == ()
    assert cache.holds(manifest.digest)
    assert restored(cache, manifest, tmp_path) == {"a": b"", "b/c": b""}


def test_equal_chunks_are_stored_once(cache: Cache, tmp_path: Path) -> None:
    content = some_bytes(3 * MIB)

    manifest = store_folder(cache, {"a": content, "b": content, "c": content}, tmp_path)

    assert sum(manifest.pack_sizes) < 3.1 * MIB
    assert restored(cache, manifest, tmp_path) == dict.fromkeys("abc", content)


def test_a_long_run_of_zeros_is_one_chunk(cache: Cache, tmp_path: Path) -> None:
    content = bytes(20 * MIB)

    manifest = store_bytes(cache, content, tmp_path)

    assert sum(manifest.pack_sizes) < MIB // 16
    assert restored(cache, manifest, tmp_path) == {"": content}


def test_packs_are_about_8_mib_and_named_by_their_bytes(cache: Cache, tmp_path: Path) -> None:
    manifest = store_bytes(cache, some_bytes(33 * MIB), tmp_path)

    sizes = list(manifest.pack_sizes)
    assert all(8 * MIB <= size <= PACK_MAX for size in sizes[:-1])
    for name, size in zip(manifest.packs, sizes, strict=True):
        data = cache.read_pack(name)
        assert (digest_of(data).hex, len(data)) == (name, size)


def test_only_what_changed_is_stored_again(cache: Cache, tmp_path: Path) -> None:
    content = some_bytes(10 * MIB)
    first = store_bytes(cache, content, tmp_path)
    changed = content[: 5 * MIB] + b"inserted" + content[5 * MIB :]

    second = store_bytes(cache, changed, tmp_path, [first])

    new = set(second.packs) - set(first.packs)
    sizes = dict(zip(second.packs, second.pack_sizes, strict=True))
    assert sum(sizes[name] for name in new) < 2 * MIB
    assert restored(cache, second, tmp_path) == {"": changed}
    assert restored(cache, first, tmp_path) == {"": content}


def test_chunks_whose_pack_is_gone_are_stored_again(cache: Cache, tmp_path: Path) -> None:
    content = some_bytes(3 * MIB)
    first = store_bytes(cache, content, tmp_path)
    for name in first.packs:
        os.unlink(cache.path(pack_key(name)))

    second = store_bytes(cache, content + b"more", tmp_path, [first])

    assert cache.missing_packs(second) == []
    assert restored(cache, second, tmp_path) == {"": content + b"more"}


def test_a_pack_to_be_reused_that_vanishes_meanwhile_is_noticed(
    cache: Cache, tmp_path: Path
) -> None:
    """Another process may set a damaged pack aside: no manifest may name what is not there."""
    content = some_bytes(3 * MIB)
    first = store_bytes(cache, content, tmp_path)
    path = tmp_path / "second"
    path.write_bytes(content + b"more")
    vanish = Meddling(lambda: cache.set_aside(first.packs[0]))

    with pytest.raises(ObjectMissingError):
        store_weights(
            cache, [source_of(path)], folder=False, reuse=[first], progress=vanish, workers=1
        )

    assert cache.manifest(digest_of(content + b"more")) is None


def test_storing_the_same_twice_changes_nothing(cache: Cache, tmp_path: Path) -> None:
    content = some_bytes(MIB)
    first = store_bytes(cache, content, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in object_paths(tmp_path / "cache", first)}

    assert store_bytes(cache, content, tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_storing_again_mends_a_damaged_pack(cache: Cache, tmp_path: Path) -> None:
    """Otherwise the only good copy, the file itself, would pass for saved."""
    content = some_bytes(MIB)
    manifest = store_bytes(cache, content, tmp_path)
    flip(object_paths(tmp_path / "cache", manifest)[1], MIB // 2)
    with pytest.raises(StoreError):
        restored(cache, manifest, tmp_path)

    store_bytes(cache, content, tmp_path)

    assert restored(cache, manifest, tmp_path) == {"": content}


@pytest.mark.parametrize("damage", [b"", b"gmm1 but nothing else", b"x" * 300])
def test_storing_again_mends_a_damaged_manifest(
    cache: Cache, tmp_path: Path, damage: bytes
) -> None:
    content = some_bytes(MIB)
    manifest = store_bytes(cache, content, tmp_path)
    object_paths(tmp_path / "cache", manifest)[0].write_bytes(damage)

    store_bytes(cache, content, tmp_path)

    assert cache.manifest(manifest.digest) == manifest


@pytest.mark.parametrize("after", [1, 2])
@pytest.mark.parametrize("change", ["grows", "shrinks", "is written in place", "grows for ever"])
def test_a_file_that_changes_while_it_is_read_is_refused_and_nothing_is_visible(
    cache: Cache, tmp_path: Path, change: str, after: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(some_bytes(2 * BLOCK_SIZE + 7))
    os.utime(path, (1_700_000_000, 1_700_000_000))  # so that no write falls into the same tick

    def grow() -> None:
        with open(path, "ab") as stream:
            stream.write(b"one more line")

    def write() -> None:
        with open(path, "r+b") as stream:
            stream.write(b"x")

    act = {
        "grows": grow,
        "grows for ever": grow,
        "shrinks": lambda: os.truncate(path, BLOCK_SIZE + 1),
        "is written in place": write,
    }[change]
    progress = Meddling(act, after=after)
    if change == "grows for ever":
        progress = Growing(grow)

    with pytest.raises(ChangedWhileReadError):
        store(cache, path, progress)
    assert files_below(tmp_path / "cache/manifests") == []


@pytest.mark.parametrize("size", [0, 4, 6])
def test_a_file_that_changed_since_it_was_listed_is_refused(
    cache: Cache, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"five!")
    source = source_of(path)
    path.write_bytes(b"x" * size)

    with pytest.raises(ChangedWhileReadError):
        store_weights(cache, [source], folder=False, progress=Silent())
    assert files_below(tmp_path / "cache/manifests") == []


def test_one_changing_file_refuses_the_whole_folder(cache: Cache, tmp_path: Path) -> None:
    sources = []
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(some_bytes(MIB))
        sources.append(source_of(tmp_path / name, name))
    grow = Meddling(lambda: os.truncate(tmp_path / "b", 5), after=1)

    with pytest.raises(ChangedWhileReadError) as caught:
        store_weights(cache, sources, folder=True, progress=grow)

    assert caught.value.message.startswith("b ")
    assert files_below(tmp_path / "cache/manifests") == []


def test_names_that_clash_are_refused_before_a_manifest_is_written(
    cache: Cache, tmp_path: Path
) -> None:
    with pytest.raises(UnsafePathError):
        store_folder(cache, {"Model": b"1", "model": b"2"}, tmp_path)
    assert files_below(tmp_path / "cache/manifests") == []


def test_no_descriptor_is_left_open(cache: Cache, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    store_folder(cache, {f"{n}": some_bytes(10, n) for n in range(50)}, tmp_path)

    def failing() -> int:
        raise UnsafePathError("a link")

    with pytest.raises(UnsafePathError):
        store_weights(cache, [SourceFile("", 1, failing)], folder=False, progress=Silent())

    assert len(os.listdir("/proc/self/fd")) == before


def test_the_manifest_comes_after_all_packs_are_flushed(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packs flushed, then their names, then the manifest, then its name: the order of a power cut."""
    order: list[str] = []
    flushed: set[str] = set()
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        target = os.readlink(f"/proc/self/fd/{descriptor}")
        inner = os.path.relpath(target, cache.root)
        is_folder = os.path.isdir(target)
        order.append(f"folder {inner.partition(os.sep)[0]}" if is_folder else f"file {target}")
        real_fsync(descriptor)
        flushed.add(target)

    def replace(source: str, target: str) -> None:
        assert source in flushed
        kind = os.path.relpath(target, cache.root).partition(os.sep)[0]
        order[order.index(f"file {source}")] = f"file {kind}"
        order.append(f"name {kind}")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    store_bytes(cache, some_bytes(10 * MIB), tmp_path)

    packs = [step for step in order if step.endswith("packs")]
    first_manifest = order.index("file manifests")
    assert sorted(packs[:4]) == ["file packs", "file packs", "name packs", "name packs"]
    assert "folder packs" in order[:first_manifest]
    assert max(i for i, step in enumerate(order) if step.endswith("packs")) < first_manifest
    manifests = [step for step in order if step.endswith("manifests")]
    assert manifests[:3] == ["file manifests", "name manifests", "folder manifests"]


CHILD = textwrap.dedent("""
    import os, signal, sys
    from gitmodel.project.context import Silent
    from gitmodel.cache.cache import Cache
    from gitmodel.files.source_file import SourceFile
    from gitmodel.cache.writer import store_weights

    path, root, stop = sys.argv[1], sys.argv[2], int(sys.argv[3])
    steps = 0

    def dying(original):
        def call(*arguments, **options):
            global steps
            steps += 1
            if steps == stop:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)
        return call

    for name in ("write", "fsync", "replace", "mkdir", "open", "close"):
        setattr(os, name, dying(getattr(os, name)))
    source = SourceFile("", os.stat(path).st_size, lambda: os.open(path, os.O_RDONLY))
    store_weights(Cache(root), [source], folder=False, progress=Silent(), workers=1)
""")


@pytest.mark.slow
def test_a_kill_at_any_step_leaves_only_whole_objects(tmp_path: Path) -> None:
    """Each system call that writes is the last one in turn; then the same command succeeds."""
    path = tmp_path / "file"
    content = some_bytes(100_000)
    path.write_bytes(content)
    digest = digest_of(content)
    for stop in range(1, 60):
        root = tmp_path / f"cache-{stop}"
        ended = subprocess.run(
            [sys.executable, "-c", CHILD, str(path), str(root), str(stop)], check=False
        )
        cache = Cache(str(root))
        for file in files_below(root):
            name = file.rpartition("/")[2]
            if file.startswith("packs/") and not name.startswith(".gitmodel-tmp-"):
                assert digest_of(cache.read_pack(name)).hex == name
        manifest = cache.manifest(digest)
        if manifest is not None:
            assert restored(cache, manifest, tmp_path) == {"": content}
        cache.close()
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
        store(cache, path)
        assert cache.holds(digest)
    else:
        pytest.fail("the child never ran to its end")
    assert stop > 10


LIMITED = textwrap.dedent("""
    import resource, signal, sys
    from pathlib import Path
    from gitmodel.cache.cache import Cache
    from gitmodel.errors import NoSpaceError
    from tests.support.stores import some_bytes, store_bytes

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    content = some_bytes(3 * 2**20)
    Path(sys.argv[2], "file").write_bytes(content)
    cache = Cache(sys.argv[1])
    folder = Path(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY))
    from gitmodel.project.context import Silent
    from gitmodel.cache.writer import store_weights
    from tests.support.stores import source_of
    try:
        store_weights(cache, [source_of(folder / "file")], folder=False, progress=Silent())
    except NoSpaceError as error:
        print(error.hint)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        assert not [p for p in Path(sys.argv[1]).rglob("*") if p.is_file()]
        store_weights(cache, [source_of(folder / "file")], folder=False, progress=Silent())
        print("stored")
""")


def test_a_write_that_finds_no_space_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "cache"), str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )

    assert ended.stdout == "ulimit -f unlimited, then run the same command again\nstored\n"


def test_a_cache_that_cannot_be_written_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file where the cache should be")

    with pytest.raises(StoreError) as caught:
        store_bytes(Cache(str(tmp_path / "cache")), b"x", tmp_path)

    assert not isinstance(caught.value, NoSpaceError)
    assert caught.value.hint == "git config gitmodel.cache DIR"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_whatever_the_fill_level_a_full_disk_damages_nothing(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=2m", "none", str(mount)],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("mounting is not permitted here")
    content = some_bytes(MIB)
    filler = mount / "filler"
    try:
        for fill in range(0, 2 * MIB, 96 * 1024):
            filler.write_bytes(bytes(fill))
            cache = Cache(str(mount / f"cache-{fill}"))
            try:
                manifest = store_bytes(cache, content, tmp_path)
            except NoSpaceError:
                assert cache.manifest(digest_of(content)) is None
                filler.unlink()
                manifest = store_bytes(cache, content, tmp_path)
            assert restored(cache, manifest, tmp_path) == {"": content}
            cache.close()
            subprocess.run(["/bin/rm", "-rf", cache.root], check=True)
    finally:
        subprocess.run(["/bin/umount", str(mount)], check=True)
