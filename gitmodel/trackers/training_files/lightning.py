"""Reads what Lightning's `CSVLogger` leaves beside the checkpoints of a run.

    version_N/metrics.csv            the last value of each column in rows up to the checkpoint's step
    version_N/hparams.yaml           params; a file with Python tags is refused, not loaded
    version_N/checkpoints/*.ckpt     the weights

Guarantee: no value that was logged after the checkpoint's step is returned.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from gitmodel.domain.text.escape import quote_text
from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.errors import TextError, TrackerError
from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.training_files.csv_table import Table, last_values, read_table
from gitmodel.trackers.training_files.lightning_checkpoint import HEAD_BYTES, Position, position_of
from gitmodel.trackers.training_files.values import read_params, skipped_note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gitmodel.domain.metrics import MetricsRead
    from gitmodel.trackers.training_files.work_tree import FoundFile, Parts, Weights, WorkTree

SYSTEM = "lightning"
_CLOCK_SECONDS = 2  # file systems that count in steps of two seconds
_COUNT = lazy_compile(r"[0-9]{1,15}")


def read_run(tree: WorkTree, weights: Weights) -> RunMetadata | None:
    """Read the run whose folder `checkpoints` has the weights; None if they are no such checkpoint.

    Raises:
        TrackerError: They are one, but the folder of their run is not known.
    """
    version = _version(weights)
    if version is None:
        return None
    log, hparams = tree.read((*version, "metrics.csv")), tree.read((*version, "hparams.yaml"))
    if log is None and hparams is None:
        return None
    notes: list[str] = []
    params = read_params(hparams, notes)
    metrics: Mapping[str, object] = {}
    try:
        metrics = _metrics(tree, weights, log, notes).values
    except (TextError, TrackerError) as error:
        notes.append(error.message)
    run = RunMetadata(SYSTEM, name=version[-1], metrics=metrics, params=params, notes=tuple(notes))
    return replace(run, experiment=version[-2]) if len(version) > 1 else run


def _version(weights: Weights) -> Parts | None:
    """The folder of the run, above `checkpoints`; None if the weights are no checkpoint of Lightning."""
    folder, name = weights.parts[:-1], weights.name
    if not name.endswith(".ckpt"):
        return None
    if len(folder) > 1 and folder[-1] == "checkpoints":
        return folder[:-1]
    if name.startswith("epoch="):
        raise TrackerError(
            f"{quote_text(name)} is not in a folder version_N/checkpoints of Lightning, so its"
            " metrics.csv is not known"
        )
    return None


def _metrics(
    tree: WorkTree, weights: Weights, log: FoundFile | None, notes: list[str]
) -> MetricsRead:
    if log is None:
        raise TrackerError(f"{quote_text(weights.name)}: its run has no metrics.csv")
    what = quote_text(log.path, limit=200)
    if weights.modified is None or log.modified < weights.modified - _CLOCK_SECONDS:
        # Lightning writes the file every 100 steps and at the end, so the last rows may be missing.
        raise TrackerError(f"{what} was last written before the checkpoint")
    head = b""
    if not weights.is_folder:
        found = tree.head(weights.parts, HEAD_BYTES)
        head = found.raw if found is not None else b""
    at = position_of(weights.name, head)
    read = last_values(rows_until(read_table(log.raw, what=what), at, what=what), what=what)
    if not read.values:
        raise TrackerError(f"{what} has no metrics up to step {at.step - 1}")
    notes.append(f"read {what}: rows up to step {at.step - 1}, in epoch {at.epoch}")
    notes.extend(skipped_note(read, log.path))
    return read


def rows_until(table: Table, at: Position, *, what: str) -> Table:
    """Return the rows that a run had logged when a checkpoint was saved.

    Raises:
        TrackerError: Rows and checkpoint contradict each other, or rows before the checkpoint are missing.
    """
    steps = dict(_steps(table, what))
    last = at.step - 1
    used = [step for step in steps if step <= last]
    if any(steps[step][1] > at.epoch for step in used) or any(
        steps[step][0] < at.epoch for step in steps.keys() - set(used)
    ):
        raise TrackerError(f"{what} has another epoch at step {last} than the checkpoint")
    least, greatest = steps.get(at.step, (-1, -1))
    if least <= at.epoch <= greatest and not at.within_batch:
        raise TrackerError(
            f"{what} has rows of step {at.step}, which may be before or after the checkpoint"
        )
    if not used:
        raise TrackerError(f"{what} has no rows up to step {last}")
    ordered = [-1, *sorted(steps)]
    widest = max(after - before for before, after in pairwise(ordered))
    if last - max(used) >= max(widest, 1):
        raise TrackerError(
            f"{what} has rows up to step {max(used)} only; the checkpoint's is {last}"
        )
    column = table.names.index("step")
    rows = tuple(row for row in table.rows if int(row[column]) <= last)
    return Table(table.names, rows)


def _steps(table: Table, what: str) -> Iterator[tuple[int, tuple[int, int]]]:
    """The steps of a log, each with its least and greatest epoch.

    Raises:
        TrackerError: A row has no number of its step or epoch.
    """
    if not {"step", "epoch"} <= set(table.names):
        raise TrackerError(f"{what} has no columns epoch and step")
    columns = table.names.index("step"), table.names.index("epoch")
    found: dict[int, tuple[int, int]] = {}
    for row in table.rows:
        step, epoch = (row[column] if column < len(row) else "" for column in columns)
        if not _COUNT.fullmatch(step) or (epoch and not _COUNT.fullmatch(epoch)):
            raise TrackerError(
                f"{what} has a row without step or epoch, or the training logs its own steps"
            )
        if epoch:
            least, greatest = found.get(int(step), (int(epoch), int(epoch)))
            found[int(step)] = min(least, int(epoch)), max(greatest, int(epoch))
    yield from found.items()
