"""Folders of runs: what is listed and opened, and what is refused by name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import TrackerError
from gitmodel.trackers import run_folder
from gitmodel.trackers.run_folder import Listing, list_folder, open_plain

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b.txt").write_text("b")
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.txt").write_text("c")
    (tmp_path / "link").symlink_to("sub")
    (tmp_path / "link.txt").symlink_to("a.txt")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def test_files_and_folders_are_listed_without_links(folder: Path) -> None:
    assert list_folder(str(folder)) == Listing(["a.txt", "b.txt"], ["sub"])
    assert list_folder(str(folder), ["sub"]) == Listing(["c.txt"], [])


def test_a_folder_of_too_many_entries_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "MAX_ENTRIES", 5)

    with pytest.raises(TrackerError) as caught:
        list_folder(str(folder))

    assert caught.value.message == f'"{folder}" has more than 5 entries'


@pytest.mark.parametrize(
    ("parts", "name", "problem"),
    [
        ([], "missing", "no such file or directory"),
        ([], "link.txt", "'link.txt' is a symbolic link"),
        ([], "pipe", "'pipe' is not a plain file"),
        ([], "sub", "'sub' is not a plain file"),
        (["link"], "c.txt", "'link' is a link or a file where a folder is needed"),
        (["a.txt"], "c.txt", "'a.txt' is a link or a file where a folder is needed"),
        ([], "a\0", "not a path"),
    ],
)
def test_what_is_no_plain_file_is_refused(
    folder: Path, parts: list[str], name: str, problem: str
) -> None:
    with pytest.raises(TrackerError, match=problem) as caught, open_plain(str(folder), parts, name):
        pass

    assert caught.value.message.startswith(f'cannot read "{folder}/')


def test_a_file_is_opened_and_named_in_errors_of_its_reader(folder: Path) -> None:
    with open_plain(str(folder), ["sub"], "c.txt") as stream:
        assert stream.read() == b"c"

    with (
        pytest.raises(TrackerError, match=f'^"{folder}/a.txt": broken$'),
        open_plain(str(folder), [], "a.txt"),
    ):
        raise TrackerError("broken")

    with (
        pytest.raises(TrackerError, match=f'^cannot read "{folder}/a.txt": input/output error$'),
        open_plain(str(folder), [], "a.txt"),
    ):
        raise OSError(5, "Input/output error")
