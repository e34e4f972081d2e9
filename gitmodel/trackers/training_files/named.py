"""Reads a file of metrics that the user names, if a training library wrote it.

Files that the user wrote (`.json`, `.yaml`, `.toml`) are read by `gitmodel.domain.metrics.read_metrics`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.trackers.training_files import dvclive, trainer
from gitmodel.trackers.training_files.csv_table import last_values, read_table

if TYPE_CHECKING:
    from gitmodel.domain.metrics import MetricsRead


def read_named_metrics(raw: bytes, path: str) -> MetricsRead | None:
    """Read CSV, or a file of the Trainer or DVCLive; None if the file is none of these.

    Args:
        raw: The file's bytes.
        path: Its path, for its name and for messages.

    Raises:
        TextError: The file does not parse or is too large, or it does not say which of its values
            describe the weights.
    """
    if path.lower().endswith((".csv", ".tsv")):
        return last_values(read_table(raw, what=path), what=path)
    folder, _, name = path.rpartition("/")
    if name == trainer.STATE:
        return trainer.read_named_state(raw, path)
    if name in trainer.RESULTS:
        return trainer.read_results(raw, what=path)
    if name == dvclive.METRICS and folder.rpartition("/")[2] == dvclive.FOLDER:
        return dvclive.read_metrics_json(raw, path=path)
    return None
