"""Files around weights: read with a limit, never through a link, and compared by their time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import TrackerError
from gitmodel.trackers.training_files.work_tree import (
    TOLERANCE_SECONDS,
    FoundFile,
    Weights,
    WorkTree,
    require_same_training,
)
from tests.support.trainings import write

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    write(tmp_path, {"a/b": "123456"})
    os.utime(tmp_path / "a/b", (7, 7))
    tree = WorkTree(str(tmp_path))

    assert tree.read(("a", "b"), limit=6) == FoundFile("a/b", b"123456", 7.0)
    assert tree.head(("a", "b"), 2) == FoundFile("a/b", b"12", 7.0)
    assert tree.read(("a", "b"), limit=5) is None
    assert tree.notes == ['"a/b" was not read: it has more than 0 MiB']


def test_what_is_no_file_is_noted_and_what_is_not_there_is_not(tmp_path: Path) -> None:
    write(tmp_path, {"file": ""})
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "way").symlink_to("folder")
    os.mkfifo(tmp_path / "pipe")
    tree = WorkTree(str(tmp_path))
    paths = ["no", "no/no", "folder/no", "folder", "link", "way/x", "file/x", "pipe", "x" * 300]

    assert [tree.read(tuple(path.split("/"))) for path in paths] == [None] * len(paths)
    assert tree.notes == [
        "\"folder\" was not read: 'folder' is not a plain file",
        "\"link\" was not read: 'link' is a symbolic link",
        "\"way/x\" was not read: 'way' is a link or a file where a folder is needed",
        "\"file/x\" was not read: 'file' is a link or a file where a folder is needed",
        "\"pipe\" was not read: 'pipe' is not a plain file",
        f'"{"x" * 200}…" was not read: File name too long',
    ]


def test_a_folder_of_weights_is_as_new_as_its_newest_weights(tmp_path: Path) -> None:
    write(tmp_path, {"m/a.pt": "", "m/b.pt": "", "m/metrics.json": "", "m/deep/c.pt": ""})
    for name, second in {"a.pt": 5, "b.pt": 7, "metrics.json": 9, "deep/c.pt": 11}.items():
        os.utime(tmp_path / "m" / name, (second, second))
    tree = WorkTree(str(tmp_path))

    assert tree.weights(("m",)) == Weights(("m",), ("m",), is_folder=True, modified=7.0)
    assert tree.weights(("m", "a.pt")) == Weights(
        ("m", "a.pt"), ("m",), is_folder=False, modified=5
    )
    assert tree.weights(("m", "deep")) is not None
    assert tree.weights(("m", "no")) is None


@pytest.mark.parametrize(("written", "stale"), [(0, True), (1, False), (10_000, False)])
def test_a_file_may_be_ten_minutes_older_than_the_weights(written: float, stale: bool) -> None:
    found = FoundFile("m.json", b"", written)
    weights = Weights(("a",), (), is_folder=False, modified=1.0 + TOLERANCE_SECONDS)

    try:
        require_same_training(found, weights)
        refused = False
    except TrackerError:
        refused = True

    assert refused is stale
