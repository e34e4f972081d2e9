"""`gitmodel gate` judges what a request changes by the rules of its base, and nothing that the request says about it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gitmodel.domain.aliases import Alias
from gitmodel.domain.deprecations import Deprecation, Deprecations
from gitmodel.domain.pointer import Previous
from gitmodel.domain.reference import Reference
from gitmodel.errors import (
    AliasError,
    ConfigError,
    GateConfigError,
    GitmodelError,
    MixedPointerError,
    ModelNameError,
    ObjectMissingError,
    PointerError,
    RepositoryError,
    UnknownReferenceError,
    UsageError,
)
from gitmodel.workflows.gate import bisect, bounds, gate_models, gate_request, gate_versions
from gitmodel.workflows.mv import rename_model
from gitmodel.workflows.promote import promote
from gitmodel.workflows.rollback import rollback
from tests.support.desk import Desk, digest, kept_desk, refusal
from tests.support.repo import Repo
from tests.support.ungated import ungated

if TYPE_CHECKING:
    from pathlib import Path

    from gitmodel.domain.pointer import Pointer
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


def test_a_request_that_goes_back_to_a_version_of_the_base_is_not_stopped(ana: Desk) -> None:
    ana.repo.git("switch", "-q", "main")
    ana.version(b"three", metrics=metrics(0.94, 0.1))
    ana.repo.git("switch", "-qC", "request")
    ana.repo.git("checkout", "-q", "main~1", "--", "fraud.model.yaml")
    ana.repo.git("commit", "-qm", "back to version 2")

    change = only(judged(ana))

    assert (change.version, change.verdict) == (2, "pass")
    assert change.notes == ("it goes back to a version of the base, which no gate stops",)


def test_a_version_of_the_request_itself_is_no_version_of_the_base(ana: Desk) -> None:
    ungated(ana, b"three", metrics=metrics(0.94, 0.9))
    ungated(ana, b"four", metrics=metrics(0.94, 0.17))
    ana.repo.git("checkout", "-q", "HEAD~1", "--", "fraud.model.yaml")
    ana.repo.git("commit", "-qm", "back to version 3")

    assert only(judged(ana)).verdict == "refuse"


def test_an_earlier_version_with_other_metrics_is_judged(ana: Desk) -> None:
    ana.repo.git("switch", "-q", "main")
    ana.version(b"three", metrics=metrics(0.94, 0.1))
    ana.repo.git("switch", "-qC", "request")
    ana.repo.git("checkout", "-q", "main~1", "--", "fraud.model.yaml")
    other = replace(ana.pointer(), metrics={"auc": 0.96, "logloss": 0.17})
    ana.repo.write("fraud.model.yaml", other.to_text())
    ana.repo.git("commit", "-qam", "version 2 with other metrics")

    assert only(judged(ana)).verdict == "refuse"


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
    ungated(ana, b"three", metrics=metrics(0.94, 0.17))

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
    ungated(ana, b"three", metrics=metrics(0.89, 0.2))

    check = judged(ana)

    assert verdicts(only(check)) == [
        ("auc", "refuse", "at least 0.9 is needed"),
        ("logloss", "refuse", "at most 0.17271 is needed"),
    ]
    assert (check.verdict, check.exit_code) == ("refuse", 3)


def test_only_the_net_change_is_judged(ana: Desk) -> None:
    """A bad version of a commit below the tip never reaches the base as its pointer."""
    ungated(ana, b"three", metrics=metrics(0.1, 9))
    ungated(ana, b"four", metrics=metrics(0.94, 0.17))

    assert only(judged(ana)).version == 4


def test_other_metrics_on_a_known_version_are_judged(ana: Desk) -> None:
    ungated(ana, b"two", metrics=metrics(0.5, 0.171))

    check = judged(ana)

    assert verdicts(only(check)) == [
        ("auc", "refuse", "at least 0.9 is needed"),
        ("logloss", "same", ""),
    ]


def test_a_request_cannot_lower_its_own_gate(ana: Desk) -> None:
    text = ana.repo.read(CONFIG).decode()
    ana.repo.write(CONFIG, text.replace("min: 0.9", "min: 0.1").replace("1%", "900%"))
    ungated(ana, b"three", metrics=metrics(0.2, 0.9))
    ana.repo.commit("lower")

    check = judged(ana)

    assert check.exit_code == 3
    assert check.notes == ("this request edits gates: they count from the next request on",)


def test_a_request_cannot_turn_a_direction_round(ana: Desk) -> None:
    text = ana.repo.read(CONFIG).decode()
    ana.repo.write(CONFIG, text.replace("logloss: lower", "logloss: higher"))
    ungated(ana, b"three", metrics=metrics(0.94, 0.9))
    ana.repo.commit("flip")

    check = judged(ana)

    assert [verdict for _, verdict, _ in verdicts(only(check))] == ["pass", "refuse"]
    assert check.notes == ("this request edits better: they count from the next request on",)


def test_a_request_without_a_configuration_is_judged_by_its_base(ana: Desk) -> None:
    ungated(ana, b"three", metrics=metrics(0.2, 0.17))
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
    ungated(ana, b"three", metrics=metrics(0.94, 0.17))
    ana.repo.git("switch", "-q", "main")
    text = ana.repo.read(CONFIG).decode()
    ana.repo.write(CONFIG, text.replace("min: 0.9", "min: 0.95"))
    ana.repo.commit("stricter")
    ungated(ana, b"better", metrics=metrics(0.96, 0.1))
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
    ungated(ana, b"three", metrics=metrics(0.1, 9))
    ana.repo.git("switch", "-q", "request")
    ana.repo.git("cherry-pick", "main")

    assert judged(ana).changes == ()


def test_what_the_base_changed_since_is_not_the_request_s(ana: Desk) -> None:
    ana.repo.write("code.py", "print(1)\n")
    ana.repo.commit("code")
    ana.repo.git("switch", "-q", "main")
    ungated(ana, b"three", metrics=metrics(0.94, 0.17))
    ana.repo.git("switch", "-q", "request")

    assert judged(ana).changes == ()


def test_a_new_model_has_no_baseline_and_its_bounds_are_judged(ana: Desk) -> None:
    ungated(ana, b"spam", "spam.bin", metrics=["auc=0.4"])

    change = only(judged(ana))

    assert change.baseline is None
    assert verdicts(change) == [("auc", "refuse", "at least 0.5 is needed")]


def test_a_model_without_rules_passes(ana: Desk) -> None:
    ungated(ana, b"other", "other.bin")

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
    ungated(ana, b"three", path="fraud.bin", name="spam-fraud", metrics=metrics(0.6, 0.17))

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

    assert message == "two pointers are called fraud: b/fraud.model.yaml and fraud.model.yaml"


def test_names_choose_models(ana: Desk) -> None:
    ungated(ana, b"three", metrics=metrics(0.1, 9))
    ungated(ana, b"spam", "spam.bin", metrics=["auc=0.9"])

    assert judged(ana).exit_code == 3
    assert only(judged(ana, names=["spam"])).model == "spam"
    assert refusal(UnknownReferenceError, lambda: judged(ana, names=["frod"])) == (
        "no model is called 'frod'",
        "did you mean fraud?",
    )


def test_what_cannot_be_compared_is_not_judged_and_does_not_refuse(ana: Desk) -> None:
    ana.repo.git("switch", "-q", "main")
    ungated(ana, b"less", metrics=["auc=0.935"])
    ana.repo.git("switch", "-qC", "request")
    ungated(ana, b"three", metrics=metrics(0.94, 0.17))

    check = judged(ana)

    assert verdicts(only(check)) == [
        ("auc", "pass", ""),
        ("logloss", "unjudged", "the baseline's metric is missing"),
    ]
    assert (check.verdict, check.exit_code) == ("unjudged", 0)


def test_other_data_refuse_where_the_base_says_so(ana: Desk) -> None:
    ana.repo.git("switch", "-q", "main")
    text = ana.repo.read(CONFIG).decode()
    ana.repo.write(CONFIG, text.replace("  fraud:\n", "  fraud:\n    same_data: refuse\n"))
    with_data(ana, ana.pointer(), "blake3:aaaa")
    ana.repo.git("switch", "-qC", "request")
    new = replace(ana.pointer(), version=3, digest=digest(b"three"), size=5)
    with_data(ana, new, "blake3:bbbb")

    check = judged(ana)

    assert only(check).notes == ('data "test" was blake3:aaaa, and is blake3:bbbb',)
    assert (check.verdict, check.exit_code) == ("refuse", 3)


def with_data(desk: Desk, pointer: Pointer, data: str) -> None:
    new = replace(pointer, data=({"name": "test", "digest": data},))
    desk.repo.write("fraud.model.yaml", new.to_text())
    desk.repo.commit("data")


# Overriding


def test_a_reason_does_not_count_in_ci(ana: Desk) -> None:
    ungated(ana, b"three", metrics=metrics(0.1, 9))
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
    ungated(ana, b"three", metrics=metrics(0.1, 9))
    ana.repo.write("fraud.model.yaml", forced(ana))
    ana.repo.commit("force")

    check = judged(ana)

    change = only(check)
    assert (change.forced, change.verdict, change.is_refused) == ("EU only", "refuse", False)
    assert check.exit_code == 0


def forced(desk: Desk) -> str:
    return replace(desk.pointer(), forced="EU only").to_text()


# Aliases


def test_a_promotion_is_judged_by_the_rules_of_its_alias(ana: Desk) -> None:
    promoted(ana, "fraud@2")

    check = judged(ana)

    change = only(check)
    assert (change.kind, change.model, change.alias, change.version, change.path) == (
        *("promote", "fraud", "production", 2),
        PATH,
    )
    assert change.baseline is not None
    assert (change.baseline.reference, change.baseline.version) == ("fraud@production", 1)
    assert verdicts(change) == [("auc", "pass", "")]
    assert check.exit_code == 0


def test_a_promotion_that_misses_the_rules_is_refused_also_with_a_reason(ana: Desk) -> None:
    """`promote` took it, because somebody forced it; CI does not."""
    ana.repo.git("switch", "-q", "main")
    ungated(ana, b"three", metrics=metrics(0.931, 0.17))
    ana.push()
    ana.repo.git("switch", "-qc", "worse")
    promoted(ana, "fraud@3", force="EU only")

    check = judged(ana)

    assert verdicts(only(check)) == [("auc", "refuse", "at least 0.932 is needed")]
    assert (only(check).forced, check.exit_code) == ("EU only", 3)


def test_other_aliases_have_no_rules(ana: Desk) -> None:
    promoted(ana, "fraud@2", "staging")

    assert (only(judged(ana)).gate, judged(ana).exit_code) == (None, 0)


def test_an_alias_may_mean_a_version_of_the_same_request(ana: Desk) -> None:
    ungated(ana, b"three", metrics=metrics(0.94, 0.17))
    alias = Alias.of("production", ana.pointer(), previous=Previous(1, digest(b"one")))
    ana.repo.write(PATH, alias.to_text())
    ana.repo.commit("by hand")

    check = judged(ana)

    assert check.problems == ()
    assert [(change.kind, change.verdict) for change in check.changes] == [
        ("register", "pass"),
        ("promote", "pass"),
    ]


def by_hand(desk: Desk, version: int, content: bytes, **keys: object) -> None:
    keys = {"previous": Previous(1, digest(b"one")), "metrics": {"auc": 0.99}, **keys}
    desk.alias("production", version, content, "fraud", **keys)
    desk.repo.commit("by hand")


def test_an_alias_of_weights_that_no_commit_has_is_a_problem(ana: Desk) -> None:
    by_hand(ana, 9, b"nowhere")

    assert problem(judged(ana), UnknownReferenceError) == (
        (
            f"fraud@production means version 9 ({digest(b'nowhere').short}), "
            "and no commit of this request has such a version"
        ),
        "gitmodel promote fraud@VERSION production",
    )


def test_an_alias_with_the_number_of_another_version_is_a_problem(ana: Desk) -> None:
    by_hand(ana, 3, b"two")

    assert problem(judged(ana), UnknownReferenceError)[0].startswith(
        f"fraud@production means version 3 ({digest(b'two').short}), and no commit"
    )


def test_an_alias_of_another_branch_is_a_problem(ana: Desk) -> None:
    ana.repo.git("switch", "-qc", "exp-lr", "main")
    ungated(ana, b"three", metrics=metrics(0.99, 0.1))
    ana.push()
    ana.repo.git("switch", "-q", "request")
    promoted(ana, "fraud@3")

    assert problem(judged(ana), UnknownReferenceError) == (
        f"fraud@production means version 3 ({digest(b'three').short}), which is only on exp-lr",
        "git merge exp-lr",
    )


def test_metrics_that_no_pointer_has_are_a_problem(ana: Desk) -> None:
    by_hand(ana, 2, b"two")

    message, hint = problem(judged(ana), AliasError)

    assert message == "fraud@production has other metrics than any pointer of version 2"
    follow(ana, hint)
    assert judged(ana).exit_code == 0


@pytest.mark.parametrize("key", ["size", "chunks"])
def test_nothing_that_an_alias_says_about_its_weights_may_be_invented(ana: Desk, key: str) -> None:
    value = 1 if key == "size" else digest(b"nowhere")
    alias = Alias.of("production", ana.pointer(), previous=Previous(1, digest(b"one")))
    ana.repo.write(PATH, replace(alias, **{key: value}).to_text())  # type: ignore[arg-type]
    ana.repo.commit("by hand")

    assert problem(judged(ana), AliasError)[0] == (
        f"fraud@production has other {key} than any pointer of version 2"
    )


def test_what_a_roll_back_returns_to_may_not_be_invented(ana: Desk) -> None:
    alias = Alias.from_text(ana.repo.read(PATH), PATH)
    ana.repo.write(PATH, replace(alias, previous=Previous(2, digest(b"two"))).to_text())
    ana.repo.commit("by hand")

    message, hint = problem(judged(ana), GitmodelError)

    assert message == "fraud@production was promoted from version 2, but means version 1 on main"
    follow(ana, (hint or "").replace(", and git commit", ", then git commit"))
    assert judged(ana).exit_code == 0


def test_another_reason_is_no_promotion(ana: Desk) -> None:
    alias = Alias.from_text(ana.repo.read(PATH), PATH)
    ana.repo.write(PATH, replace(alias, why="as agreed").to_text())
    ana.repo.commit("by hand")

    assert judged(ana).changes == ()


def follow(desk: Desk, hint: str | None) -> None:
    """Do what a hint says, in its order."""
    for part in (
        (hint or "").replace(", and git commit, then ", ", then git commit, then ").split(", then ")
    ):
        words = part.split()
        if words == ["git", "commit"]:
            desk.repo.commit("as the hint says")
        elif words[0] == "git":
            desk.repo.git(*words[1:])
        else:
            desk.repo.gitmodel(*words[1:], "--commit")


def test_a_deprecated_version_is_a_problem_also_if_the_request_takes_that_back(ana: Desk) -> None:
    ana.repo.git("switch", "-q", "main")
    leaked = Deprecation(why="leaked labels", since="2026-11-28", instead=1)
    ana.repo.write("fraud.deprecated.yaml", Deprecations({2: leaked}).to_text())
    ana.repo.commit("deprecate")
    ana.repo.git("switch", "-qC", "request")
    ana.repo.git("rm", "-q", "fraud.deprecated.yaml")
    ana.repo.commit("take back")
    promoted(ana, "fraud@2")

    assert problem(judged(ana), GitmodelError) == (
        "fraud@production means version 2, which is deprecated since 2026-11-28: leaked labels",
        "gitmodel promote fraud@1 production",
    )


def test_a_promotion_from_another_value_than_the_base_s_is_a_problem(ana: Desk) -> None:
    promoted(ana, "fraud@2")
    ana.repo.git("switch", "-q", "main")
    ungated(ana, b"three", metrics=metrics(0.94, 0.17))
    ana.push()
    promoted(ana, "fraud@3")
    ana.repo.git("switch", "-q", "request")

    assert problem(judged(ana), GitmodelError) == (
        "fraud@production was promoted from version 1, but means version 3 on main: main has moved",
        "git merge main",
    )


def test_two_promotions_in_a_request_are_to_be_made_one(ana: Desk) -> None:
    """`previous` would name a version that the base never had in production."""
    promoted(ana, "fraud@2")
    ungated(ana, b"three", metrics=metrics(0.94, 0.17))
    ana.push()
    promoted(ana, "fraud@3")

    message, hint = problem(judged(ana), GitmodelError)

    assert message == "fraud@production was promoted from version 2, but means version 1 on main"
    follow(ana, hint)
    assert judged(ana).exit_code == 0


def test_a_roll_back_passes_every_gate(ana: Desk) -> None:
    ana.repo.git("switch", "-q", "main")
    promoted(ana, "fraud@2")
    ungated(ana, b"three", metrics=metrics(0.94, 0.17))
    ana.push()
    promoted(ana, "fraud@3")
    ana.repo.git("switch", "-qC", "request")
    with ana.open() as project:
        rollback(project, "fraud", "production", to="1", delivery="commit")

    check = judged(ana)

    change = only(check)
    assert (change.version, change.gate, check.exit_code) == (1, None, 0)
    assert change.notes == ("it goes back to what it meant before, which no gate stops",)


def test_an_alias_beside_another_model_is_a_problem(ana: Desk) -> None:
    """The name would choose another gate."""
    alias = Alias.of("production", ana.pointer())
    ana.repo.write(PATH, replace(alias, name="spam/fraud").to_text())
    ana.repo.commit("other name")

    assert problem(judged(ana), AliasError) == (
        f"spam/fraud: {PATH} is an alias of spam/fraud, whose pointer is not beside it",
        f"git rm {PATH}",
    )


def test_an_alias_file_that_cannot_be_read_is_a_problem(ana: Desk) -> None:
    ana.repo.write(PATH, ana.repo.read(PATH).decode().replace("version: 1", "version: 2"))
    head = ana.repo.commit("mixed")

    (error,) = judged(ana).problems

    assert f"{PATH} in commit {head[:10]}: the check line does not match" in str(error)


def test_an_alias_moved_with_its_renamed_model_is_no_promotion(ana: Desk) -> None:
    with ana.open() as project:
        rename_model(project, "fraud", new_name="other")
    ana.repo.commit("rename")

    check = judged(ana)

    assert [(change.kind, change.model) for change in check.changes] == [("register", "other")]
    assert check.exit_code == 0


def test_a_promotion_of_a_renamed_model_is_judged_by_its_earlier_gate(ana: Desk) -> None:
    with ana.open() as project:
        rename_model(project, "fraud", new_name="other")
    ana.repo.commit("rename")
    promoted(ana, "other@2")

    change = judged(ana).changes[1]

    assert (change.model, change.kind, verdicts(change)) == (
        *("other", "promote"),
        [("auc", "pass", "")],
    )


# Bases


def test_a_merge_of_the_base_needs_no_common_history(ana: Desk, tmp_path: Path) -> None:
    """What a forge checks out: a merge whose first parent is the base, in a clone of depth 2."""
    ungated(ana, b"three", metrics=metrics(0.1, 9))
    clone = merged_by_the_forge(ana, tmp_path)

    check = judged(clone, clone.repo.head("HEAD^1"))

    assert (only(check).version, check.exit_code) == (3, 3)
    assert check.base is not None
    assert check.base.merge_bases == (clone.repo.head("HEAD^1"),)


def merged_by_the_forge(desk: Desk, folder: Path, depth: int = 2) -> Desk:
    """A clone of the merge of `request` and `main`, as a forge makes and a CI system fetches it."""
    git = desk.repo.git
    tree = git("merge-tree", "--write-tree", "main", "request").stdout.split()[0]
    parents = ("-p", "main", "-p", "request")
    merge = git("commit-tree", tree, *parents, "-m", "Merge").stdout.strip()
    git("update-ref", "refs/pull/1/merge", merge)
    repo = Repo.create(folder / "ci")
    repo.git("remote", "add", "origin", desk.repo.path.as_uri())
    repo.git("fetch", "-q", f"--depth={depth}", "origin", "+refs/pull/1/merge")
    repo.git("checkout", "-q", "--detach", "FETCH_HEAD")
    return Desk(repo, desk.store)


def test_a_promotion_in_a_clone_of_depth_2_says_what_was_not_checked(
    ana: Desk, tmp_path: Path
) -> None:
    ungated(ana, b"three", metrics=metrics(0.94, 0.17))
    ana.push()
    ana.repo.git("switch", "-q", "main")
    ana.repo.git("merge", "-q", "--ff-only", "request")
    ana.repo.git("switch", "-qC", "request")
    promoted(ana, "fraud@2")
    clone = merged_by_the_forge(ana, tmp_path)

    check = judged(clone, "HEAD^1")

    assert (only(check).verdict, check.exit_code) == ("pass", 0)
    assert only(check).notes == (
        "history is cut off here, so nothing says whether version 2 is in it (git fetch --unshallow)",
    )


def test_a_roll_back_in_a_clone_of_depth_2_passes(ana: Desk, tmp_path: Path) -> None:
    ana.repo.git("switch", "-q", "main")
    promoted(ana, "fraud@2")
    ana.repo.git("switch", "-qC", "request")
    with ana.open() as project:
        rollback(project, "fraud", "production", delivery="commit")
    clone = merged_by_the_forge(ana, tmp_path)

    check = judged(clone, "HEAD^1")

    assert (only(check).version, only(check).gate, check.exit_code) == (1, None, 0)


def test_the_metrics_of_an_alias_that_has_none_are_those_of_its_pointer(
    ana: Desk, tmp_path: Path
) -> None:
    """A roll-back in a clone of depth 1 writes such an alias."""
    ana.repo.git("switch", "-q", "main")
    alias = Alias.from_text(ana.repo.read(PATH), PATH)
    ana.repo.write(PATH, replace(alias, metrics={}).to_text())
    ana.repo.commit("without metrics")
    ana.repo.git("switch", "-qC", "request")
    promoted(ana, "fraud@2")

    assert verdicts(only(judged(ana))) == [("auc", "pass", "")]
    change = only(judged(merged_by_the_forge(ana, tmp_path), "HEAD^1"))
    assert [verdict for _, verdict, _ in verdicts(change)] == ["unjudged"]
    assert change.notes == (
        "history is cut off here, so the metrics of fraud@production are not known (git fetch --unshallow)",
    )


def test_a_base_that_is_not_in_the_clone_is_no_pass(ana: Desk) -> None:
    missing = "1" * 40

    assert refusal(UnknownReferenceError, lambda: judged(ana, missing)) == (
        f'"{missing}" is not in this clone',
        "git fetch origin",
    )
    assert refusal(UnknownReferenceError, lambda: judged(ana, "--all")) == (
        '"--all" is not in this clone',
        "git fetch origin",
    )


def test_no_common_commit_is_no_pass(ana: Desk, tmp_path: Path) -> None:
    ungated(ana, b"three", metrics=metrics(0.1, 9))
    repo = Repo.create(tmp_path / "ci")
    repo.git("remote", "add", "origin", ana.repo.path.as_uri())
    repo.git("fetch", "-q", "--depth=1", "origin", "main:refs/remotes/origin/main", "request")
    repo.git("checkout", "-q", "--detach", ana.repo.head("request"))
    clone = Desk(repo, ana.store)

    assert refusal(RepositoryError, lambda: judged(clone, "origin/main")) == (
        "origin/main and HEAD have no common commit in this clone, whose history is cut off",
        "git fetch --unshallow",
    )
    repo.git("fetch", "-q", "--unshallow")
    assert judged(clone, "origin/main").exit_code == 3


def test_a_base_with_a_configuration_that_is_not_valid_is_no_pass(ana: Desk) -> None:
    ana.repo.git("switch", "-q", "main")
    text = ana.repo.read(CONFIG).decode()
    ana.repo.write(CONFIG, text.replace("worsen_by", "worse_by"))
    ana.repo.commit("typo")
    ana.repo.git("switch", "-q", "request")

    message, _ = refusal(GateConfigError, lambda: judged(ana))

    assert '"worse_by" is no key of a gate' in message


def test_a_link_in_place_of_the_base_s_configuration_is_no_pass(ana: Desk) -> None:
    ana.repo.git("switch", "-q", "main")
    (ana.repo.path / CONFIG).rename(ana.repo.path / "settings.yaml")
    (ana.repo.path / CONFIG).symlink_to("settings.yaml")
    commit = ana.repo.commit("link")
    ana.repo.git("switch", "-q", "request")

    assert refusal(ConfigError, lambda: judged(ana))[0] == (
        f"{CONFIG} in commit {commit[:10]} is no plain file"
    )


def test_two_last_common_commits_are_both_compared(ana: Desk) -> None:
    """Criss-cross merges; what one side had at either of them is no change of the request."""
    ana.repo.write("a.txt", "a")
    ana.repo.commit("a")
    ana.repo.git("switch", "-q", "main")
    ungated(ana, b"three", metrics=metrics(0.94, 0.17))
    ana.repo.git("branch", "before")
    ana.repo.git("merge", "-q", "--no-edit", "request")
    ana.repo.git("switch", "-q", "request")
    ana.repo.git("merge", "-q", "--no-edit", "before")
    ungated(ana, b"spam", "spam.bin", metrics=["auc=0.4"])

    check = judged(ana)

    assert check.base is not None
    assert len(check.base.merge_bases) == 2
    assert only(check).model == "spam"


def test_a_partial_clone_that_lacks_what_is_compared_is_no_pass(ana: Desk, tmp_path: Path) -> None:
    ungated(ana, b"three", metrics=metrics(0.94, 0.17))
    ana.repo.git("config", "uploadpack.allowFilter", "true")
    repo = ana.repo.clone(tmp_path / "ci", "--filter=blob:none", "--branch=request")
    repo.git("remote", "set-url", "origin", str(tmp_path / "nowhere"))
    clone = Desk(repo, ana.store)
    main = repo.head("origin/main")

    assert problem(judged(clone, "origin/main"), ObjectMissingError) == (
        f"fraud.model.yaml in commit {main[:10]} is not in this clone, or larger than it can be",
        "git fetch --refetch --no-filter",
    )
    repo.git("remote", "set-url", "origin", ana.repo.path.as_uri())
    repo.git("fetch", "-q", "--refetch", "--no-filter")
    assert judged(clone, "origin/main").exit_code == 0


def test_a_clone_without_trees_is_no_pass(ana: Desk, tmp_path: Path) -> None:
    ana.repo.git("config", "uploadpack.allowFilter", "true")
    repo = ana.repo.clone(tmp_path / "ci", "--filter=tree:0", "--branch=request")

    assert refusal(RepositoryError, lambda: judged(Desk(repo, ana.store), "origin/main")) == (
        "this clone has no trees of old commits, so nothing says what HEAD changes",
        "git fetch --refetch --filter=blob:none",
    )


# Measured metrics


def test_measured_metrics_are_judged_and_compared_with_the_declared_ones(ana: Desk) -> None:
    ungated(ana, b"three", metrics=metrics(0.94, 0.17))
    measured = ana.repo.path.parent / "measured.json"
    measured.write_text('{"auc": 0.8, "logloss": 0.17, "recall": 0.5}')

    check = judged(ana, metrics_file=str(measured))

    change = only(check)
    assert (check.evidence, check.exit_code) == ("measured", 3)
    assert change.metrics == {"auc": 0.8, "logloss": 0.17, "recall": 0.5}
    assert change.notes == (
        "auc: measured 0.8, the pointer says 0.94",
        "recall: measured 0.5, the pointer has none",
    )
    measured.unlink()


def test_measured_metrics_need_one_model(ana: Desk) -> None:
    ana.repo.write("measured.json", '{"auc": 0.95, "logloss": 0.1}')

    assert refusal(UsageError, lambda: judged(ana, metrics_file="measured.json")) == (
        "gitmodel gate: the request changes no model; nothing says whose metrics these are",
        "gitmodel gate --metrics FILE NAME",
    )
    assert only(judged(ana, metrics_file="measured.json", names=["fraud"])).version == 2

    ungated(ana, b"three", metrics=metrics(0.94, 0.17))
    ungated(ana, b"spam", "spam.bin", metrics=["auc=0.9"])
    assert refusal(UsageError, lambda: judged(ana, metrics_file="measured.json"))[0] == (
        "gitmodel gate: the request changes 2 models; nothing says whose metrics these are"
    )
    assert only(judged(ana, metrics_file="measured.json", names=["spam"])).model == "spam"


def test_measured_metrics_of_two_versions_of_a_model_are_nobody_s(ana: Desk) -> None:
    promoted(ana, "fraud@2")
    ungated(ana, b"three", metrics=metrics(0.94, 0.17))
    ana.repo.write("measured.json", '{"auc": 0.95}')

    assert refusal(UsageError, lambda: judged(ana, metrics_file="measured.json"))[0] == (
        "gitmodel gate: the request changes fraud and an alias of another version of it; "
        "nothing says whose metrics these are"
    )


# By hand


def tried(desk: Desk, *names: str, **options: object) -> GateCheck:
    with desk.open() as project:
        return gate_models(project, names, **options)  # type: ignore[arg-type]


def compared(desk: Desk, *references: str, **options: object) -> GateCheck:
    with desk.open() as project:
        return gate_versions(project, *map(Reference.parse, references), **options)  # type: ignore[arg-type]


def test_by_hand_changed_models_of_the_work_tree_are_judged_against_head(ana: Desk) -> None:
    assert tried(ana).changes == ()

    ungated(ana, b"three", metrics=metrics(0.89, 0.17))
    ana.repo.git("reset", "-q", "HEAD~1")

    check = tried(ana)
    assert check.against == f"HEAD ({ana.repo.head()[:10]})"
    assert [verdict for _, verdict, _ in verdicts(only(check))] == ["refuse", "pass"]
    assert check.exit_code == 3


def test_by_hand_a_model_that_is_named_is_judged_also_if_it_is_not_changed(ana: Desk) -> None:
    assert [verdict for _, verdict, _ in verdicts(only(tried(ana, "fraud")))] == ["pass", "same"]
    assert refusal(UnknownReferenceError, lambda: tried(ana, "frod"))[1] == "did you mean fraud?"


def test_by_hand_the_gates_are_head_s_or_those_of_a_file(ana: Desk) -> None:
    text = ana.repo.read(CONFIG).decode()
    ana.repo.write(CONFIG, text.replace("min: 0.9", "min: 0.99"))

    assert tried(ana, "fraud").exit_code == 0
    edited = tried(ana, "fraud", gates_file=CONFIG)

    assert (edited.exit_code, edited.config, edited.config_commit) == (3, CONFIG, None)
    assert refusal(UsageError, lambda: tried(ana, gates_file="nowhere.yaml"))[0] == (
        "nowhere.yaml cannot be read: No such file or directory"
    )
    ana.repo.write("bad.yaml", "gates: [")
    assert refusal(GateConfigError, lambda: tried(ana, gates_file="bad.yaml"))[0].startswith(
        "bad.yaml: "
    )


def test_by_hand_one_version_is_judged_against_another(ana: Desk) -> None:
    check = compared(ana, "fraud@1", "fraud@2")

    change = only(check)
    assert (check.against, change.kind, change.version) == ("fraud@1", "register", 2)
    assert [j.verdict for j in change.gate.judgements] == ["pass", "pass"]  # type: ignore[union-attr]
    assert only(compared(ana, "fraud@2", "fraud@1")).verdict == "pass"
    assert only(compared(ana, "fraud@1")).version == 2


def test_by_hand_an_alias_as_the_baseline_means_its_rules(ana: Desk) -> None:
    change = only(compared(ana, "fraud@production", "fraud@2"))

    assert (change.kind, change.alias, verdicts(change)) == (
        *("promote", "production"),
        [("auc", "pass", "")],
    )


def test_by_hand_bounds_take_the_place_of_the_configuration(ana: Desk) -> None:
    check = tried(ana, "fraud", rules=bounds(["auc=0.99"], ["logloss=1"]))

    assert verdicts(only(check)) == [
        ("auc", "refuse", "at least 0.99 is needed"),
        ("logloss", "pass", ""),
    ]
    assert refusal(UsageError, lambda: bounds(["auc=high"], [])) == (
        'gitmodel gate: --min "auc=high" has no finite number',
        "write it as --min auc=0.92",
    )


def test_by_hand_measured_metrics_are_judged(ana: Desk) -> None:
    ana.repo.write("measured.json", '{"auc": 0.8, "logloss": 0.171}')

    check = tried(ana, "fraud", metrics_file="measured.json")

    assert (check.evidence, check.exit_code) == ("measured", 3)
    assert only(check).notes == ("auc: measured 0.8, the pointer says 0.935",)


# Bisecting


def bisected(desk: Desk, name: str = "fraud", low: str = "auc=0.9") -> tuple[int, str]:
    with desk.open() as project:
        return bisect(project, name, bounds([low], []))


def test_a_bisection_has_three_answers(ana: Desk) -> None:
    head = ana.repo.head()[:10]

    assert bisected(ana) == (0, f"fraud v2 in {head}: good")
    assert bisected(ana, low="auc=0.99") == (
        1,
        f"fraud v2 in {head}: bad: auc 0.935 (at least 0.99 is needed)",
    )
    assert bisected(ana, low="recall=0.9") == (125, f"fraud v2 in {head}: recall is missing")
    assert bisected(ana, "spam") == (125, "spam: there is no such model in this commit")


def test_a_bisection_judges_the_commit_not_the_work_tree(ana: Desk) -> None:
    ungated(ana, b"three", metrics=metrics(0.1, 9))
    ana.repo.git("reset", "-q", "HEAD~1")

    assert bisected(ana)[0] == 0
