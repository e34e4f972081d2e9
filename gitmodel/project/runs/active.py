"""The run that is active in this Python process, asked from the tracker's own library.

A library that training has not imported is not imported here. Nothing is written to a tracker.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from gitmodel.project.runs.find_run import FoundRun
from gitmodel.trackers.run_metadata import DataVersion, RunMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping


def active_run() -> FoundRun:
    """The active run of MLflow, else that of W&B. A library that fails is noted, and its run has an id only."""
    for system, read in (("mlflow", _mlflow), ("wandb", _wandb)):
        library = sys.modules.get(system)
        if library is None:
            continue
        found = read(library)
        if found.run is not None:
            return found
    return FoundRun()


def _mlflow(library: Any) -> FoundRun:
    try:
        active = library.active_run()
    except Exception as error:  # noqa: BLE001  (somebody else's library)
        return FoundRun(None, (f"MLflow did not say which run is active: {type(error).__name__}",))
    if active is None:
        return FoundRun()
    run_id = str(active.info.run_id)
    try:
        run = library.get_run(run_id)
        tags = dict(run.data.tags)
        return FoundRun(
            RunMetadata(
                "mlflow",
                run_id,
                experiment=_experiment(library, run.info.experiment_id),
                name=run.info.run_name,
                code=tags.get("mlflow.source.git.commit"),
                parent=tags.get("mlflow.parentRunId"),
                metrics=dict(run.data.metrics),
                params=dict(run.data.params),
                data=_inputs(run),
            )
        )
    except Exception as error:  # noqa: BLE001  (somebody else's library)
        note = f"MLflow could not read its active run ({type(error).__name__}); its id is recorded"
        return FoundRun(RunMetadata("mlflow", run_id), (note,))


def _experiment(library: Any, experiment_id: str) -> str | None:
    found = library.get_experiment(experiment_id)
    return None if found is None else str(found.name)


def _inputs(run: Any) -> tuple[DataVersion, ...]:
    inputs = getattr(getattr(run, "inputs", None), "dataset_inputs", None) or ()
    return tuple(DataVersion(str(one.dataset.name), str(one.dataset.digest)) for one in inputs)


def _wandb(library: Any) -> FoundRun:
    run = getattr(library, "run", None)
    if run is None:
        return FoundRun()
    run_id = str(run.id)
    try:
        return FoundRun(
            RunMetadata(
                "wandb",
                run_id,
                url=run.url or None,
                experiment=run.project or None,
                name=run.name or None,
                metrics=_public(dict(run.summary)),
                params=_public(dict(run.config)),
            )
        )
    except Exception as error:  # noqa: BLE001  (somebody else's library)
        note = f"W&B could not read its active run ({type(error).__name__}); its id is recorded"
        return FoundRun(RunMetadata("wandb", run_id), (note,))


def _public(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not key.startswith("_")}
