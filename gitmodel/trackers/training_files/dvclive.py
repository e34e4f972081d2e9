"""Reads what DVCLive leaves beside weights.

    dvclive/metrics.json   the last value of each metric, nested
    dvclive/params.yaml    params; else `params.yaml` beside the folder, if it did not change since

A folder `dvclive` has no word about the weights, so one of these is needed: `dvc.yaml` lists them under
`artifacts` (`Live.log_artifact`), or they are the only weights beside the folder, written at the same time.
"""

from __future__ import annotations

import math
import posixpath
from typing import TYPE_CHECKING

from gitmodel.domain.metrics import MetricsRead, read_metrics
from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.yaml.reader import parse
from gitmodel.errors import TextError, TrackerError
from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.training_files.values import read_params, skipped_note
from gitmodel.trackers.training_files.work_tree import TOLERANCE_SECONDS, require_same_training

if TYPE_CHECKING:
    from gitmodel.trackers.training_files.work_tree import FoundFile, Parts, Weights, WorkTree

SYSTEM = "dvclive"
FOLDER = "dvclive"
METRICS = "metrics.json"
# JSON has no such numbers; DVCLive writes them as text.
_NO_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def read_metrics_json(raw: bytes, *, path: str) -> MetricsRead:
    """Read `dvclive/metrics.json` without its `step`.

    Raises:
        TextError: It does not parse, is too large, or has a name twice.
    """
    read = read_metrics(raw, path=path)
    values = {
        name: _NO_NUMBERS.get(value, value) if isinstance(value, str) else value
        for name, value in read.values.items()
        if name != "step"
    }
    return MetricsRead(values, read.skipped)


def read_beside_weights(tree: WorkTree, weights: Weights) -> RunMetadata | None:
    """Read the nearest folder `dvclive`; None if there is none.

    Raises:
        TrackerError: It may describe other weights.
        TextError: A file does not parse, or is too large.
    """
    outside = weights.parts[:-1]
    for base in dict.fromkeys((weights.folder, outside, ())):
        found = tree.read((*base, FOLDER, METRICS))
        if found is None:
            continue
        require_same_training(found, weights)
        listed = _artifacts(tree, base)
        if weights.parts not in listed:
            _require_alone(tree, weights, base, found, listed)
        read = read_metrics_json(found.raw, path=found.path)
        notes = [f"read {quote_text(found.path, limit=200)}", *skipped_note(read, found.path)]
        params = read_params(_params(tree, base, found, notes), notes)
        return RunMetadata(SYSTEM, metrics=read.values, params=params, notes=tuple(notes))
    return None


def _artifacts(tree: WorkTree, base: Parts) -> set[Parts]:
    """Paths under `artifacts` in the files `dvc.yaml` that DVCLive writes."""
    listed: set[Parts] = set()
    for folder in (base, (*base, FOLDER)):
        found = tree.read((*folder, "dvc.yaml"), limit=1 << 20)
        if found is None:
            continue
        try:
            artifacts = parse(found.raw, what="dvc.yaml").get("artifacts")
        except TextError as error:
            reason = error.message.removeprefix("dvc.yaml: ")
            tree.notes.append(f"{quote_text(found.path, limit=200)} was not read: {reason}")
            continue
        for artifact in artifacts.values() if isinstance(artifacts, dict) else ():
            path = artifact.get("path") if isinstance(artifact, dict) else None
            if isinstance(path, str):
                listed.add(tuple(posixpath.normpath(posixpath.join(*folder, path)).split("/")))
    return listed


def _require_alone(
    tree: WorkTree, weights: Weights, base: Parts, found: FoundFile, listed: set[Parts]
) -> None:
    """Check weights that no `dvc.yaml` lists.

    Raises:
        TrackerError: The metrics may be of others.
    """
    what = quote_text(found.path, limit=200)
    if listed:
        raise TrackerError(f"{what}: the artifacts in dvc.yaml are other weights")
    if base not in {weights.folder, weights.parts[:-1]}:
        raise TrackerError(f"{what} is not beside the weights, and no dvc.yaml lists them")
    written = weights.modified
    if written is None:
        raise TrackerError(f"{what} may describe others: no file there has the name of weights")
    if found.modified > written + TOLERANCE_SECONDS:
        raise TrackerError(
            f"{what} was written more than {TOLERANCE_SECONDS // 60} minutes after the weights, so it"
            " may describe later ones"
        )
    if others := _others(tree, weights, written):
        raise TrackerError(
            f"{what} may describe {quote_text(min(others))} beside it, and no dvc.yaml lists the weights"
        )


def _others(tree: WorkTree, weights: Weights, written: float) -> list[str]:
    """Other weights in the folder that were written at about the same time."""
    if weights.is_folder:
        return []
    return [
        name
        for name, modified in tree.weight_files(weights.folder).items()
        if name != weights.name and abs(modified - written) <= TOLERANCE_SECONDS
    ]


def _params(tree: WorkTree, base: Parts, metrics: FoundFile, notes: list[str]) -> FoundFile | None:
    found = tree.read((*base, FOLDER, "params.yaml"))
    if found is not None:
        return found
    found = tree.read((*base, "params.yaml"))
    if found is not None and found.modified > metrics.modified:
        notes.append(
            f"{quote_text(found.path, limit=200)} was not read: it changed after the training"
        )
        return None
    return found
