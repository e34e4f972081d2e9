"""Weights move whole or not at all, to another device too."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import ChangedWhileReadError, UnsafePathError, WeightsError
from gitmodel.files import safe_open as handles
from gitmodel.files.temporary_names import new_name, sweep
from gitmodel.worktree import move as moving
from gitmodel.worktree.move import move_between, move_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT = os.urandom(100_000)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another device."""
    memory = Path("/dev/shm")  # noqa: S108
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second device here")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def move(source: Path, target: Path) -> None:
    here, there = (os.open(path.parent, os.O_RDONLY) for path in (source, target))
    try:
        move_between(here, source.name, there, target.name)
    finally:
        os.close(here)
        os.close(there)


def folder(at: Path) -> Path:
    (at / "inner").mkdir(parents=True)
    (at / "weights.bin").write_bytes(CONTENT)
    (at / "inner/config.json").write_text("{}")
    (at / "link").symlink_to("weights.bin")
    (at / "empty").mkdir()
    return at


def listing(top: Path) -> list[str]:
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


def test_a_file_moves_to_another_device_with_its_times_and_bits(
    tmp_path: Path, elsewhere: Path
) -> None:
    source, target = tmp_path / "a.bin", elsewhere / "b.bin"
    source.write_bytes(CONTENT)
    source.chmod(0o640)
    os.utime(source, ns=(1, 1_700_000_000_000_000_007))

    move(source, target)

    assert (target.read_bytes(), source.exists()) == (CONTENT, False)
    found = target.stat()
    assert (found.st_mode & 0o777, found.st_mtime_ns) == (0o640, 1_700_000_000_000_000_007)
    assert listing(elsewhere) == ["b.bin"]


def test_a_folder_moves_to_another_device_with_all_that_is_in_it(
    tmp_path: Path, elsewhere: Path
) -> None:
    source, target = folder(tmp_path / "a"), elsewhere / "b"
    before = listing(source)

    move(source, target)

    assert (listing(target), source.exists()) == (before, False)
    assert (target / "weights.bin").read_bytes() == CONTENT
    assert (target / "link").readlink() == Path("weights.bin")
    assert listing(elsewhere) == sorted(["b", *(f"b/{path}" for path in before)])


def test_what_comes_into_a_folder_meanwhile_stays_where_it_is(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = folder(tmp_path / "a"), elsewhere / "b"
    copied = moving._remove_copied
    calls: list[object] = []

    def later(*arguments: int | str) -> None:
        if not calls:
            (source / "inner/new.bin").write_bytes(b"new")
            (source / "weights.bin").write_bytes(b"trained on")
        calls.append(arguments)
        copied(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(moving, "_remove_copied", later)

    move(source, target)

    assert listing(source) == ["inner", "inner/new.bin", "weights.bin"]
    assert (source / "weights.bin").read_bytes() == b"trained on"
    assert (target / "weights.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_copy_that_fails_leaves_everything_as_it_was(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    source, target = folder(tmp_path / "a"), elsewhere / "b"
    before = listing(source)
    if kind == "file":
        source, target = source / "weights.bin", elsewhere / "b.bin"

    def full(descriptor: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(moving, "write_all", full)

    with pytest.raises(OSError, match="No space"):
        move(source, target)
    assert listing(elsewhere) == []
    assert listing(tmp_path / "a") == before


def test_weights_that_change_while_they_are_copied_stay(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "a.bin"
    source.write_bytes(CONTENT)
    write = handles.write_all

    def training(descriptor: int, data: bytes) -> None:
        write(descriptor, data)
        with source.open("ab") as stream:
            stream.write(b"more")

    monkeypatch.setattr(moving, "write_all", training)

    with pytest.raises(ChangedWhileReadError):
        move(source, elsewhere / "b.bin")
    assert listing(elsewhere) == []
    assert source.read_bytes().startswith(CONTENT)


def test_a_folder_that_a_killed_move_has_begun_is_swept(tmp_path: Path) -> None:
    name = f"{new_name().rpartition('-')[0].rpartition('-')[0]}-1.0-0123456789ab"
    folder(tmp_path / name)

    sweep(str(tmp_path))

    assert listing(tmp_path) == []


def test_within_one_device_a_rename_is_enough(tmp_path: Path) -> None:
    folder(tmp_path / "a")

    assert move_entry(str(tmp_path), "a", "deep/er/b") is True
    assert listing(tmp_path / "deep/er/b")
    assert move_entry(str(tmp_path), "a", "c") is False
    assert move_entry(str(tmp_path), "no/such/folder", "c") is False


def test_what_cannot_be_moved_is_named(tmp_path: Path) -> None:
    folder(tmp_path / "a")
    (tmp_path / "file").write_bytes(b"x")

    with pytest.raises(UnsafePathError, match="a/inner/b is inside a"):
        move_entry(str(tmp_path), "a", "a/inner/b")
    with pytest.raises(UnsafePathError):
        move_entry(str(tmp_path), "a", "file/b")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_bytes(b"x")
    with pytest.raises(WeightsError, match="a cannot be moved to full: directory not empty"):
        move_entry(str(tmp_path), "a", "full")
