"""The metrics that the tracker has of a version's run, read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.metrics import metrics_from_mapping
from gitmodel.errors import TrackerError
from gitmodel.project.runs.find_run import RunFinder
from gitmodel.project.runs.recorded import record_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitmodel.domain.metrics import Metric
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.project import Project


def metrics_of_run(project: Project, pointer: Pointer) -> Mapping[str, Metric]:
    """Read the metrics of a version's run from the MLflow store that `MLFLOW_TRACKING_URI` names.

    No other store counts: the request that is judged could bring its own. Raises TrackerError if the pointer names
    no run of MLflow, or the run cannot be read or has no metric; ConfigError if the configuration is not valid.
    """
    system = str((pointer.run or {}).get("system", ""))
    title = f"{pointer.name}@{pointer.version}"
    if not pointer.run_id or system != "mlflow":
        raise TrackerError(
            f"{title} names no run of MLflow, so its metrics cannot be confirmed",
            hint="gitmodel add PATH --run mlflow:ID",
            model=pointer.name,
        )
    if not project.context.environment.get("MLFLOW_TRACKING_URI"):
        raise TrackerError(
            f"nothing names the tracker that is to confirm {title}",
            hint="set MLFLOW_TRACKING_URI to the address of the MLflow server",
            model=pointer.name,
        )
    found = RunFinder(project, pointer.name, "").named(f"mlflow:{pointer.run_id}")
    recorded = record_run(project, pointer.name, found)
    values = metrics_from_mapping(recorded.metrics, what="the run's metrics").values
    if not values:
        raise TrackerError(
            f"the tracker has no metrics of the run of {title}, so they cannot be confirmed",
            hint="gitmodel gate --metrics FILE NAME",
            model=pointer.name,
        )
    return values
