"""Objects as files: the common promises, and what only a folder can break."""

from __future__ import annotations

import errno
import os
import shlex
import stat
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from gitmodel.backends.folder import FolderBackend
from gitmodel.backends.open import folder_of, open_backend
from gitmodel.backends.open_options import OpenOptions
from gitmodel.domain.config.remote import Remote
from gitmodel.errors import (
    ConfigError,
    DamagedObjectError,
    NoSpaceError,
    RemoteDeniedError,
    RemoteMissingError,
    StoreError,
)
from tests.backends.backend_suite import KEY, LIMIT, BackendSuite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gitmodel.backends.backend import Backend


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


class TestFolder(BackendSuite):
    @pytest.fixture
    def backend(self, root: Path) -> Backend:
        return FolderBackend(str(root))

    @pytest.fixture
    def another(self, root: Path) -> Backend:
        return FolderBackend(str(root))


class TestFolderWithoutFlush(TestFolder):
    """The same promises without flushing: as a cache that is flushed as a whole uses it."""

    @pytest.fixture
    def backend(self, root: Path) -> Backend:
        return FolderBackend(str(root))


class TestFolderWithoutHardLinks(TestFolder):
    """The same promises on a file system that knows no hard links, as FAT and some shares."""

    @pytest.fixture(autouse=True)
    def no_links(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_arguments: object, **_options: object) -> None:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

        monkeypatch.setattr(os, "link", refuse)

    @pytest.mark.skip(reason="losers may meet the winner's bytes half written there")
    def test_all_creators_of_the_same_bytes_succeed(self, backend: Backend) -> None:
        raise NotImplementedError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_nothing_else_is_left_in_the_folder(root: Path) -> None:
    backend = FolderBackend(str(root))
    backend.write("a/b", b"1")
    backend.create("a/b", b"2")
    backend.create("a/c", b"3")

    assert names(root) == ["b", "c"]


def test_a_lost_answer_to_a_link_is_not_taken_for_a_loss(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS sends a request again when its answer was lost; the second one finds the first one's file."""
    link = os.link

    def link_twice(source: str, target: str) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", link_twice)

    assert FolderBackend(str(root)).create(KEY, b"mine") is True


def test_objects_are_readable_for_the_group_and_not_executable(root: Path) -> None:
    before = os.umask(0o022)
    try:
        FolderBackend(str(root)).write(KEY, b"x")
    finally:
        os.umask(before)

    assert stat.S_IMODE((root / KEY).stat().st_mode) == 0o644


def test_a_write_is_flushed_before_its_name_appears(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a power cut leaves an empty file under a name that promises its bytes."""
    order: list[str] = []
    for name in ("fsync", "replace", "link"):
        original = getattr(os, name)

        def record(*arguments: object, name: str = name, original: object = original) -> None:
            target = arguments[0]
            is_folder = isinstance(target, int) and stat.S_ISDIR(os.fstat(target).st_mode)
            order.append("fsync folder" if is_folder else name)
            original(*arguments)  # type: ignore[operator] # a function of os

        monkeypatch.setattr(os, name, record)
    backend = FolderBackend(str(root))
    backend.write("a/warm-up", b"")
    order.clear()

    backend.write("a/b", b"x")
    backend.create("a/c", b"x")

    assert order == ["fsync", "replace", "fsync folder", "fsync", "link", "fsync folder"]


def test_a_temporary_file_of_a_killed_process_is_in_nobodys_way(root: Path) -> None:
    script = """
        import os, sys
        from gitmodel.backends.folder import FolderBackend
        def die(*_): os._exit(9)
        os.link = os.replace = die
        backend = FolderBackend(sys.argv[1])
        backend.create("a/b", b"half")
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(root)]
    assert subprocess.run(command, check=False, timeout=30).returncode == 9
    left = names(root)
    assert len(left) == 1
    assert left[0].startswith(".gitmodel-tmp-")

    backend = FolderBackend(str(root))

    assert list(backend.list("")) == []
    assert backend.create("a/b", b"whole") is True
    backend.close()
    assert names(root) == ["b"]
    assert sorted(os.listdir(root)) == ["a"]


def test_a_folder_removed_meanwhile_is_made_again(root: Path) -> None:
    backend = FolderBackend(str(root))
    backend.write("a/b/c", b"1")
    (root / "a/b/c").unlink()
    (root / "a/b").rmdir()
    (root / "a").rmdir()

    backend.write("a/b/c", b"2")

    assert backend.read("a/b/c", limit=LIMIT) == b"2"


class TestMissingRoot:
    """An unmounted share must not be taken for an empty store."""

    @pytest.fixture
    def backend(self, tmp_path: Path) -> FolderBackend:
        return FolderBackend(str(tmp_path / "unmounted"))

    @pytest.mark.parametrize(
        "call",
        [
            lambda backend: backend.read(KEY, limit=LIMIT),
            lambda backend: backend.read_range(KEY, 0, 1),
            lambda backend: backend.size(KEY),
            lambda backend: backend.create(KEY, b"x"),
            lambda backend: backend.write(KEY, b"x"),
            lambda backend: backend.delete(KEY),
            lambda backend: list(backend.list("")),
        ],
        ids=["read", "read_range", "size", "create", "write", "delete", "list"],
    )
    def test_is_told_apart_from_a_missing_object(
        self, backend: FolderBackend, call: Callable[[Backend], object]
    ) -> None:
        with pytest.raises(RemoteMissingError) as caught:
            call(backend)

        assert str(caught.value) == f"the folder {backend.root} does not exist"
        assert caught.value.hint
        assert not os.path.exists(backend.root)

    def test_is_created_where_asked(self, tmp_path: Path) -> None:
        backend = FolderBackend(str(tmp_path / "new/store"), create_root=True)

        assert backend.create(KEY, b"x") is True


class TestSystemErrors:
    """What the system says becomes an error with the path in it."""

    @pytest.mark.parametrize(
        ("number", "kind"),
        [
            (errno.ENOSPC, NoSpaceError),
            (errno.EDQUOT, NoSpaceError),
            (errno.EROFS, RemoteDeniedError),
            (errno.EACCES, RemoteDeniedError),
            (errno.EIO, StoreError),
        ],
    )
    @pytest.mark.parametrize("name", ["write", "fsync", "close"])
    def test_while_writing(
        self,
        root: Path,
        monkeypatch: pytest.MonkeyPatch,
        number: int,
        kind: type[Exception],
        name: str,
    ) -> None:
        backend = FolderBackend(str(root))
        backend.write("a/warm-up", b"")
        original = getattr(os, name)

        def fail(descriptor: int, *rest: object) -> None:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                original(descriptor, *rest)
                return
            if name == "close":
                original(descriptor)
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            for call in (backend.write, backend.create):
                with pytest.raises(kind) as caught:
                    call("a/b", b"data")
                assert f"{root}/a/b" in str(caught.value)
                hint = getattr(caught.value, "hint", None)
                if str(hint).startswith(("df ", "ls ")):  # of a file that is there
                    subprocess.run(shlex.split(str(hint)), check=True, stdout=subprocess.DEVNULL)

        assert names(root) == ["warm-up"]
        assert backend.size("a/b") is None

    def test_a_full_disk_keeps_the_old_object(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        backend = FolderBackend(str(root))
        backend.write(KEY, b"old")

        def full(*_arguments: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(NoSpaceError):
                backend.write(KEY, b"new")

        assert backend.read(KEY, limit=LIMIT) == b"old"

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_read_only_folder_names_itself(self, root: Path) -> None:
        root.chmod(0o555)
        try:
            with pytest.raises(RemoteDeniedError, match=str(root)):
                FolderBackend(str(root)).write(KEY, b"x")
        finally:
            root.chmod(0o755)


class TestHostileContent:
    """A share that others can write to is no reason to read what is not an object."""

    @pytest.fixture
    def backend(self, root: Path) -> FolderBackend:
        backend = FolderBackend(str(root))
        backend.write("a/b", b"x")
        return backend

    def test_a_link_is_not_followed(self, backend: FolderBackend, root: Path) -> None:
        (root / "a/link").symlink_to("/etc/passwd")

        with pytest.raises(DamagedObjectError, match="is a link, not a file"):
            backend.read("a/link", limit=LIMIT)
        assert [info.key for info in backend.list("")] == ["a/b"]

    def test_a_pipe_does_not_block(self, backend: FolderBackend, root: Path) -> None:
        os.mkfifo(root / "a/pipe")

        with pytest.raises(DamagedObjectError, match="is not a regular file"):
            backend.read("a/pipe", limit=LIMIT)
        with pytest.raises(DamagedObjectError, match="is not a regular file"):
            backend.size("a/pipe")

    def test_a_folder_is_not_an_object(self, backend: FolderBackend) -> None:
        with pytest.raises(DamagedObjectError, match="is not a regular file"):
            backend.read("a", limit=LIMIT)


class TestOpening:
    def test_an_absolute_path(self, root: Path) -> None:
        remote = Remote(url=str(root), scheme="file")

        backend = open_backend(remote, OpenOptions(trusted=False))

        assert backend.url == str(root)

    def test_a_relative_path_is_relative_to_the_repository(self, root: Path) -> None:
        remote = Remote(url="../store", scheme="file")

        backend = open_backend(
            remote, OpenOptions(trusted=False, root=str(root.parent / "repository"))
        )

        assert backend.url == str(root)

    def test_a_relative_path_without_a_repository_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="a relative path outside a repository"):
            open_backend(Remote(url="../store", scheme="file"), OpenOptions(trusted=False))


@pytest.mark.parametrize(
    "url", ["../../../../../../../../../../etc", "../../../../../../../../usr/lib"]
)
def test_a_relative_path_does_not_lead_into_the_system(url: str, tmp_path: Path) -> None:
    """The address alone does not say where it leads."""
    remote = Remote.from_value(url, where="test")

    with pytest.raises(ConfigError, match="belongs to the system"):
        folder_of(remote, root=str(tmp_path))
