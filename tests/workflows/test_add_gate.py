"""`gitmodel add` registers only weights that pass the gate of their model and `--if-better`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.errors import GateConfigError, GateError, UsageError
from gitmodel.project.adding.metadata import MetadataInput, collect_metadata
from gitmodel.project.gates.new_weights import RegistrationGate
from gitmodel.project.gates.rejected import rejected_runs
from gitmodel.project.runs.recorded import RecordedRun
from gitmodel.workflows.add import IfBetter, add, add_many
from gitmodel.workflows.mv import rename_model
from tests.support.desk import Desk, digest, kept_desk, refusal

if TYPE_CHECKING:
    from gitmodel.project.gates.rejected import RejectedRun
    from gitmodel.workflows.add import AddReport

ONE, TWO, THREE = b"weights one", b"weights two", b"weights three"
GATES = """\
better: {auc: higher, loss: lower}
gates:
  fraud:
    register:
      auc: {min: 0.8, improve_by: 0.01}
"""


def configure(desk: Desk, gates: str = GATES) -> None:
    desk.repo.write(".gitmodel.yaml", desk.repo.read(".gitmodel.yaml").decode() + gates)
    desk.repo.commit("gates", ".gitmodel.yaml")


def gated(desk: Desk) -> None:
    """Version 1 of fraud with auc 0.81 is committed, and a gate."""
    desk.version(ONE, metrics=["auc=0.81", "loss=0.3"])
    configure(desk)


def plain(desk: Desk) -> None:
    """Version 1 of fraud with auc 0.81 is committed, and directions, but no gate."""
    desk.version(ONE, metrics=["auc=0.81", "loss=0.3"])
    configure(desk, "better: {auc: higher, loss: lower}\n")


ana = kept_desk(gated)
ben = kept_desk(plain)


def added(desk: Desk, content: bytes, *metrics: str, **options: object) -> AddReport:
    desk.repo.write("fraud.bin", content)
    with desk.open() as project:
        return add(
            project,
            "fraud.bin",
            given=MetadataInput(metrics=metrics),
            **options,  # type: ignore[arg-type]
        )


def rejected(desk: Desk, name: str = "fraud") -> list[RejectedRun]:
    with desk.open() as project:
        return list(rejected_runs(project, name))


def cached(desk: Desk) -> list[str]:
    cache = desk.repo.path / ".git/gitmodel"
    return sorted(
        path.relative_to(cache).as_posix()
        for folder in ("packs", "manifests")
        for path in (cache / folder).rglob("*")
    )


def test_better_weights_are_the_next_version(ana: Desk) -> None:
    assert added(ana, TWO, "auc=0.82").version == 2
    assert rejected(ana) == []


def test_refused_weights_leave_a_line_and_nothing_else(ana: Desk) -> None:
    before = (ana.repo.read("fraud.model.yaml"), ana.staged(), cached(ana))

    assert refusal(GateError, lambda: added(ana, TWO, "auc=0.819")) == (
        (
            "fraud: the new weights are not a version: auc 0.819, at least 0.82 is needed "
            "(v1 has 0.81)"
        ),
        "they stay on disk; to register them all the same: gitmodel add fraud.bin --force WHY",
    )
    assert (ana.repo.read("fraud.model.yaml"), ana.staged(), cached(ana)) == before
    assert ana.repo.read("fraud.bin") == TWO
    (run,) = rejected(ana)
    assert (run.digest, run.size, run.metrics) == (str(digest(TWO)), len(TWO), {"auc": 0.819})
    assert (run.rules, run.times) == (("auc 0.819, at least 0.82 is needed (v1 has 0.81)",), 1)


def test_after_a_refusal_the_next_version_has_the_next_number(ana: Desk) -> None:
    refusal(GateError, lambda: added(ana, TWO, "auc=0.1"))

    assert added(ana, THREE, "auc=0.9").version == 2


def test_weights_without_metrics_do_not_pass_a_gate(ana: Desk) -> None:
    message, _ = refusal(GateError, lambda: added(ana, TWO))

    assert message == "fraud: the new weights are not a version: auc is missing"


def test_the_reason_for_overriding_is_in_the_pointer_of_that_version_only(ana: Desk) -> None:
    added(ana, TWO, "auc=0.1", force="a demo needs it")
    assert ana.pointer().forced == "a demo needs it"

    added(ana, THREE, "auc=0.9")
    assert ana.pointer().forced is None


def test_a_reason_that_nobody_needed_is_not_kept(ana: Desk) -> None:
    added(ana, TWO, "auc=0.9", force="in case")

    assert ana.pointer().forced is None


def test_an_empty_reason_overrides_nothing(ana: Desk) -> None:
    refusal(UsageError, lambda: added(ana, TWO, "auc=0.1", force=" "))

    assert ana.pointer().version == 1


def test_equal_weights_are_not_judged(ana: Desk) -> None:
    assert added(ana, ONE).version == 1


def test_weights_of_an_earlier_version_are_not_judged(ana: Desk) -> None:
    added(ana, TWO, "auc=0.9")
    ana.repo.git("commit", "-qam", "v2")

    assert added(ana, ONE).version == 1


def test_other_metrics_of_a_known_version_are_judged_by_the_bounds(ana: Desk) -> None:
    message, _ = refusal(GateError, lambda: added(ana, ONE, "auc=0.7"))

    assert message == "fraud: the new weights are not a version: auc 0.7, at least 0.8 is needed"
    assert added(ana, ONE, "auc=0.805").version == 1


def test_an_edit_of_the_work_tree_does_not_lower_the_bar(ana: Desk) -> None:
    text = ana.repo.read(".gitmodel.yaml").decode()
    ana.repo.write(".gitmodel.yaml", text.replace("min: 0.8, improve_by: 0.01", "min: 0.1"))

    refusal(GateError, lambda: added(ana, TWO, "auc=0.5"))


def test_a_wrong_configuration_is_a_usage_error(ana: Desk) -> None:
    text = ana.repo.read(".gitmodel.yaml").decode()
    ana.repo.write(".gitmodel.yaml", text.replace("improve_by", "improved_by"))
    ana.repo.git("commit", "-qm", "typo", ".gitmodel.yaml")

    refusal(GateConfigError, lambda: added(ana, TWO, "auc=0.5"))


def test_of_several_paths_only_those_that_pass_are_registered(ana: Desk) -> None:
    ana.repo.write("fraud.bin", TWO)
    ana.repo.write("other.bin", THREE)
    with ana.open() as project:
        done = add_many(project, ["fraud.bin", "other.bin"])

    assert [report.name for report in done.added] == ["other"]
    assert [refused.path for refused in done.refused] == ["fraud.bin"]
    assert done.failed == []


@pytest.mark.parametrize(
    ("metrics", "wanted", "verdict"),
    [
        (["auc=0.82"], IfBetter(("auc",)), None),
        (["auc=0.81"], IfBetter(("auc",)), "auc 0.81, more than 0.81 is needed (v1 has 0.81)"),
        (["loss=0.3"], IfBetter(("loss",)), "loss 0.3, less than 0.3 is needed (v1 has 0.3)"),
        (["loss=0.29"], IfBetter(("loss",)), None),
        (["auc=0.7"], IfBetter(("auc",), better="lower"), None),
        (["auc=nan"], IfBetter(("auc",)), "auc nan, the metric is not finite"),
        ([], IfBetter(("auc",)), "auc is missing"),
        (
            ["auc=0.9", "loss=0.4"],
            IfBetter(("auc", "loss")),
            "loss 0.4, less than 0.3 is needed (v1 has 0.3)",
        ),
        (["new=1"], IfBetter(("new",), better="higher"), None),
    ],
)
def test_if_better_is_strict_in_each_metric(
    ben: Desk, metrics: list[str], wanted: IfBetter, verdict: str | None
) -> None:
    if verdict is None:
        assert added(ben, TWO, *metrics, if_better=wanted).version == 2
    else:
        message, _ = refusal(GateError, lambda: added(ben, TWO, *metrics, if_better=wanted))
        assert message == f"fraud: the new weights are not a version: {verdict}"
        assert ben.pointer().version == 1


def test_if_better_compares_with_the_version_that_is_named(ben: Desk) -> None:
    added(ben, TWO, "auc=0.9")
    ben.repo.git("commit", "-qam", "v2")

    refusal(GateError, lambda: added(ben, THREE, "auc=0.85", if_better=IfBetter(("auc",))))
    asked = IfBetter(("auc",), than="fraud@1")
    assert added(ben, THREE, "auc=0.85", if_better=asked).version == 3


def test_the_first_version_has_nothing_to_be_better_than(desk: Desk) -> None:
    asked = IfBetter(("auc",), better="higher")

    assert added(desk, ONE, "auc=0.1", if_better=asked).version == 1


def test_if_better_never_guesses_a_direction(ben: Desk) -> None:
    assert refusal(UsageError, lambda: added(ben, TWO, "f1=1", if_better=IfBetter(("f1",)))) == (
        'nothing says whether a higher or a lower "f1" is better',
        (
            'add --higher or --lower, or write better: {"f1": higher} (or lower) into .gitmodel.yaml '
            "and commit it"
        ),
    )


def test_the_command_ends_with_3_or_with_0_if_that_is_fine(ben: Desk) -> None:
    ben.repo.write("fraud.bin", TWO)
    command = ["add", "fraud.bin", "-M", "auc=0.5", "--if-better", "auc", "--json"]
    refused = ben.repo.gitmodel(*command, check=False)
    fine = ben.repo.gitmodel(*command, "--ok-if-refused")

    assert refused.returncode == 3
    document = json.loads(refused.stdout)
    assert document["rules"] == ["auc 0.5, more than 0.81 is needed (v1 has 0.81)"]
    assert json.loads(fine.stdout)["digest"] == document["digest"] == str(digest(TWO))
    assert refused.stderr == (
        "error: fraud: the new weights are not a version: auc 0.5, more than 0.81 is needed "
        "(v1 has 0.81)\n"
        "hint: they stay on disk; to register them all the same: gitmodel add fraud.bin "
        "--force WHY\n"
    )


def test_rejected_runs_are_listed_and_forgotten(ben: Desk) -> None:
    ben.repo.write("fraud.bin", TWO)
    ben.repo.gitmodel("add", "fraud.bin", "-M", "auc=0.5", "--if-better", "auc", check=False)

    listed = json.loads(ben.repo.gitmodel("log", "fraud", "--rejected", "--json").stdout)
    assert [run["metrics"] for run in listed["rejected"]] == [{"auc": 0.5}]
    cleared = ben.repo.gitmodel("log", "fraud", "--rejected", "--clear").stdout
    assert cleared == "fraud: 1 rejected run forgotten\n"
    assert json.loads(ben.repo.gitmodel("log", "fraud", "--rejected", "--json").stdout) == {
        "rejected": []
    }


def test_a_name_that_leaves_the_folder_of_rejected_runs_is_refused(ben: Desk) -> None:
    precious = ben.repo.write("precious.jsonl", "x")
    name = "../../../precious"
    done = ben.repo.gitmodel("log", name, "--rejected", "--clear", check=False)

    assert done.returncode == 1
    assert precious.exists()


def test_a_gate_and_if_better_name_their_own_baselines(ana: Desk) -> None:
    added(ana, TWO, "auc=0.9")
    ana.repo.git("commit", "-qam", "v2")

    asked = IfBetter(("auc",), than="fraud@1")
    message, _ = refusal(GateError, lambda: added(ana, THREE, "auc=0.805", if_better=asked))

    assert message == (
        "fraud: the new weights are not a version: auc 0.805, at least 0.91 is needed (v2 has 0.9); "
        "auc 0.805, more than 0.81 is needed (v1 has 0.81)"
    )


def test_other_data_are_named_and_can_refuse(ana: Desk) -> None:
    pointer = replace(ana.pointer(), data=({"name": "may", "digest": "aaa"},))
    ana.repo.write("fraud.model.yaml", pointer.to_text())
    ana.repo.git("commit", "-qam", "data")
    run = RecordedRun({"auc": 0.9}, {}, "r1", {}, ({"name": "may", "digest": "bbb"},), ())
    ana.repo.write("fraud.bin", TWO)
    with ana.open() as project:
        metadata = collect_metadata(project, MetadataInput(), None, run)
        gate = RegistrationGate(project)
        report = gate.judge("fraud", digest(TWO), None, metadata, path="fraud.model.yaml")

    assert report is not None
    assert report.data_changes == ('data "may" was aaa, and is bbb',)
    assert not report.is_refused
    assert report._replace(needs_same_data=True).is_refused


def test_first_weights_that_are_refused_do_not_get_into_git(ana: Desk) -> None:
    configure_other = GATES.replace("fraud:", "other:").partition("gates:")[2]
    text = ana.repo.read(".gitmodel.yaml").decode()
    ana.repo.write(".gitmodel.yaml", text + configure_other.removeprefix("\n"))
    ana.repo.git("commit", "-qam", "gate of other")
    ana.repo.write("other.bin", TWO)
    with ana.open() as project:
        refusal(GateError, lambda: add(project, "other.bin"))

    ana.repo.git("add", "-A")

    assert ana.staged() == []


def test_the_baseline_is_found_where_the_pointer_was_before(ana: Desk) -> None:
    with ana.open() as project:
        rename_model(project, "fraud", path="models/fraud.bin")
    ana.repo.write("models/fraud.bin", TWO)
    with ana.open() as project:
        given = MetadataInput(metrics=("auc=0.815",))
        message, _ = refusal(GateError, lambda: add(project, "models/fraud.bin", given=given))

    assert message.endswith("auc 0.815, at least 0.82 is needed (v1 has 0.81)")


def test_the_command_of_the_hint_keeps_the_metrics_that_were_refused(ana: Desk) -> None:
    refusal(GateError, lambda: added(ana, TWO, "auc=0.5"))

    with ana.open() as project:
        add(project, "fraud.bin", force="a demo")

    assert (dict(ana.pointer().metrics), ana.pointer().forced) == ({"auc": 0.5}, "a demo")


def test_the_hint_for_first_weights_names_the_model(ana: Desk) -> None:
    text = ana.repo.read(".gitmodel.yaml").decode()
    ana.repo.write(".gitmodel.yaml", text.replace("  fraud:", '  "*":'))
    ana.repo.git("commit", "-qam", "for all")
    ana.repo.write("other.bin", TWO)
    with ana.open() as project:
        _, hint = refusal(GateError, lambda: add(project, "other.bin", name="zed"))

    assert hint is not None
    assert hint.endswith("gitmodel add other.bin --name zed --force WHY")


@pytest.mark.parametrize("name", ["Fraud", "fr[a", "fraud model", ""])
def test_a_gate_for_a_name_that_no_model_has_is_not_valid(ana: Desk, name: str) -> None:
    text = ana.repo.read(".gitmodel.yaml").decode()
    ana.repo.write(".gitmodel.yaml", text.replace("  fraud:", f'  "{name}":'))
    ana.repo.git("commit", "-qam", "typo")

    refusal(GateConfigError, lambda: added(ana, TWO, "auc=0.5"))


def test_metrics_that_another_branch_gave_a_version_do_not_count(ben: Desk) -> None:
    ben.repo.git("switch", "-qc", "evil")
    forged = replace(ben.pointer(), metrics={"auc": 0.1, "loss": 9.0})
    ben.repo.write("fraud.model.yaml", forged.to_text())
    ben.repo.git("commit", "-qam", "other metrics")
    ben.repo.git("switch", "-q", "main")

    asked = IfBetter(("auc",), than="fraud@1")
    message, _ = refusal(GateError, lambda: added(ben, TWO, "auc=0.5", if_better=asked))

    assert message.endswith("auc 0.5, more than 0.81 is needed (v1 has 0.81)")
