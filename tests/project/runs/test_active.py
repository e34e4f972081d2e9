"""The run that is active in this process is asked from the library that training uses."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

from gitmodel.project.runs.active import active_run
from gitmodel.project.runs.find_run import FoundRun
from gitmodel.trackers.run_metadata import DataVersion, RunMetadata

if TYPE_CHECKING:
    import pytest


def library(monkeypatch: pytest.MonkeyPatch, name: str, **members: object) -> None:
    """A module with the members that gitmodel asks; the libraries themselves are no dependency."""
    module = ModuleType(name)
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)


def mlflow_run() -> SimpleNamespace:
    dataset = SimpleNamespace(name="may", digest="d1")
    return SimpleNamespace(
        info=SimpleNamespace(run_id="r1", run_name="brave-owl", experiment_id="1"),
        data=SimpleNamespace(
            metrics={"auc": 0.9},
            params={"lr": "0.1"},
            tags={"mlflow.source.git.commit": "abc", "mlflow.parentRunId": "p"},
        ),
        inputs=SimpleNamespace(dataset_inputs=[SimpleNamespace(dataset=dataset)]),
    )


def test_without_a_tracker_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mlflow", "wandb"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    assert active_run() == FoundRun()
    assert not {"mlflow", "wandb"} & set(sys.modules)


def test_the_active_run_of_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    library(
        monkeypatch,
        "mlflow",
        active_run=mlflow_run,
        get_run=lambda _run_id: mlflow_run(),
        get_experiment=lambda _id: SimpleNamespace(name="fraud"),
    )

    assert active_run() == FoundRun(
        RunMetadata(
            "mlflow",
            "r1",
            experiment="fraud",
            name="brave-owl",
            code="abc",
            parent="p",
            metrics={"auc": 0.9},
            params={"lr": "0.1"},
            data=(DataVersion("may", "d1"),),
        )
    )


def test_a_library_that_fails_leaves_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_run_id: str) -> None:
        raise ConnectionError

    library(monkeypatch, "mlflow", active_run=mlflow_run, get_run=fail)

    assert active_run() == FoundRun(
        RunMetadata("mlflow", "r1"),
        ("MLflow could not read its active run (ConnectionError); its id is recorded",),
    )


def test_the_active_run_of_wandb(monkeypatch: pytest.MonkeyPatch) -> None:
    run = SimpleNamespace(
        id="w1",
        url="https://wandb.ai/e/p/runs/w1",
        project="p",
        name="brave-owl",
        summary={"auc": 0.9, "_step": 3},
        config={"lr": 0.1, "_wandb": {}},
    )
    library(monkeypatch, "mlflow", active_run=lambda: None)
    library(monkeypatch, "wandb", run=run)

    assert active_run().run == RunMetadata(
        "wandb",
        "w1",
        url="https://wandb.ai/e/p/runs/w1",
        experiment="p",
        name="brave-owl",
        metrics={"auc": 0.9},
        params={"lr": 0.1},
    )


def test_no_run_is_active(monkeypatch: pytest.MonkeyPatch) -> None:
    library(monkeypatch, "mlflow", active_run=lambda: None)
    library(monkeypatch, "wandb", run=None)

    assert active_run() == FoundRun()
