"""What a tracker, or the files of a training, say about one run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

RunStatus = Literal["running", "scheduled", "finished", "failed", "killed", "deleted", "unknown"]


class DataVersion(NamedTuple):
    """Data that a run used: its name, digest and address, as the tracker has them."""

    name: str
    digest: str | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class RunMetadata:
    """One run. Fields that the tracker does not have are empty or None.

    Attributes:
        system: The tracker: `mlflow`, `wandb`, `dvclive`.
        run_id: Id of the run in its tracker.
        url: Page of the run, without user info.
        experiment: Experiment or project of the run.
        name: Name of the run.
        status: How the run ended. Metrics of a run that did not finish may not describe the weights.
        code: Commit that the tracker recorded.
        parent: Id of the run that this one is nested in.
        metrics: Last values by name, as the tracker has them, also NaN and infinities.
        params: Values by name. Trackers store text; numbers are not converted yet.
        data: Data that the run used.
        started: Seconds since 1970, UTC.
        ended: Seconds since 1970, UTC; None while the run goes on, and for a killed one.
        notes: What was not read, and why, each a sentence for people.
    """

    system: str
    run_id: str | None = None
    url: str | None = None
    experiment: str | None = None
    name: str | None = None
    status: RunStatus = "unknown"
    code: str | None = None
    parent: str | None = None
    metrics: Mapping[str, object] = field(default_factory=dict)
    params: Mapping[str, object] = field(default_factory=dict)
    data: tuple[DataVersion, ...] = ()
    started: float | None = None
    ended: float | None = None
    notes: tuple[str, ...] = ()
