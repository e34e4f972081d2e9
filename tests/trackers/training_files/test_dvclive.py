"""Weights beside a folder of DVCLive: when its metrics are theirs, and which params count."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.metrics import MetricsRead
from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.training_files.find import read_beside
from gitmodel.trackers.training_files.named import read_named_metrics
from tests.support.trainings import write

if TYPE_CHECKING:
    from pathlib import Path

METRICS = '{"train": {"loss": 0.3}, "acc": 0.9, "step": 2}'
LISTED = "artifacts:\n  fraud:\n    path: models/fraud.pt\n    type: model\n"


def age(folder: Path, **seconds: int) -> None:
    """Set modification times, in seconds after a fixed moment; `__` stands for `/` and `_` for a dot."""
    for name, second in seconds.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        os.utime(path, (1_800_000_000 + second, 1_800_000_000 + second))


def test_the_only_weights_beside_the_folder_have_its_metrics(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "m/fraud.pt": "",
            "m/dvclive/metrics.json": METRICS,
            "m/dvclive/params.yaml": "lr: 2e-05\n",
            "m/params.yaml": "lr: 1\n",
        },
    )

    assert read_beside(str(tmp_path), ("m", "fraud.pt")) == RunMetadata(
        "dvclive",
        metrics={"train.loss": 0.3, "acc": 0.9},
        params={"lr": 2e-05},
        notes=('read "m/dvclive/metrics.json"',),
    )


@pytest.mark.parametrize("where", ["dvc.yaml", "dvclive/dvc.yaml"])
def test_weights_that_dvc_yaml_lists_may_be_anywhere(where: str, tmp_path: Path) -> None:
    listed = LISTED if where == "dvc.yaml" else LISTED.replace("models", "../models")
    write(
        tmp_path,
        {"models/fraud.pt": "", "models/a.pt": "", "dvclive/metrics.json": METRICS, where: listed},
    )
    age(tmp_path, models__fraud_pt=0, dvclive__metrics_json=50_000)

    run = read_beside(str(tmp_path), ("models", "fraud.pt"))

    assert run is not None
    assert run.metrics == {"train.loss": 0.3, "acc": 0.9}


def test_metrics_inside_a_folder_of_weights_are_its(tmp_path: Path) -> None:
    write(tmp_path, {"m/a.pt": "", "m/b.pt": "", "m/dvclive/metrics.json": METRICS})

    run = read_beside(str(tmp_path), ("m",))

    assert run is not None
    assert run.metrics == {"train.loss": 0.3, "acc": 0.9}


@pytest.mark.parametrize(
    ("files", "metrics_at", "note"),
    [
        (
            {"dvc.yaml": LISTED},
            0,
            '"dvclive/metrics.json": the artifacts in dvc.yaml are other weights',
        ),
        (
            {"other.pt": ""},
            0,
            (
                '"dvclive/metrics.json" may describe "other.pt" beside it, and no dvc.yaml lists the'
                " weights"
            ),
        ),
        (
            {},
            601,
            (
                '"dvclive/metrics.json" was written more than 10 minutes after the weights, so it may'
                " describe later ones"
            ),
        ),
        (
            {},
            -601,
            (
                '"dvclive/metrics.json" was written more than 10 minutes before the weights, so it may'
                " describe others"
            ),
        ),
        (
            {"dvclive/metrics.json": "{"},
            0,
            (
                "dvclive/metrics.json: line 1: not JSON: Expecting property name enclosed in double"
                " quotes"
            ),
        ),
    ],
)
def test_nothing_is_taken_in_doubt(
    files: dict[str, str], metrics_at: int, note: str, tmp_path: Path
) -> None:
    write(tmp_path, {"fraud.pt": "", "dvclive/metrics.json": METRICS, **files})
    age(tmp_path, fraud_pt=0, dvclive__metrics_json=metrics_at)
    age(tmp_path, **dict.fromkeys(["other_pt"] if "other.pt" in files else [], 0))

    assert read_beside(str(tmp_path), ("fraud.pt",)) == RunMetadata("dvclive", notes=(note,))


def test_a_folder_without_weights_has_no_part_in_the_metrics_beside_it(tmp_path: Path) -> None:
    write(tmp_path, {"data/a.txt": "", "dvclive/metrics.json": METRICS})

    assert read_beside(str(tmp_path), ("data",)) == RunMetadata(
        "dvclive",
        notes=(
            ('"dvclive/metrics.json" may describe others: no file there has the name of weights'),
        ),
    )


def test_weights_in_another_folder_have_no_part_in_the_metrics_at_the_root(tmp_path: Path) -> None:
    write(tmp_path, {"models/fraud.pt": "", "dvclive/metrics.json": METRICS})

    assert read_beside(str(tmp_path), ("models", "fraud.pt")) == RunMetadata(
        "dvclive",
        notes=('"dvclive/metrics.json" is not beside the weights, and no dvc.yaml lists them',),
    )


def test_a_dvc_yaml_that_is_refused_is_noted(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"fraud.pt": "", "dvclive/metrics.json": METRICS, "dvc.yaml": "stages: &a {}\nb: *a\n"},
    )

    run = read_beside(str(tmp_path), ("fraud.pt",))

    assert run is not None
    assert run.metrics == {"train.loss": 0.3, "acc": 0.9}
    assert run.notes == (
        '"dvc.yaml" was not read: line 1: anchors (&name) are not accepted',
        'read "dvclive/metrics.json"',
    )


def test_params_beside_the_folder_count_unless_they_changed_later(tmp_path: Path) -> None:
    files = {"a.pt": "", "dvclive/metrics.json": METRICS, "params.yaml": "lr: 0.1\n"}
    write(tmp_path, files)
    age(tmp_path, a_pt=0, dvclive__metrics_json=0, params_yaml=-9)
    before = read_beside(str(tmp_path), ("a.pt",))
    age(tmp_path, params_yaml=9)
    after = read_beside(str(tmp_path), ("a.pt",))

    assert before is not None
    assert after is not None
    assert (before.params, after.params) == ({"lr": 0.1}, {})
    assert after.notes == (
        'read "dvclive/metrics.json"',
        '"params.yaml" was not read: it changed after the training',
    )


def test_a_folder_dvclive_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"a.pt": "", "else/metrics.json": METRICS})
    (tmp_path / "dvclive").symlink_to("else")

    assert read_beside(str(tmp_path), ("a.pt",)) == RunMetadata(
        "dvclive",
        notes=(
            (
                "\"dvclive/metrics.json\" was not read: 'dvclive' is a link or a file where a folder is"
                " needed"
            ),
        ),
    )


def test_a_named_file_is_read_without_its_step() -> None:
    raw = b'{"a": {"step": 1}, "nan": "nan", "inf": "-inf", "by": "me", "l": [1], "step": 9}'

    read = read_named_metrics(raw, "x/dvclive/metrics.json")

    assert read is not None
    assert read.skipped == (("l", "a list cannot be recorded here"),)
    assert repr(read.values) == "{'a.step': 1, 'nan': nan, 'inf': -inf, 'by': 'me'}"
    assert read == MetricsRead(read.values, read.skipped)
    assert math.isnan(read.values["nan"])
    assert read_named_metrics(raw, "x/metrics.json") is None
