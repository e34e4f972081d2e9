"""Finds the files that a training left beside weights, and reads those that belong to them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.errors import TextError, TrackerError
from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.training_files import dvclive, lightning, trainer
from gitmodel.trackers.training_files.work_tree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.trackers.training_files.work_tree import Weights

_READERS = (
    (trainer.SYSTEM, trainer.read_checkpoint),
    (trainer.SYSTEM, trainer.read_output),
    (lightning.SYSTEM, lightning.read_run),
    (dvclive.SYSTEM, dvclive.read_beside_weights),
)


def read_beside(root: str, weights: tuple[str, ...]) -> RunMetadata | None:
    """Read metrics and params of weights from the files beside them.

    Files that may describe other weights are not taken; `notes` says why. The first reader that has
    values counts.

    Args:
        root: Top of the work tree, a trusted folder.
        weights: Path of the weights below it, a file or a folder, as `safe_parts` returns it.

    Returns:
        The run, with empty metrics and params if it was recognised and nothing was taken; None if no
        file of a training was recognised.
    """
    tree = WorkTree(root)
    found = tree.weights(weights) if weights else None
    if found is None:
        return None
    system, notes = "", list[str]()
    for name, read in _READERS:
        run = _attempt(tree, found, name, read)
        if run is None:
            continue
        if run.metrics or run.params:
            return replace(run, notes=(*notes, *run.notes))
        system = system or run.system
        notes.extend(note for note in run.notes if note not in notes)
    return RunMetadata(system, notes=tuple(notes)) if system else None


def _attempt(
    tree: WorkTree,
    weights: Weights,
    system: str,
    read: Callable[[WorkTree, Weights], RunMetadata | None],
) -> RunMetadata | None:
    """Let one reader look; its refusal, and files that were not read, become notes."""
    tree.notes.clear()
    try:
        run = read(tree, weights)
    except (TextError, TrackerError) as error:
        run = RunMetadata(system, notes=(error.message,))
    if not tree.notes:
        return run
    run = run or RunMetadata(system)
    return replace(run, notes=(*tree.notes, *run.notes))
