"""Files on their way to the disk: named only when flushed, and never too many at once."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.files.safe_open import PendingFile
from gitmodel.files.write_back import WriteBackQueue
from tests.support.stores import files_below

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def flushing() -> Iterator[WriteBackQueue]:
    opened = WriteBackQueue()
    yield opened
    opened.close()


def written(folder: Path, number: int) -> PendingFile:
    return PendingFile.holding(str(folder / f"{number:03}"), b"%d" % number)


def named(folder: Path) -> list[str]:
    return sorted(name for name in files_below(folder) if not name.startswith(".gitmodel-tmp-"))


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_files_have_their_names_once_they_were_waited_for(
    flushing: WriteBackQueue, tmp_path: Path
) -> None:
    for number in range(5):
        flushing.begin(written(tmp_path, number))
    assert named(tmp_path) == []

    flushing.wait()

    assert named(tmp_path) == [f"{number:03}" for number in range(5)]
    assert (tmp_path / "004").read_bytes() == b"4"


def test_of_many_files_the_oldest_are_waited_for_meanwhile(
    flushing: WriteBackQueue, tmp_path: Path
) -> None:
    before = open_descriptors()
    for number in range(200):
        flushing.begin(written(tmp_path, number))
        assert open_descriptors() <= before + 16

    assert named(tmp_path) == [f"{number:03}" for number in range(200 - 16)]


def test_what_was_not_waited_for_leaves_nothing(tmp_path: Path) -> None:
    before = open_descriptors()
    flushing = WriteBackQueue()
    for number in range(3):
        flushing.begin(written(tmp_path, number))

    flushing.close()

    assert files_below(tmp_path) == []
    assert open_descriptors() == before


def test_a_file_that_cannot_be_flushed_gets_no_name(
    flushing: WriteBackQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk says so only when it is asked: to nobody else, and only once."""
    flush = os.fsync
    files = [written(tmp_path, number) for number in range(3)]

    def broken(descriptor: int) -> None:
        if descriptor == files[1].descriptor:
            raise OSError(errno.EIO, "Input/output error")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", broken)
    for file in files:
        flushing.begin(file)
    with pytest.raises(OSError, match="Input/output"):
        flushing.wait()
    flushing.wait()

    assert files_below(tmp_path) == ["000", "002"]


def test_where_the_system_cannot_begin_early_files_are_flushed_all_the_same(
    flushing: WriteBackQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    flush = os.fsync

    def watched(descriptor: int) -> None:
        flushed.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    monkeypatch.setattr("gitmodel.files.write_back._sync_file_range", lambda: None)
    flushing.begin(written(tmp_path, 7))
    flushing.wait()

    assert len(flushed) == 1
    assert named(tmp_path) == ["007"]
