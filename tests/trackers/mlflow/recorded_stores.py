"""Stores that real releases of MLflow wrote, and what `MlflowClient` answered about each run.

Written by `tests/recorders/mlflow.py`.
"""

from __future__ import annotations

import json
import math
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from gitmodel.trackers.run_metadata import DataVersion, RunMetadata

Recorded: TypeAlias = Callable[[str], Path]  # name of a store, its folder
RECORDED = Path(__file__).with_name("recorded")
STATUSES = {
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "killed",
    "RUNNING": "running",
    "SCHEDULED": "scheduled",
}
ADDRESSES = {
    "s3://data/train.parquet": "s3://data/train.parquet",
    "https://reader:secret@data.example.org/train.csv": "https://data.example.org/train.csv",
    "glue": "glue",
    "warehouse.training": "warehouse.training",
}


def names(kind: str) -> list[str]:
    """The stores of one kind: `sqlite`, `files` or `rest`."""
    return sorted(path.name[:-7] for path in RECORDED.glob(f"{kind}-*.tar.xz"))


def unpack(name: str, folder: Path) -> None:
    """Unpack a store and its answers into a folder."""
    with tarfile.open(RECORDED / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")


def answers(folder: Path) -> dict[str, Any]:
    """Read the answers beside a store."""
    read: dict[str, Any] = json.loads((folder / "answers.json").read_text("utf-8"))
    return read


def expected(
    read: dict[str, Any], run_id: str, *, kind: str, base: str | None = None
) -> RunMetadata:
    """The run that the client's answer describes.

    It differs from the answer in three cases: an infinity that a database has as the greatest float;
    metrics of which MLflow's reader of files loses the steps, and those at which it raises.
    """
    answer, logged = read["runs"][run_id], read["logged"][run_id]
    known = dict(answer["metrics"])
    for key, points in logged["metrics"].items():
        if kind == "files" and (answer["raised"] or key in logged["with_data"]):
            known[key] = max(tuple(point) for point in points)[2]
    url = f"{base}/#/experiments/{answer['experiment_id']}/runs/{run_id}" if base else None
    deleted = answer["lifecycle"] == "deleted"
    return RunMetadata(
        system="mlflow",
        run_id=run_id,
        url=url,
        experiment=answer["experiment"],
        name=answer["name"],
        status="deleted" if deleted else STATUSES[answer["status"]],  # type: ignore[arg-type]
        code=answer["tags"].get("mlflow.source.git.commit"),
        parent=answer["tags"].get("mlflow.parentRunId"),
        metrics={
            key: logged_value(value, database=kind != "files") for key, value in known.items()
        },
        params=answer["params"],
        data=tuple(sorted((data_version(*one) for one in answer["data"]), key=str)),
        started=answer["started"] / 1000,
        ended=answer["ended"] / 1000 if answer["ended"] is not None else None,
    )


def logged_value(value: float, *, database: bool) -> float:
    """The value that was logged, of a value that the client gives."""
    if database and abs(value) == sys.float_info.max:
        return math.copysign(math.inf, value)
    return value


def data_version(name: str, digest: str, source: str) -> DataVersion:
    """A data set of an answer."""
    found = next((one for one in ADDRESSES if f'"{one}"' in source), "")
    return DataVersion(name, digest, ADDRESSES.get(found))


def comparable(run: RunMetadata) -> dict[str, Any]:
    """All fields of a run; floats as text, so that NaN equals NaN and -0.0 differs from 0.0."""
    fields: dict[str, Any] = {name: getattr(run, name) for name in RunMetadata.__slots__}
    fields["metrics"] = {key: repr(value) for key, value in sorted(run.metrics.items())}
    fields["params"] = dict(sorted(run.params.items()))
    fields["data"] = sorted(run.data, key=str)
    return fields
