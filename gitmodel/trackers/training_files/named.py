"""Reads a file of metrics that the user names, if a training library wrote it.

Files that the user wrote (`.json`, `.yaml`, `.toml`) are read by `gitmodel.domain.metrics.read_metrics`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    return None
