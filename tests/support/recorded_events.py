"""Runs of TensorBoard that real writers wrote, and what TensorBoard read back from them."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING, Any

from gitmodel.errors import TrackerError
from gitmodel.trackers.tensorboard import read_run

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("eval", "train", "validation")


def unpack(archive: Path, folder: Path) -> dict[str, Any]:
    """Unpack recorded runs into a folder; returns the answers."""
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    answers: dict[str, Any] = json.loads((folder / "answers.json").read_text("utf-8"))
    return answers


def differences(folder: Path, answers: dict[str, Any]) -> dict[str, str]:
    """Read each run of a folder; returns the runs that do not have the values of TensorBoard."""
    wrong = {}
    for name, folders in answers["runs"].items():
        found, wanted = _found(folder / name), _wanted(folders)
        if found != wanted:
            wrong[name] = f"{found} instead of {wanted}"
    return wrong


def _found(folder: Path) -> tuple[dict[str, str], dict[str, Any]] | None:
    """Metrics as text, so that NaN equals NaN and -0.0 differs from 0.0; and params."""
    try:
        run = read_run(str(folder))
    except TrackerError:
        return None
    return {tag: repr(value) for tag, value in run.metrics.items()}, dict(run.params)


def _wanted(folders: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]] | None:
    metrics: dict[str, str] = {}
    params: dict[str, Any] = {}
    known = False
    for place, answer in sorted(folders.items()):
        if place != "." and place not in PARTS and answer["hparams"] is None:
            continue
        known = True
        prefix = f"{place}/" if place in PARTS else ""
        for tag, text in answer["scalars"].items():
            metrics[prefix + tag] = repr(float(text))
        for name, value in (answer["hparams"] or {}).items():
            whole = isinstance(value, float) and value.is_integer()
            params[name] = int(value) if whole else value
    return (metrics, params) if known else None
