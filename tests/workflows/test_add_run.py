"""Weights are registered with the run that made them: by id, by the environment, or by evidence."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import NoSuchRunError, TrackerError, UsageError
from gitmodel.project.adding.metadata import MetadataInput
from gitmodel.project.project import Project
from gitmodel.trackers.mlflow.open import open_store
from gitmodel.workflows.add import add
from gitmodel.workflows.register_changes import register_changes
from tests.support.desk import Desk, refusal
from tests.trackers.mlflow.recorded_stores import unpack

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.domain.pointer import Pointer
    from gitmodel.trackers.run_metadata import RunMetadata
    from gitmodel.workflows.add import AddReport

ONE, TWO = b"weights one", b"weights two"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that MLflow wrote."""
    folder = tmp_path_factory.mktemp("mlflow")
    unpack("sqlite-3.17.2", folder)
    return folder


def database(desk: Desk, stored: Path, name: str = "mlflow.db") -> list[RunMetadata]:
    """Put the database into the work tree; gives its runs."""
    (found,) = stored.glob("*.db")
    shutil.copyfile(found, desk.repo.path / name)
    store = open_store(f"sqlite:///{name}", folder=str(desk.repo.path))
    return store.recent_runs(None, 0, 100)


def alone(runs: list[RunMetadata]) -> RunMetadata:
    """A run that is the only one at its end."""
    for run in runs:
        at = run.ended or 0
        rivals = [r for r in runs if (r.started or 0) <= at <= (r.ended or 0) + 600]
        if run.metrics and rivals == [run]:
            return run
    raise AssertionError("no run is alone at its end")


def written(desk: Desk, content: bytes, at: float) -> None:
    path = desk.repo.write("fraud.bin", content)
    os.utime(path, (at, at))


def opened(desk: Desk, **environment: str) -> Project:
    context = desk.context()
    return Project.open(replace(context, environment={**context.environment, **environment}))


def added(desk: Desk, run: str | None, /, **environment: str) -> AddReport:
    with opened(desk, **environment) as project:
        return add(project, "fraud.bin", given=MetadataInput(run=run))


def configure(desk: Desk, text: str) -> None:
    desk.repo.write(".gitmodel.yaml", desk.repo.read(".gitmodel.yaml").decode() + text)
    desk.repo.commit("configuration", ".gitmodel.yaml")


def agrees(pointer: Pointer, run: RunMetadata) -> bool:
    finite = {key: value for key, value in run.metrics.items() if value == value}  # noqa: PLR0124
    return pointer.run_id == run.run_id and finite.items() <= dict(pointer.metrics).items()


def test_a_run_is_named_by_its_id(desk: Desk, stored: Path) -> None:
    run = database(desk, stored)[0]
    desk.repo.write("fraud.bin", ONE)

    added(desk, f"mlflow:{run.run_id}")

    pointer = desk.pointer()
    assert agrees(pointer, run)
    assert pointer.run is not None
    assert (pointer.run["system"], pointer.run["status"]) == ("mlflow", "finished")


def test_given_metrics_count_before_those_of_the_run(desk: Desk, stored: Path) -> None:
    run = next(run for run in database(desk, stored) if run.metrics)
    metric = next(iter(run.metrics))
    desk.repo.write("fraud.bin", ONE)
    given = MetadataInput(run=f"mlflow:{run.run_id}", metric_values={metric: 42.5}, run_id="mine")
    with desk.open() as project:
        add(project, "fraud.bin", given=given)

    pointer = desk.pointer()
    assert (pointer.metrics[metric], pointer.run_id) == (42.5, "mine")


def test_a_run_that_is_not_there_registers_nothing(desk: Desk, stored: Path) -> None:
    database(desk, stored)
    desk.repo.write("fraud.bin", ONE)

    refusal(NoSuchRunError, lambda: added(desk, f"mlflow:{'0' * 32}"))

    assert desk.staged() == []


def test_texts_that_name_no_run_are_usage_errors(desk: Desk) -> None:
    desk.repo.write("fraud.bin", ONE)

    for text in ("", "mlflow", "mlflow:", "excel:1"):
        refusal(UsageError, lambda text=text: added(desk, text))  # type: ignore[misc]


def test_without_a_store_the_error_says_where_to_name_it(desk: Desk) -> None:
    desk.repo.write("fraud.bin", ONE)

    assert refusal(TrackerError, lambda: added(desk, f"mlflow:{'0' * 32}")) == (
        "there is no MLflow store to read the run from",
        "set MLFLOW_TRACKING_URI, or name the store in .gitmodel.yaml under runs",
    )


def test_auto_finds_the_run_by_the_times(desk: Desk, stored: Path) -> None:
    run = alone(database(desk, stored))
    written(desk, ONE, run.ended or 0)

    added(desk, "auto")

    assert agrees(desk.pointer(), run)


def test_auto_takes_none_of_several_runs_and_names_them(desk: Desk, stored: Path) -> None:
    runs = database(desk, stored)
    rivals = None
    for run in runs:
        at = run.ended or 0
        fitting = [r for r in runs if (r.started or 0) <= at <= (r.ended or 0) + 600]
        if len([r for r in fitting if r.metrics]) > 1:
            rivals = run
    assert rivals is not None
    written(desk, ONE, rivals.ended or 0)

    report = added(desk, "auto")

    assert desk.pointer().run_id is None
    assert any("may have written these weights" in warning for warning in report.warnings)


def test_auto_without_any_run_says_so(desk: Desk) -> None:
    desk.repo.write("fraud.bin", ONE)

    report = added(desk, "auto")

    assert report.warnings == ("no run of these weights was found",)


def test_the_id_in_the_environment_counts_in_add(desk: Desk, stored: Path) -> None:
    run = database(desk, stored)[0]
    desk.repo.write("fraud.bin", ONE)

    added(desk, None, MLFLOW_RUN_ID=str(run.run_id))

    assert agrees(desk.pointer(), run)


def test_run_none_leaves_the_environment_out(desk: Desk, stored: Path) -> None:
    run = database(desk, stored)[0]
    desk.repo.write("fraud.bin", ONE)

    added(desk, "none", MLFLOW_RUN_ID=str(run.run_id))

    assert desk.pointer().run_id is None


def test_a_run_of_the_environment_that_cannot_be_read_leaves_its_id(desk: Desk) -> None:
    desk.repo.write("fraud.bin", ONE)

    report = added(desk, None, MLFLOW_RUN_ID="f" * 32)

    assert desk.pointer().run_id == "f" * 32
    assert "of the run only its id is recorded" in report.warnings[0]


def test_known_weights_do_not_change_with_the_environment(desk: Desk) -> None:
    desk.version(ONE)
    before = desk.pointer()

    added(desk, None, MLFLOW_RUN_ID="f" * 32)

    assert desk.pointer() == before


def test_an_online_run_of_wandb_is_linked(desk: Desk) -> None:
    desk.repo.write("fraud.bin", ONE)

    report = added(desk, "wandb:w1", WANDB_ENTITY="team", WANDB_PROJECT="fraud")

    assert report.warnings == ("of an online run of W&B only its id and link are recorded",)
    assert desk.pointer().run_id == "w1"
    assert desk.pointer().run == {"url": "https://wandb.ai/team/fraud/runs/w1", "system": "wandb"}


def test_a_server_that_a_committed_file_names_gets_no_credentials(desk: Desk) -> None:
    configure(desk, 'runs: {fraud: {system: mlflow, uri: "http://127.0.0.1:9/"}}\n')
    desk.repo.write("fraud.bin", ONE)
    secret = {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "secret"}

    with opened(desk, **secret) as project:
        from gitmodel.project.runs.find_run import RunFinder

        (place,) = RunFinder(project, "fraud", "fraud.bin")._places()
        assert not place.is_own


def test_the_command_takes_a_run(desk: Desk, stored: Path) -> None:
    run = database(desk, stored)[0]
    desk.repo.write("fraud.bin", ONE)

    desk.repo.gitmodel("add", "fraud.bin", "--run", f"mlflow:{run.run_id}")

    assert agrees(desk.pointer(), run)


def commit(desk: Desk, **environment: str) -> None:
    with opened(desk, **environment) as project:
        register_changes(project)


def test_a_hook_ignores_the_run_of_the_environment(desk: Desk, stored: Path) -> None:
    desk.version(ONE)
    run = database(desk, stored)[0]
    desk.repo.write("fraud.bin", TWO)

    commit(desk, MLFLOW_RUN_ID=str(run.run_id), MLFLOW_TRACKING_URI="sqlite:///mlflow.db")

    assert (desk.pointer().version, desk.pointer().run_id) == (2, None)


def test_a_hook_finds_the_run_in_the_local_store_of_the_configuration(
    desk: Desk, stored: Path
) -> None:
    run = alone(database(desk, stored))
    configure(desk, 'runs: {fraud: {system: mlflow, uri: "sqlite:///mlflow.db"}}\n')
    desk.version(ONE)
    written(desk, TWO, run.ended or 0)

    commit(desk)

    assert desk.pointer().version == 2
    assert agrees(desk.pointer(), run)


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9/", "sqlite:////etc/x.db", "../other", "link"])
def test_a_hook_opens_nothing_outside_of_the_work_tree(
    desk: Desk, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.repo.path / "link").symlink_to(tmp_path)
    configure(desk, f'runs: {{fraud: {{system: mlflow, uri: "{uri}"}}}}\n')
    desk.version(ONE)
    desk.repo.write("fraud.bin", TWO)

    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("a store was opened")

    monkeypatch.setattr("gitmodel.trackers.mlflow.open.open_store", refuse)
    commit(desk)

    assert (desk.pointer().version, desk.pointer().run_id) == (2, None)


def test_a_log_of_metrics_and_event_files_are_metrics_files(desk: Desk) -> None:
    desk.repo.write("metrics.csv", "epoch,step,val_loss\n0,1,0.5\n1,2,0.25\n")
    desk.add(content=ONE, metrics_file="metrics.csv")
    assert dict(desk.pointer().metrics) == {"val_loss": 0.25}

    desk.repo.commit("v1", ".")
    desk.repo.write("metrics.csv", "epoch,step,val_loss\n0,1,0.5\n1,2,0.125\n")
    desk.repo.write("fraud.bin", TWO)
    commit(desk)

    assert dict(desk.pointer().metrics) == {"val_loss": 0.125}


def test_show_says_which_run_made_a_version(desk: Desk, stored: Path) -> None:
    run = database(desk, stored)[0]
    desk.repo.write("fraud.bin", ONE)
    added(desk, f"mlflow:{run.run_id}")

    shown = " ".join(desk.repo.gitmodel("show", "fraud").stdout.split())

    assert f" run {run.run_id} system mlflow," in shown
    assert f"system mlflow, experiment {run.experiment}, name {run.name}, status finished" in shown


def test_a_finished_run_lends_its_metrics_to_no_other_weights(desk: Desk, stored: Path) -> None:
    run = alone(database(desk, stored))
    configure(desk, 'runs: {fraud: {system: mlflow, uri: "sqlite:///mlflow.db"}}\n')
    written(desk, ONE, run.ended or 0)
    added(desk, "auto")
    desk.repo.git("commit", "-qm", "v1")
    assert agrees(desk.pointer(), run)

    written(desk, TWO, (run.ended or 0) + 60)
    commit(desk)

    assert (desk.pointer().version, desk.pointer().run_id) == (2, None)
    assert dict(desk.pointer().metrics) == {}


def test_warnings_of_the_run_are_told_beside_a_refusal(desk: Desk) -> None:
    configure(desk, "better: {auc: higher}\ngates: {fraud: {register: {auc: {min: 0}}}}\n")
    desk.repo.write("fraud.bin", ONE)

    done = desk.repo.gitmodel("add", "fraud.bin", env={"MLFLOW_RUN_ID": "f" * 32}, check=False)

    assert done.returncode == 3
    assert "of the run only its id is recorded" in done.stderr
