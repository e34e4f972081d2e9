"""`gitmodel gate` judges what a request changes by the rules of its base, and nothing that the request says about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.reference import Reference
from gitmodel.errors import (
    GateConfigError,
    GitmodelError,
    MixedPointerError,
    ModelNameError,
    PointerError,
    UnknownReferenceError,
)
from gitmodel.workflows.gate import gate_request
from gitmodel.workflows.mv import rename_model
from gitmodel.workflows.promote import promote
from tests.support.desk import Desk, digest, kept_desk, refusal

if TYPE_CHECKING:
    from gitmodel.project.gates.judged import GateCheck, JudgedChange

pytestmark = pytest.mark.slow

PATH = "fraud.production.alias.yaml"
CONFIG = ".gitmodel.yaml"
GATES = """
better: {auc: higher, logloss: lower}
gates:
  fraud:
    register:
      auc: {min: 0.9}
      logloss: {worsen_by: "1%"}
    promote:
      production: {auc: {improve_by: 0.002}}
  "spam*":
    register: {auc: {min: 0.5}}
"""


def metrics(auc: float, logloss: float) -> tuple[str, str]:
    return (f"auc={auc}", f"logloss={logloss}")


def gated(desk: Desk) -> None:
    """A gate, fraud 1 and 2, production is 1; a branch `request` is checked out."""
    desk.repo.write(CONFIG, desk.repo.read(CONFIG).decode() + GATES)
    desk.repo.commit("gates")
    desk.version(b"one", metrics=metrics(0.93, 0.17))
    desk.push()
    with desk.open() as project:
        promote(project, Reference.parse("fraud@1"), "production", delivery="commit")
    desk.version(b"two", metrics=metrics(0.935, 0.171))
    desk.push()
    desk.repo.git("switch", "-qc", "request")


ana = kept_desk(gated)


def judged(desk: Desk, base: str | None = "main", **options: object) -> GateCheck:
    with desk.open() as project:
        return gate_request(project, base, **options)  # type: ignore[arg-type]


def only(check: GateCheck) -> JudgedChange:
    assert check.problems == ()
    (change,) = check.changes
    return change


def verdicts(change: JudgedChange) -> list[tuple[str, str, str]]:
    assert change.gate is not None
    return [(j.rule.metric, j.verdict, j.reason) for j in change.gate.judgements]


def promoted(desk: Desk, text: str, alias: str = "production", **options: object) -> None:
    with desk.open() as project:
        promote(
            project,
            Reference.parse(text),
            alias,
            delivery="commit",
            unmerged=True,
            **options,  # type: ignore[arg-type]
        )


def problem(check: GateCheck, kind: type[GitmodelError]) -> tuple[str, str | None]:
    assert check.exit_code == 1
    (error,) = check.problems
    assert type(error) is kind
    return str(error), error.hint


# New versions


def test_a_request_that_changes_nothing_passes(ana: Desk) -> None:
    ana.repo.write("code.py", "print(1)\n")
    ana.repo.commit("code")

    check = judged(ana)

    assert (check.changes, check.problems, check.verdict, check.exit_code) == ((), (), "pass", 0)


def test_a_version_that_meets_the_rules_passes(ana: Desk) -> None:
    ana.version(b"three", metrics=metrics(0.94, 0.17))

    check = judged(ana)

    change = only(check)
    assert (change.kind, change.model, change.version, change.digest) == (
        "register",
        "fraud",
        3,
        digest(b"three"),
    )
    assert change.commit == ana.repo.head()
    assert change.baseline is not None
    assert (change.baseline.reference, change.baseline.version) == ("fraud@2", 2)
    assert verdicts(change) == [("auc", "pass", ""), ("logloss", "pass", "")]
    assert (check.verdict, check.exit_code, check.evidence) == ("pass", 0, "declared")


def test_a_version_that_does_not_is_refused(ana: Desk) -> None:
    ana.version(b"three", metrics=metrics(0.89, 0.2))

    check = judged(ana)

    assert verdicts(only(check)) == [
        ("auc", "refuse", "at least 0.9 is needed"),
        ("logloss", "refuse", "at most 0.17271 is needed"),
    ]
    assert (check.verdict, check.exit_code) == ("refuse", 3)


def test_only_the_net_change_is_judged(ana: Desk) -> None:
    """A bad version of a commit below the tip never reaches the base as its pointer."""
    ana.version(b"three", metrics=metrics(0.1, 9))
    ana.version(b"four", metrics=metrics(0.94, 0.17))

    assert only(judged(ana)).version == 4


def test_other_metrics_on_a_known_version_are_judged(ana: Desk) -> None:
    ana.version(b"two", metrics=metrics(0.5, 0.171))

    check = judged(ana)

    assert verdicts(only(check)) == [
        ("auc", "refuse", "at least 0.9 is needed"),
        ("logloss", "same", ""),
    ]


def test_a_request_cannot_lower_its_own_gate(ana: Desk) -> None:
    text = ana.repo.read(CONFIG).decode()
    ana.repo.write(CONFIG, text.replace("min: 0.9", "min: 0.1").replace("1%", "900%"))
    ana.version(b"three", metrics=metrics(0.2, 0.9))
    ana.repo.commit("lower")

    check = judged(ana)

    assert check.exit_code == 3
    assert check.notes == ("this request edits gates: they count from the next request on",)


def test_a_request_cannot_turn_a_direction_round(ana: Desk) -> None:
    text = ana.repo.read(CONFIG).decode()
    ana.repo.write(CONFIG, text.replace("logloss: lower", "logloss: higher"))
    ana.version(b"three", metrics=metrics(0.94, 0.9))
    ana.repo.commit("flip")

    check = judged(ana)

    assert [verdict for _, verdict, _ in verdicts(only(check))] == ["pass", "refuse"]
    assert check.notes == ("this request edits better: they count from the next request on",)


def test_a_request_without_a_configuration_is_judged_by_its_base(ana: Desk) -> None:
    ana.version(b"three", metrics=metrics(0.2, 0.17))
    ana.repo.git("rm", "-q", CONFIG)
    ana.repo.commit("no gates")

    check = judged(ana)

    assert check.exit_code == 3
    assert check.notes == (
        "this request edits gates and better: they count from the next request on",
    )


def test_a_request_that_breaks_the_configuration_has_a_problem(ana: Desk) -> None:
    ana.repo.write(CONFIG, ana.repo.read(CONFIG).decode().replace("worsen_by", "worse_by"))
    head = ana.repo.commit("typo")

    assert problem(judged(ana), GateConfigError)[0] == (
        f'.gitmodel.yaml in commit {head[:10]}: gates.fraud.register.logloss: "worse_by" is no key of a gate'
    )


def test_the_base_is_its_tip_not_where_the_request_began(ana: Desk) -> None:
    """The base has a stricter gate and a better version by now."""
    ana.version(b"three", metrics=metrics(0.94, 0.17))
    ana.repo.git("switch", "-q", "main")
    text = ana.repo.read(CONFIG).decode()
    ana.repo.write(CONFIG, text.replace("min: 0.9", "min: 0.95"))
    ana.repo.commit("stricter")
    ana.version(b"better", metrics=metrics(0.96, 0.1))
    ana.repo.git("switch", "-q", "request")

    change = only(judged(ana))

    assert change.baseline is not None
    assert change.baseline.digest == digest(b"better")
    assert verdicts(change) == [
        ("auc", "refuse", "at least 0.95 is needed"),
        ("logloss", "refuse", "at most 0.101 is needed"),
    ]


def test_what_the_base_has_as_well_is_no_change_of_the_request(ana: Desk) -> None:
    ana.repo.git("switch", "-q", "main")
    ana.version(b"three", metrics=metrics(0.1, 9))
    ana.repo.git("switch", "-q", "request")
    ana.repo.git("cherry-pick", "main")

    assert judged(ana).changes == ()


def test_what_the_base_changed_since_is_not_the_request_s(ana: Desk) -> None:
    ana.repo.write("code.py", "print(1)\n")
    ana.repo.commit("code")
    ana.repo.git("switch", "-q", "main")
    ana.version(b"three", metrics=metrics(0.94, 0.17))
    ana.repo.git("switch", "-q", "request")

    assert judged(ana).changes == ()


def test_a_new_model_has_no_baseline_and_its_bounds_are_judged(ana: Desk) -> None:
    ana.version(b"spam", "spam.bin", metrics=["auc=0.4"])

    change = only(judged(ana))

    assert change.baseline is None
    assert verdicts(change) == [("auc", "refuse", "at least 0.5 is needed")]


def test_a_model_without_rules_passes(ana: Desk) -> None:
    ana.version(b"other", "other.bin")

    check = judged(ana)

    assert (only(check).gate, check.exit_code) == (None, 0)


def test_a_removed_model_is_named_and_not_judged(ana: Desk) -> None:
    ana.repo.git("rm", "-q", "fraud.model.yaml", PATH)
    ana.repo.commit("remove")

    check = judged(ana)

    assert (check.changes, check.exit_code) == ((), 0)
    assert check.notes == ("removed: fraud, fraud@production",)


def test_a_renamed_model_is_no_new_version(ana: Desk) -> None:
    with ana.open() as project:
        rename_model(project, "fraud", new_name="risk/fraud")
    ana.repo.commit("rename")

    check = judged(ana)

    change = only(check)
    assert (change.model, change.notes, check.notes) == ("risk/fraud", ("it was called fraud",), ())
    assert [verdict for _, verdict, _ in verdicts(change)] == ["pass", "same"]


def test_a_new_name_opens_no_gate(ana: Desk) -> None:
    """The name `spam-fraud` has an easier gate: that of the earlier name counts as well."""
    with ana.open() as project:
        rename_model(project, "fraud", new_name="spam-fraud")
    ana.version(b"three", path="fraud.bin", name="spam-fraud", metrics=metrics(0.6, 0.17))

    change = only(judged(ana))

    assert change.gate is not None
    assert change.gate.pattern == "spam* and fraud"
    assert [(j.rule.words, j.verdict) for j in change.gate.judgements] == [
        ("min 0.5", "pass"),
        ("min 0.9", "refuse"),
        ("worsen by 1%", "pass"),
    ]


def test_a_moved_pointer_is_no_new_version(ana: Desk) -> None:
    (ana.repo.path / "models").mkdir()
    ana.repo.git("mv", "fraud.model.yaml", PATH, "models")
    ana.repo.commit("move")

    check = judged(ana)

    assert (check.changes, check.problems, check.notes) == ((), (), ())


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("<<<<<<< ours\n", MixedPointerError, "conflict"),
        ("gitmodel: 1\n", PointerError, "name"),
        ("&a [*a]\n", PointerError, ""),
        ("x" * 70_000, PointerError, "larger"),
    ],
)
def test_a_pointer_that_cannot_be_read_is_a_problem(
    ana: Desk, text: str, kind: type[GitmodelError], words: str
) -> None:
    ana.repo.write("fraud.model.yaml", text)
    head = ana.repo.commit("hostile")

    check = judged(ana)

    (error,) = check.problems
    assert f"fraud.model.yaml in commit {head[:10]}" in str(error)
    assert words in str(error)
    assert (check.exit_code, check.notes, check.changes) == (1, (), ())


def test_a_link_in_place_of_a_pointer_is_a_problem(ana: Desk) -> None:
    (ana.repo.path / "fraud.model.yaml").unlink()
    (ana.repo.path / "fraud.model.yaml").symlink_to("/etc/passwd")
    head = ana.repo.commit("link")

    assert problem(judged(ana), PointerError)[0] == (
        f"fraud.model.yaml in commit {head[:10]} is no plain file"
    )


def test_two_pointers_of_one_name_are_a_problem(ana: Desk) -> None:
    ana.repo.write("b/fraud.model.yaml", ana.repo.read("fraud.model.yaml"))
    ana.repo.commit("twice")

    message, _ = problem(judged(ana), ModelNameError)

    assert message.startswith("two pointers are called fraud: ")


def test_names_choose_models(ana: Desk) -> None:
    ana.version(b"three", metrics=metrics(0.1, 9))
    ana.version(b"spam", "spam.bin", metrics=["auc=0.9"])

    assert judged(ana).exit_code == 3
    assert only(judged(ana, names=["spam"])).model == "spam"
    assert refusal(UnknownReferenceError, lambda: judged(ana, names=["frod"])) == (
        "no model is called 'frod'",
        "did you mean fraud?",
    )


# Overriding


def test_a_reason_does_not_count_in_ci(ana: Desk) -> None:
    ana.version(b"three", metrics=metrics(0.1, 9))
    ana.repo.write("fraud.model.yaml", forced(ana))
    ana.repo.commit("force")

    check = judged(ana)

    assert (only(check).forced, check.exit_code) == ("EU only", 3)


def test_a_reason_counts_where_the_base_allows_it(ana: Desk) -> None:
    ana.repo.git("switch", "-q", "main")
    text = ana.repo.read(CONFIG).decode()
    ana.repo.write(CONFIG, text.replace("  fraud:\n", "  fraud:\n    allow_force: true\n"))
    ana.repo.commit("allow")
    ana.repo.git("switch", "-q", "request")
    ana.version(b"three", metrics=metrics(0.1, 9))
    ana.repo.write("fraud.model.yaml", forced(ana))
    ana.repo.commit("force")

    check = judged(ana)

    change = only(check)
    assert (change.forced, change.verdict, change.is_refused) == ("EU only", "refuse", False)
    assert check.exit_code == 0


def forced(desk: Desk) -> str:
    from dataclasses import replace

    return replace(desk.pointer(), forced="EU only").to_text()
