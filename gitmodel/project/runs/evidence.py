"""Which of several runs made weights, by the times of the runs and of the weights.

A commit alone is no evidence: parent and child share it, and a parent without metrics may be the newest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gitmodel.trackers.run_metadata import RunMetadata

SLACK_SECONDS = 600.0  # weights may be written a little after the run ended


class Choice(NamedTuple):
    """The run that made weights, or the runs that may have made them if there are several."""

    run: RunMetadata | None = None
    rivals: tuple[RunMetadata, ...] = ()


def choose_run(runs: Sequence[RunMetadata], written: float, taken: Collection[str] = ()) -> Choice:
    """Choose the finished run during which weights were written, else one that had ended up to ten minutes before.

    `written` is in seconds since 1970, UTC. `taken` are ids of runs that other weights are of: such a run is not
    chosen. A nested run is chosen before its parent only if the parent logged no metric. Of two candidates neither
    is chosen.
    """
    fitting = [run for run in runs if _fits(run, written)]
    fitting = [run for run in fitting if run.ended and run.ended >= written] or fitting
    fitting = [run for run in fitting if run.run_id not in taken]
    parents = {run.parent for run in fitting if run.parent is not None}
    left = [run for run in fitting if run.metrics or run.run_id not in parents]
    if len(left) == 1:
        return Choice(left[0])
    return Choice(None, tuple(left))


def _fits(run: RunMetadata, written: float) -> bool:
    if run.status != "finished" or run.started is None or run.ended is None:
        return False
    return run.started <= written <= run.ended + SLACK_SECONDS
