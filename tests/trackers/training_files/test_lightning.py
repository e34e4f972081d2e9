"""Checkpoints of Lightning: the rows up to their step, params, and when nothing is taken."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.training_files.find import read_beside
from tests.support.trainings import checkpoint_head, write

if TYPE_CHECKING:
    from pathlib import Path

# As Lightning 2.6 writes it: batches are counted from 0, so the checkpoint after 4 of them has rows to step 3.
LOG = """epoch,step,late,train_loss,val_loss
0,1,,0.9,
0,3,,0.8,
0,3,,,0.7
1,5,0.1,0.6,
1,7,0.2,0.5,
1,7,,,0.4
"""
RUN = ("lightning_logs", "version_10")
CSV = '"lightning_logs/version_10/metrics.csv"'


def read(folder: Path, name: str, files: dict[str, str | bytes] | None = None) -> RunMetadata:
    """Read a checkpoint of version 10, whose files are written before its metrics."""
    place = "/".join(RUN)
    write(folder, {f"{place}/checkpoints/{name}": b""})
    write(folder, {f"{place}/metrics.csv": LOG})
    write(folder, {f"{place}/{path}": content for path, content in (files or {}).items()})
    run = read_beside(str(folder), (*RUN, "checkpoints", name))
    assert run is not None
    return run


@pytest.mark.parametrize(
    ("name", "metrics", "last"),
    [
        ("epoch=0-step=4.ckpt", {"train_loss": 0.8, "val_loss": 0.7}, 3),
        ("epoch=1-step=6.ckpt", {"late": 0.1, "train_loss": 0.6, "val_loss": 0.7}, 5),
        ("epoch=1-step=8-v1.ckpt", {"late": 0.2, "train_loss": 0.5, "val_loss": 0.4}, 7),
    ],
)
def test_rows_up_to_the_step_of_the_checkpoint_count(
    name: str, metrics: dict[str, float], last: int, tmp_path: Path
) -> None:
    epoch = name[6]

    assert read(tmp_path, name) == RunMetadata(
        "lightning",
        experiment="lightning_logs",
        name="version_10",
        metrics=metrics,
        notes=(f"read {CSV}: rows up to step {last}, in epoch {epoch}",),
    )


def test_a_checkpoint_of_any_name_says_its_step_in_its_first_bytes(tmp_path: Path) -> None:
    run = read(
        tmp_path, "last.ckpt", {"checkpoints/last.ckpt": checkpoint_head(0, 4), "metrics.csv": LOG}
    )

    assert run.metrics == {"train_loss": 0.8, "val_loss": 0.7}


def test_a_checkpoint_saved_after_the_training_has_its_last_rows(tmp_path: Path) -> None:
    head = checkpoint_head(2, 8, 8)  # epoch 2 of 2: Lightning has counted on

    run = read(tmp_path, "end.ckpt", {"checkpoints/end.ckpt": head, "metrics.csv": LOG})

    assert run.metrics == {"late": 0.2, "train_loss": 0.5, "val_loss": 0.4}


def test_a_checkpoint_of_several_optimizers_has_the_rows_of_its_batches(tmp_path: Path) -> None:
    head = checkpoint_head(0, 8, 4)

    run = read(tmp_path, "gan.ckpt", {"checkpoints/gan.ckpt": head, "metrics.csv": LOG})

    assert run.metrics == {"train_loss": 0.8, "val_loss": 0.7}


def test_a_checkpoint_saved_right_after_a_step_has_no_later_rows(tmp_path: Path) -> None:
    head = checkpoint_head(1, 7, 6)

    run = read(tmp_path, "a.ckpt", {"checkpoints/a.ckpt": head, "metrics.csv": LOG})

    assert run.metrics == {"late": 0.1, "train_loss": 0.6, "val_loss": 0.7}


@pytest.mark.parametrize(
    ("name", "log", "note"),
    [
        (
            "last.ckpt",
            LOG,
            'neither the name nor the first bytes of "last.ckpt" say its epoch and step',
        ),
        ("epoch=0-step=8.ckpt", LOG, f"{CSV} has another epoch at step 7 than the checkpoint"),
        (
            "epoch=1-step=5.ckpt",
            LOG,
            f"{CSV} has rows of step 5, which may be before or after the checkpoint",
        ),
        ("epoch=0-step=4.ckpt", "epoch,step,a\n0,9,1\n", f"{CSV} has no rows up to step 3"),
        (
            "epoch=1-step=16.ckpt",
            LOG,
            f"{CSV} has rows up to step 7 only; the checkpoint's is 15",
        ),
        ("epoch=0-step=4.ckpt", "step,loss\n3,0.5\n", f"{CSV} has no columns epoch and step"),
        (
            "epoch=0-step=4.ckpt",
            "epoch,step,loss\n0,0.0,0.5\n",
            f"{CSV} has a row without step or epoch, or the training logs its own steps",
        ),
        ("epoch=0-step=4.ckpt", "epoch,step\n0,3\n", f"{CSV} has no metrics up to step 3"),
        ("epoch=0-step=4.ckpt", "a,a\n1,2\n", f'{CSV}: the column "a" occurs twice'),
    ],
)
def test_nothing_is_taken_in_doubt(name: str, log: str, note: str, tmp_path: Path) -> None:
    run = read(tmp_path, name, {"metrics.csv": log})

    assert (run.metrics, run.notes) == ({}, (note,))


def test_a_log_that_is_older_than_the_checkpoint_may_lack_rows(tmp_path: Path) -> None:
    read(tmp_path, "epoch=0-step=4.ckpt")
    os.utime(tmp_path.joinpath(*RUN, "metrics.csv"), (1, 1))

    run = read_beside(str(tmp_path), (*RUN, "checkpoints", "epoch=0-step=4.ckpt"))

    assert run is not None
    assert (run.metrics, run.notes) == ({}, (f"{CSV} was last written before the checkpoint",))


def test_hparams_are_params_also_without_a_log(tmp_path: Path) -> None:
    hparams = "lr: 0.1\noptimizer:\n  name: sgd\nlayers:\n- 1\n- 2\nseed: null\n"
    write(
        tmp_path,
        {"l/version_0/checkpoints/last.ckpt": "", "l/version_0/hparams.yaml": hparams},
    )

    assert read_beside(
        str(tmp_path), ("l", "version_0", "checkpoints", "last.ckpt")
    ) == RunMetadata(
        "lightning",
        experiment="l",
        name="version_0",
        params={"lr": 0.1, "optimizer.name": "sgd", "layers": [1, 2], "seed": None},
        notes=('"last.ckpt": its run has no metrics.csv',),
    )


@pytest.mark.parametrize(
    ("hparams", "reason"),
    [
        ("a: !!python/object/apply:os.system [true]\n", "line 1: tags (!name) are not accepted"),
        ("a: &x [1]\nb: *x\n", "line 1: anchors (&name) are not accepted"),
        ("- 1\n", "line 1: the file must be a mapping, lines of `key: value`"),
        ("a: " + "x" * 70_000, "the file has 70003 bytes; the maximum is 65536"),
    ],
)
def test_params_that_are_refused_are_noted_and_metrics_are_read(
    hparams: str, reason: str, tmp_path: Path
) -> None:
    run = read(tmp_path, "epoch=0-step=4.ckpt", {"hparams.yaml": hparams})

    assert (run.params, run.metrics) == ({}, {"train_loss": 0.8, "val_loss": 0.7})
    assert run.notes[0] == (
        f'no params were read from "lightning_logs/version_10/hparams.yaml": {reason}'
    )


def test_a_checkpoint_outside_of_a_run_is_noted(tmp_path: Path) -> None:
    write(tmp_path, {"models/epoch=0-step=4.ckpt": "", "models/best.ckpt": ""})

    assert read_beside(str(tmp_path), ("models", "best.ckpt")) is None
    assert read_beside(str(tmp_path), ("models", "epoch=0-step=4.ckpt")) == RunMetadata(
        "lightning",
        notes=(
            (
                '"epoch=0-step=4.ckpt" is not in a folder version_N/checkpoints of Lightning, so its'
                " metrics.csv is not known"
            ),
        ),
    )
