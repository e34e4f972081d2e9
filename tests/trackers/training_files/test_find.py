"""Which files beside weights are looked at, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.training_files.find import read_beside
from tests.support.trainings import write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "weights", [("a.pt",), ("m",), ("m", "a.pt"), ("no", "a.pt"), ("link.pt",), ("far", "a.pt"), ()]
)
def test_weights_without_such_files_are_of_no_known_training(
    weights: tuple[str, ...], tmp_path: Path
) -> None:
    write(tmp_path, {"a.pt": "", "m/a.pt": "", "m/metrics.json": '{"auc": 0.9}', "m/b.csv": "a\n1"})
    (tmp_path / "link.pt").symlink_to("a.pt")
    (tmp_path / "far").symlink_to("m")

    assert read_beside(str(tmp_path), weights) is None


def test_the_first_reader_with_values_counts_and_earlier_doubts_are_kept(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "out/fraud.pt": "",
            "out/all_results.json": '{"eval_loss": 0.5}',
            "out/dvclive/metrics.json": '{"acc": 0.9}',
        },
    )

    assert read_beside(str(tmp_path), ("out", "fraud.pt")) == RunMetadata(
        "dvclive",
        metrics={"acc": 0.9},
        notes=(
            (
                '"fraud.pt" is not a name that the Trainer gives to weights, so the results beside it'
                " may be of others"
            ),
            'read "out/dvclive/metrics.json"',
        ),
    )


def test_a_folder_of_weights_is_looked_into(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"out/model.safetensors": "", "out/all_results.json": '{"eval_loss": 0.5, "epoch": 3}'},
    )

    run = read_beside(str(tmp_path), ("out",))

    assert run == RunMetadata(
        "transformers", metrics={"eval_loss": 0.5}, notes=('read "out/all_results.json"',)
    )


def test_too_many_values_are_noted(tmp_path: Path) -> None:
    import json

    many = json.dumps({f"eval_{number}": number for number in range(501)})
    write(tmp_path, {"model.safetensors": "", "all_results.json": many})

    run = read_beside(str(tmp_path), ("model.safetensors",))

    assert run == RunMetadata(
        "transformers",
        notes=('"all_results.json": a pointer stores at most 500 values and 32768 characters',),
    )
