"""A tiny run of the benchmark suite, so that it cannot rot. Nothing is judged by its speed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.__main__ import main
from tests.benchmarks.bars import HISTORY_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_a_tiny_run_measures_every_step_and_says_the_bars(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    tiny = ["--size", "1", "--rounds", "1", "--only", "folder", "--data", "bf16"]
    main([*tiny, "--against", "cp", "--scratch", str(tmp_path), "--json", str(results)])

    rows = json.loads(results.read_text(encoding="utf-8"))["rows"]
    timed = ["add", "push", "checkout", "fetch + checkout"]
    assert [row["step"] for row in rows if row["comparison"]] == [
        *timed,
        *(f"second {step}" for step in timed),
    ]
    whole = {row["step"]: row["value"] for row in rows if row["against"] == "whole files"}
    assert whole["bytes stored, 1 version"] < 0.75  # bf16 weights compress
    assert whole["bytes stored, 2 versions"] < 0.5  # and a fine-tune is stored as a delta
    printed = capsys.readouterr().out
    assert all(row["scenario"] == "folder, bf16" and row["step"] in printed for row in rows)
    assert "| 1.500 " in printed  # the bar of a checkout beside cp
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.json"]


def test_a_tiny_history_is_measured_step_by_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    tiny = ["--size", "1", "--rounds", "1", "--only", "history", "--against", "cp"]
    main([*tiny, "--commits", "40", "--models", "150", "--json", str(results)])

    rows = json.loads(results.read_text(encoding="utf-8"))["rows"]
    assert [row["step"] for row in rows] == [*HISTORY_SECONDS, "largest process"]
    assert all(row["value"] is not None for row in rows)
    assert "history, 40 commits, 150 models" in capsys.readouterr().out
