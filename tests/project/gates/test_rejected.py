"""Rejected runs are remembered within bounds, and a damaged file is no obstacle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.project.gates import rejected
from gitmodel.project.gates.rejected import (
    RejectedRun,
    clear_rejected,
    last_refusal,
    note_again,
    rejected_runs,
)
from tests.support.desk import digest

if TYPE_CHECKING:
    import pytest

    from tests.support.desk import Desk

RUN = RejectedRun(
    name="nlp/fraud",
    at="",
    digest=str(digest(b"x")),
    size=1,
    head=None,
    rules=("auc 0.1, at least 0.8 is needed",),
    metrics={"auc": 0.1, "loss": float("nan")},
    params={"layers": [1, 2], "ünï": None},
    run_id="r1",
)


def numbered(number: int) -> RejectedRun:
    return RUN._replace(digest=str(digest(str(number).encode())))


def test_a_line_is_read_as_it_was_written(desk: Desk) -> None:
    with desk.open() as project:
        written = note_again(project, RUN)
        (found,) = rejected_runs(project, "nlp/fraud")

        assert found == written._replace(metrics={"auc": 0.1, "loss": "NaN"})
        assert last_refusal(project, "nlp/fraud", digest(b"x")) == found
        assert last_refusal(project, "nlp/fraud", digest(b"y")) is None
        assert clear_rejected(project, "nlp/fraud") == 1
        assert clear_rejected(project, "nlp/fraud") == 0


def test_the_oldest_lines_are_dropped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejected, "MOST_LINES", 3)
    with desk.open() as project:
        for number in range(5):
            note_again(project, numbered(number))

        found = [run.digest for run in rejected_runs(project, "nlp/fraud")]

    assert found == [numbered(number).digest for number in (2, 3, 4)]


def test_the_file_stays_below_its_size(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejected, "MOST_BYTES", 1000)
    with desk.open() as project:
        for number in range(5):
            note_again(project, numbered(number))
        path = desk.repo.path / ".git/gitmodel/rejected/nlp/fraud.jsonl"

        assert 0 < path.stat().st_size <= 1000
        assert rejected_runs(project, "nlp/fraud")[-1].digest == numbered(4).digest


def test_lines_that_do_not_parse_are_left_out(desk: Desk) -> None:
    with desk.open() as project:
        note_again(project, RUN)
        path = desk.repo.path / ".git/gitmodel/rejected/nlp/fraud.jsonl"
        path.write_bytes(b'torn {"\n[]\n{"name": 1}\n\xff\n' + path.read_bytes() + b'{"half')

        assert [run.digest for run in rejected_runs(project, "nlp/fraud")] == [RUN.digest]


def test_a_folder_that_cannot_be_written_stops_nothing(desk: Desk) -> None:
    (desk.repo.path / ".git/gitmodel").mkdir(exist_ok=True)
    (desk.repo.path / ".git/gitmodel/rejected").write_text("a file")
    with desk.open() as project:
        assert note_again(project, RUN).times == 1
        assert rejected_runs(project, "nlp/fraud") == ()
