"""Answers are read as they were written, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.files.json_cache import Recall

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.files.json_cache import Answer

ANSWERS: dict[str, Answer] = {
    "a": ["fraud", 3, "p\udcff", None, {"auc": 0.1, "n": 10**30, "far": float("inf"), "ok": True}],
    "b": [],
}


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "cache" / "list")


def test_what_was_written_is_read(path: str) -> None:
    recall = Recall(path, depends_on="1.0")
    assert recall.read() == {}
    recall.write(ANSWERS)
    assert recall.read() == ANSWERS
    recall.write({})
    assert recall.read() == {}


def test_what_was_written_for_something_else_is_not_read(path: str) -> None:
    Recall(path, depends_on="1.0").write(ANSWERS)

    assert Recall(path, depends_on="1.1").read() == {}


def test_every_changed_bit_and_every_lost_end_is_noticed(path: str, tmp_path: Path) -> None:
    recall = Recall(path, depends_on="1.0")
    recall.write(ANSWERS)
    file = tmp_path / "cache" / "list"
    data = file.read_bytes()

    for place in range(len(data)):
        for broken in (data[:place], data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]):
            file.write_bytes(broken)
            assert recall.read() == {}


def test_where_nothing_can_be_written_nothing_is_kept(path: str, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder would be")
    recall = Recall(path, depends_on="1.0")

    recall.write(ANSWERS)

    assert recall.read() == {}


def test_nothing_half_written_is_left(path: str, tmp_path: Path) -> None:
    (tmp_path / "cache" / "list").mkdir(parents=True)

    Recall(path, depends_on="1.0").write(ANSWERS)

    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == ["list"]
