"""Files by handles: nothing is reached through a link, nothing is half visible."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import NoSpaceError, UnsafePathError, WeightsError
from gitmodel.files.os_errors import disk_errors
from gitmodel.files.safe_open import NewFile, folder_handle, open_file, require_space, write_all
from gitmodel.files.temporary_names import new_name
from tests.support.stores import files_below

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that a hostile link could lead to."""
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_missing_folders_are_made_only_on_request(root: Path) -> None:
    with pytest.raises(FileNotFoundError), folder_handle(str(root), ["a", "b"]):
        pass
    assert files_below(root) == []
    with folder_handle(str(root), ["a", "b"], create=True) as handle:
        assert os.path.samestat(os.fstat(handle), (root / "a/b").stat())


def test_a_link_as_a_parent_is_refused_and_nothing_is_made_behind_it(
    root: Path, outside: Path
) -> None:
    (root / "a").symlink_to(outside)

    for create in (False, True):
        with (
            pytest.raises(UnsafePathError),
            folder_handle(str(root), ["a", "b"], create=create),
        ):
            pass
    assert list(outside.iterdir()) == []


def test_a_dangling_link_as_a_parent_is_refused(root: Path, outside: Path) -> None:
    (root / "a").symlink_to(outside / "new")

    with pytest.raises(UnsafePathError), folder_handle(str(root), ["a"], create=True):
        pass
    assert list(outside.iterdir()) == []


def test_a_file_as_a_parent_is_refused(root: Path) -> None:
    (root / "a").write_bytes(b"x")

    with pytest.raises(UnsafePathError), folder_handle(str(root), ["a", "b"], create=True):
        pass


def test_the_root_itself_may_be_reached_through_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)

    with folder_handle(str(tmp_path / "link"), []) as handle:
        assert os.path.samestat(os.fstat(handle), root.stat())


def test_no_descriptor_is_left_open_whatever_fails(root: Path, outside: Path) -> None:
    (root / "link").symlink_to(outside)
    (root / "folder").mkdir()
    before = open_descriptors()

    for parts in (["link"], ["missing", "x"], ["folder", "deeper"]):
        with pytest.raises((UnsafePathError, OSError)), folder_handle(str(root), parts):
            pass
    with folder_handle(str(root), []) as handle:
        for name in ("link", "folder", "missing"):
            with pytest.raises((UnsafePathError, WeightsError, OSError)):
                open_file(handle, name)
        with pytest.raises(RuntimeError), NewFile(handle, "new"):
            raise RuntimeError

    assert open_descriptors() == before


def test_only_plain_files_are_opened_and_a_pipe_does_not_block(root: Path, outside: Path) -> None:
    (outside / "secret").write_bytes(b"secret")
    (root / "link").symlink_to(outside / "secret")
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()
    (root / "plain").write_bytes(b"plain")
    with socket.socket(socket.AF_UNIX) as listener, folder_handle(str(root), []) as handle:
        listener.bind(f"/proc/self/fd/{handle}/socket")
        with pytest.raises(UnsafePathError):
            open_file(handle, "link")
        for name in ("pipe", "folder", "socket"):
            with pytest.raises(WeightsError):
                open_file(handle, name)
        descriptor = open_file(handle, "plain")
        content = os.read(descriptor, 100)
        os.close(descriptor)

    assert content == b"plain"


def test_a_new_file_is_seen_under_its_name_only_when_placed(root: Path) -> None:
    (root / "name").write_bytes(b"old")
    with folder_handle(str(root), []) as handle, NewFile(handle, "name") as file:
        write_all(file.descriptor, b"new")
        assert (root / "name").read_bytes() == b"old"
        file.place()
        assert (root / "name").read_bytes() == b"new"

    assert files_below(root) == ["name"]


def test_what_is_not_placed_is_removed(root: Path) -> None:
    (root / "name").write_bytes(b"old")

    def write_half_of_it() -> None:
        with folder_handle(str(root), []) as handle, NewFile(handle, "name") as file:
            write_all(file.descriptor, b"half of")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half_of_it()

    assert files_below(root) == ["name"]
    assert (root / "name").read_bytes() == b"old"


def test_a_link_in_the_way_is_replaced_and_its_target_untouched(root: Path, outside: Path) -> None:
    (outside / "target").write_bytes(b"precious")
    (root / "name").symlink_to(outside / "target")
    with folder_handle(str(root), []) as handle, NewFile(handle, "name") as file:
        write_all(file.descriptor, b"new")
        file.place()

    assert (outside / "target").read_bytes() == b"precious"
    assert not (root / "name").is_symlink()
    assert (root / "name").read_bytes() == b"new"


def test_a_hard_link_in_the_way_is_never_written_through(root: Path, outside: Path) -> None:
    (outside / "target").write_bytes(b"precious")
    os.link(outside / "target", root / "name")
    with folder_handle(str(root), []) as handle, NewFile(handle, "name") as file:
        write_all(file.descriptor, b"new")
        file.place()

    assert (outside / "target").read_bytes() == b"precious"
    assert (root / "name").stat().st_nlink == 1


def test_a_parent_swapped_for_a_link_while_files_are_written_never_leads_outside(
    root: Path, outside: Path
) -> None:
    """The race of CVE-2025-26625: another process swaps a folder for a link, over and over."""
    (root / "real").mkdir()
    (root / "a").mkdir()
    stop = threading.Event()

    def swap() -> None:
        link = root / "link"
        while not stop.is_set():
            os.rename(root / "a", root / "real/aside")
            link.symlink_to(outside)
            os.rename(link, root / "a")
            os.unlink(root / "a")
            os.rename(root / "real/aside", root / "a")

    swapper = threading.Thread(target=swap)
    swapper.start()
    refused = placed = 0
    try:
        # At least 2,000 tries, and on until both have happened: how often is up to the scheduler.
        while placed + refused < 2000 or (not placed and refused < 1_000_000):
            try:
                with folder_handle(str(root), ["a"]) as handle, NewFile(handle, "name") as file:
                    file.place()
                placed += 1
            except (UnsafePathError, FileNotFoundError):
                refused += 1
    finally:
        stop.set()
        swapper.join()

    assert list(outside.iterdir()) == []
    assert placed


def test_temporary_names_are_never_used_twice() -> None:
    assert len({new_name() for _ in range(1000)}) == 1000


def test_an_existing_temporary_name_is_not_taken_over(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O_EXCL: a link planted under the very name that we choose is not followed."""
    (root / "guessed").symlink_to(outside / "victim")
    monkeypatch.setattr("gitmodel.files.temporary_names.new_name", lambda: "guessed")

    with folder_handle(str(root), []) as handle, pytest.raises(FileExistsError):
        NewFile(handle, "name")
    assert list(outside.iterdir()) == []


def test_a_full_disk_is_an_error_that_says_where(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(NoSpaceError) as caught, disk_errors(str(tmp_path)):
            write_all(full, b"x")
    finally:
        os.close(full)

    assert str(tmp_path) in caught.value.message
    assert "bytes free" in caught.value.message
    assert caught.value.hint


def test_other_system_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), disk_errors(str(tmp_path)):
        os.open(tmp_path, os.O_WRONLY)


def test_more_than_is_free_is_refused_before_it_is_begun(tmp_path: Path) -> None:
    require_space(str(tmp_path / "not/there/yet"), 1)

    with pytest.raises(NoSpaceError):
        require_space(str(tmp_path / "not/there/yet"), 1 << 60)


def test_space_is_found_out_for_a_relative_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    require_space("not-there-yet", 1)


def test_a_kept_file_stays_under_its_temporary_name(root: Path) -> None:
    with folder_handle(str(root), []) as handle, NewFile(handle, "name") as file:
        write_all(file.descriptor, b"checked")
        kept = file.keep()

    assert files_below(root) == [kept]
    assert (root / kept).read_bytes() == b"checked"


def test_a_file_is_placed_once(root: Path) -> None:
    with folder_handle(str(root), []) as handle, NewFile(handle, "name") as file:
        file.place()
        with pytest.raises(ValueError, match="already placed"):
            file.place()
        with pytest.raises(ValueError, match="already placed"):
            file.keep()
