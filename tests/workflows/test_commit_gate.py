"""A commit goes on without weights that the gate of their model refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.errors import GateError
from gitmodel.project.adding.metadata import MetadataInput
from gitmodel.project.committing.commit_notes import CommitReport
from gitmodel.project.gates.rejected import rejected_runs
from gitmodel.workflows.add import IfBetter, add
from gitmodel.workflows.mv import rename_model
from gitmodel.workflows.register_changes import register_changes
from gitmodel.workflows.status import State, status
from tests.support.desk import Desk, kept_desk, refusal
from tests.workflows.test_add_gate import GATES, ONE, THREE, TWO, configure

if TYPE_CHECKING:
    import pytest

KEPT = [
    "fraud: the new weights are not a version: {}",
    "they stay on disk; to register them all the same, run: gitmodel add fraud.bin --force WHY",
]


def gated(desk: Desk) -> None:
    """Version 1 of fraud reads its metrics from metrics.json, and has a gate."""
    desk.repo.write("metrics.json", '{"auc": 0.81}')
    desk.version(ONE, metrics_file="metrics.json")
    configure(desk)


ana = kept_desk(gated)


def trained(desk: Desk, content: bytes, auc: float) -> None:
    desk.repo.write("fraud.bin", content)
    desk.repo.write("metrics.json", f'{{"auc": {auc}}}')


def commit(desk: Desk) -> CommitReport:
    """What pre-commit does."""
    with desk.open() as project:
        return register_changes(project)


def kept(reason: str) -> list[str]:
    return [line.format(reason) for line in KEPT]


def test_refused_weights_are_no_version_and_the_commit_goes_on(ana: Desk) -> None:
    trained(ana, TWO, 0.815)

    report = commit(ana)

    reason = "auc 0.815, at least 0.82 is needed (v1 has 0.81)"
    assert report == CommitReport(notes=kept(reason))
    assert (ana.pointer().version, ana.staged()) == (1, [])
    assert ana.repo.read("fraud.bin") == TWO


def test_weights_that_pass_are_the_next_version(ana: Desk) -> None:
    trained(ana, TWO, 0.1)
    commit(ana)
    trained(ana, THREE, 0.82)

    assert commit(ana).bumped == [("fraud", 1, 2)]
    assert ana.pointer().metrics == {"auc": 0.82}


def test_a_metrics_file_that_has_not_changed_is_named(ana: Desk) -> None:
    ana.repo.write("fraud.bin", TWO)

    assert commit(ana).notes == [
        *kept("auc is missing"),
        (
            "metrics.json is as it was for version 1; if its values describe the new weights, run: "
            "gitmodel add fraud.bin --metrics metrics.json"
        ),
    ]


def test_a_second_commit_says_it_again_and_counts_it(ana: Desk) -> None:
    trained(ana, TWO, 0.5)
    first, again = commit(ana), commit(ana)
    ana.repo.git("commit", "-q", "--allow-empty", "-m", "other")
    commit(ana)

    assert first.notes == again.notes
    with ana.open() as project:
        (run,) = rejected_runs(project, "fraud")
    assert run.times == 2  # two commits of HEAD, three attempts


def test_a_gate_can_refuse_the_commit(ana: Desk) -> None:
    text = ana.repo.read(".gitmodel.yaml").decode()
    ana.repo.write(".gitmodel.yaml", text + "    on_commit: refuse\n")
    ana.repo.git("commit", "-qm", "strict", ".gitmodel.yaml")
    trained(ana, TWO, 0.5)

    assert refusal(GateError, lambda: commit(ana)) == (
        (
            "fraud: the new weights are not a version: auc 0.5, at least 0.8 is needed; "
            "auc 0.5, at least 0.82 is needed (v1 has 0.81)"
        ),
        "gitmodel add fraud.bin --force WHY, which registers them all the same, then git commit",
    )


def test_gates_that_are_not_valid_are_noted_and_stop_no_commit(ana: Desk) -> None:
    text = ana.repo.read(".gitmodel.yaml").decode()
    ana.repo.write(".gitmodel.yaml", text.replace("improve_by", "improved_by"))
    ana.repo.git("commit", "-qm", "typo", ".gitmodel.yaml")
    trained(ana, TWO, 0.5)

    report = commit(ana)

    assert report.bumped == [("fraud", 1, 2)]
    (note,) = report.notes
    assert note.startswith("fraud: .gitmodel.yaml in commit ")
    assert note.endswith('"improved_by" is no key of a gate; so no gate judges new weights')


def test_an_edited_configuration_counts_from_the_next_commit_on(ana: Desk) -> None:
    text = ana.repo.read(".gitmodel.yaml").decode()
    ana.repo.write(".gitmodel.yaml", text.replace(GATES, ""))
    ana.repo.git("add", ".gitmodel.yaml")
    trained(ana, TWO, 0.5)

    assert commit(ana).bumped == []


def test_weights_of_an_earlier_version_pass(ana: Desk) -> None:
    trained(ana, TWO, 0.9)
    commit(ana)
    ana.repo.git("commit", "-qm", "v2")
    trained(ana, ONE, 0.1)

    assert commit(ana).bumped == [("fraud", 2, 1)]


def test_the_reason_in_git_configuration_overrides_once(
    ana: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(ana, TWO, 0.5)
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'gitmodel.force'='a demo'")

    assert commit(ana).bumped == [("fraud", 1, 2)]
    assert ana.pointer().forced == "a demo"


def test_metrics_that_a_refused_add_was_given_are_not_lost(ana: Desk) -> None:
    ana.repo.write("fraud.bin", TWO)
    with ana.open() as project:
        given = MetadataInput(metrics=("auc=0.7",), run_id="r1")
        refusal(GateError, lambda: add(project, "fraud.bin", given=given))

    commit(ana)

    with ana.open() as project:
        (run,) = rejected_runs(project, "fraud")
    assert (run.metrics, run.run_id) == ({"auc": 0.7}, "r1")


def test_what_if_better_refused_is_not_registered_by_the_next_commit(desk: Desk) -> None:
    desk.version(ONE, metrics=["auc=0.81"])
    desk.repo.write("fraud.bin", TWO)
    asked = IfBetter(("auc",), better="higher")
    with desk.open() as project:
        given = MetadataInput(metrics=("auc=0.7",))
        refusal(GateError, lambda: add(project, "fraud.bin", given=given, if_better=asked))

    assert commit(desk) == CommitReport(
        notes=kept("auc 0.7, more than 0.81 is needed (v1 has 0.81)")
    )
    with desk.open() as project:
        assert add(project, "fraud.bin").version == 2


def test_status_says_what_is_refused_and_how_to_register_it(ana: Desk) -> None:
    trained(ana, TWO, 0.815)
    commit(ana)

    with ana.open() as project:
        (row,) = status(project).models

    assert (row.state, row.next_command) == (State.REFUSED, "gitmodel add fraud.bin --force WHY")
    assert row.refused == ("auc 0.815, at least 0.82 is needed (v1 has 0.81)",)


def test_a_renamed_model_keeps_its_gate_and_its_baseline(ana: Desk) -> None:
    with ana.open() as project:
        rename_model(project, "fraud", new_name="risk")
    trained(ana, TWO, 0.5)
    weights = ana.repo.path / "fraud.bin"

    report = commit(ana)

    assert weights.exists()
    assert report.bumped == []
    assert report.notes[0].endswith(
        "auc 0.5, at least 0.8 is needed; auc 0.5, at least 0.82 is needed (v1 has 0.81)"
    )


def test_a_blank_reason_overrides_nothing_and_a_real_one_is_told(
    ana: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(ana, TWO, 0.815)
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'gitmodel.force'='  '")
    assert commit(ana).bumped == []

    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'gitmodel.force'='a demo'")
    report = commit(ana)

    assert report.bumped == [("fraud", 1, 2)]
    assert report.notes == [
        (
            "fraud: the new weights are not a version: auc 0.815, at least 0.82 is needed (v1 has 0.81); "
            "they are registered all the same: a demo"
        )
    ]


def test_a_metrics_file_that_was_deleted_is_not_named(ana: Desk) -> None:
    ana.repo.write("fraud.bin", TWO)
    (ana.repo.path / "metrics.json").unlink()

    assert commit(ana).notes == kept("auc is missing")
