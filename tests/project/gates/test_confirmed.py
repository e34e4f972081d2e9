"""`gate --confirm-run` judges what the tracker has of a run, not what the pointer declares."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.pointer import Pointer
from gitmodel.errors import NoSuchRunError, TrackerError
from gitmodel.project.gates.confirmed import metrics_of_run
from gitmodel.trackers.mlflow.open import open_store
from tests.support.desk import digest, refusal
from tests.trackers.mlflow.recorded_stores import unpack

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.trackers.run_metadata import RunMetadata
    from tests.support.desk import Desk


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that MLflow wrote."""
    folder = tmp_path_factory.mktemp("mlflow")
    unpack("sqlite-3.17.2", folder)
    (found,) = folder.glob("*.db")
    return found


def pointer(run_id: str | None, system: str = "mlflow") -> Pointer:
    return Pointer(
        name="fraud",
        version=2,
        digest=digest(b"x"),
        size=1,
        path="fraud.bin",
        run_id=run_id,
        run={"system": system},
        metrics={"auc": 0.999},
    )


def run_of(stored: Path) -> RunMetadata:
    runs = open_store(f"sqlite:///{stored}", folder="/").recent_runs(None, 0, 100)
    return next(run for run in runs if len(run.metrics) in range(1, 50))


def confirmed(desk: Desk, of: Pointer, **environment: str) -> object:
    with desk.open() as project:
        everything = {**project.context.environment, **environment}
        project.context = replace(project.context, environment=everything)
        return metrics_of_run(project, of)


def test_the_metrics_are_those_of_the_run(desk: Desk, stored: Path) -> None:
    run = run_of(stored)

    found = confirmed(desk, pointer(run.run_id), MLFLOW_TRACKING_URI=f"sqlite:///{stored}")

    assert repr(found) == repr(dict(run.metrics))


def test_a_run_that_is_not_there_confirms_nothing(desk: Desk, stored: Path) -> None:
    uri = f"sqlite:///{stored}"
    refusal(
        NoSuchRunError,
        lambda: confirmed(desk, pointer("0" * 32), MLFLOW_TRACKING_URI=uri),
    )


def test_a_store_that_the_request_brings_confirms_nothing(desk: Desk, stored: Path) -> None:
    run = run_of(stored)
    (desk.repo.path / "mlflow.db").write_bytes(stored.read_bytes())
    text = desk.repo.read(".gitmodel.yaml").decode()
    runs = 'runs: {fraud: {system: mlflow, uri: "sqlite:///mlflow.db"}}\n'
    desk.repo.write(".gitmodel.yaml", text + runs)

    assert refusal(TrackerError, lambda: confirmed(desk, pointer(run.run_id))) == (
        "fraud: nothing names the tracker that is to confirm fraud@2",
        "set MLFLOW_TRACKING_URI to the address of the MLflow server",
    )


@pytest.mark.parametrize(("run_id", "system"), [(None, "mlflow"), ("r1", "wandb"), ("r1", "")])
def test_a_version_without_a_run_of_mlflow_is_not_confirmed(
    desk: Desk, run_id: str | None, system: str
) -> None:
    message, _ = refusal(TrackerError, lambda: confirmed(desk, pointer(run_id, system)))

    assert message == "fraud@2 names no run of MLflow, so its metrics cannot be confirmed"


def test_the_command_judges_what_the_run_has(desk: Desk, stored: Path) -> None:
    run = run_of(stored)
    metric, value = next(
        (name, value) for name, value in run.metrics.items() if isinstance(value, float)
    )
    desk.version(b"one", metrics=[f"{metric}=1e30"])
    configured = desk.repo.read(".gitmodel.yaml").decode()
    gates = f'gates: {{fraud: {{register: {{"{metric}": {{min: 1e20}}}}}}}}\n'
    desk.repo.write(".gitmodel.yaml", configured + gates)
    desk.repo.commit("gate", ".gitmodel.yaml")
    head = desk.repo.head()
    forged = replace(pointer(run.run_id), metrics={metric: 1e30}, size=3, digest=digest(b"two"))
    desk.repo.write("fraud.model.yaml", forged.to_text())
    desk.repo.git("commit", "-qam", "forged")
    environment = {"MLFLOW_TRACKING_URI": f"sqlite:///{stored}"}

    declared = desk.repo.gitmodel("gate", "--base", head, env=environment)
    checked = desk.repo.gitmodel(
        "gate", "--base", head, "--confirm-run", "--json", env=environment, check=False
    )

    assert declared.returncode == 0
    assert (checked.returncode, '"evidence": "confirmed"' in checked.stdout) == (3, True), value
