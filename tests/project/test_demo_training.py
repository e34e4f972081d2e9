"""The demo's training script is what it says: a small real model, and nothing but Python."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from gitmodel.project.demo_training import METRICS_NAME, TRAINING_SCRIPT, WEIGHTS_NAME
from tests.support.models import tensors

if TYPE_CHECKING:
    from pathlib import Path


def train(folder: Path, *arguments: str) -> str:
    """Run train.py as a person does, but so that only the standard library can be imported."""
    (folder / "train.py").write_text(TRAINING_SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "train.py", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_training_writes_a_valid_safetensors_file(tmp_path: Path) -> None:
    train(tmp_path, "--epochs", "1")

    read = tensors((tmp_path / WEIGHTS_NAME).read_bytes())
    assert {name: (one.dtype, one.shape) for name, one in read.items()} == {
        "hidden.weight": ("F32", (24, 2)),
        "hidden.bias": ("F32", (24,)),
        "output.weight": ("F32", (1, 24)),
        "output.bias": ("F32", (1,)),
    }


def test_the_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        train(tmp_path / name, "--epochs", "2")

    for file in (WEIGHTS_NAME, METRICS_NAME):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_longer_training_gives_other_weights_and_a_better_model(tmp_path: Path) -> None:
    train(tmp_path, "--epochs", "1")
    short = json.loads((tmp_path / METRICS_NAME).read_text())
    weights = (tmp_path / WEIGHTS_NAME).read_bytes()
    train(tmp_path, "--epochs", "40")
    long = json.loads((tmp_path / METRICS_NAME).read_text())

    assert (tmp_path / WEIGHTS_NAME).read_bytes() != weights
    assert 0.8 < short["accuracy"] < long["accuracy"]
    assert long["accuracy"] > 0.97
    assert long["loss"] < short["loss"]


def test_evaluating_the_file_gives_the_metrics_of_the_training(tmp_path: Path) -> None:
    said = train(tmp_path, "--epochs", "1")

    metrics = (tmp_path / METRICS_NAME).read_bytes()
    assert train(tmp_path, "--evaluate", WEIGHTS_NAME) == said
    assert (tmp_path / METRICS_NAME).read_bytes() == metrics
