"""Files that the user names: those of training libraries are read here, others are left to `read_metrics`."""

from __future__ import annotations

import pytest

from gitmodel.domain.metrics import MetricsRead
from gitmodel.trackers.training_files.named import read_named_metrics


@pytest.mark.parametrize(
    ("path", "raw"),
    [("logs/metrics.csv", b"step,auc\n1,0.9\n"), ("LOSS.TSV", b"step\tauc\n1\t0.9\n")],
)
def test_csv_is_read_by_its_ending(path: str, raw: bytes) -> None:
    assert read_named_metrics(raw, path) == MetricsRead({"auc": 0.9}, ())


@pytest.mark.parametrize("path", ["metrics.json", "metrics.yaml", "m.toml", "notes.txt"])
def test_other_files_are_left_to_the_caller(path: str) -> None:
    assert read_named_metrics(b'{"step": 3}', path) is None
