"""Gates are read exactly; a word that is not known, or a missing direction, is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given

from gitmodel.domain.gates.config import Gates
from gitmodel.domain.gates.rules import Limit, Rule
from gitmodel.domain.yaml.reader import parse
from gitmodel.errors import GateConfigError, TextError
from tests.support import strategies

TEXT = """
better: {auc: higher, logloss: lower, "eval.*_loss": lower}
gates:
  "fraud":
    baseline: "production"
    register:
      auc: {min: 0.80}
    promote:
      "production":
        auc: {better: higher, improve_by: 0.002}
        logloss: {worsen_by: "1%"}
      "*":
        auc: {min: 0.5}
    same_data: refuse
    on_commit: refuse
    allow_force: true
  "team/*":
    register:
      eval.x_loss: {improve_by: 0, missing: skip, unjudged: refuse}
  "*":
    register:
      auc: {min: 0.1}
"""


def read(text: str) -> Gates:
    return Gates.from_values(parse(text.encode(), what="x"), what=".gitmodel.yaml")


def test_what_is_written_is_read() -> None:
    gates = read(TEXT)
    fraud = gates.gate_of("fraud")
    assert fraud is not None

    assert fraud.register == (Rule("auc", "min", Limit(Decimal("0.8")), "higher"),)
    assert fraud.rules_for("production") == (
        Rule("auc", "improve_by", Limit(Decimal("0.002")), "higher"),
        Rule("logloss", "worsen_by", Limit(Decimal(1), is_percent=True), "lower"),
    )
    assert [str(r.limit) for r in fraud.rules_for("staging")] == ["0.5"]
    assert (fraud.baseline, fraud.same_data, fraud.on_commit, fraud.allow_force) == (
        "production",
        "refuse",
        "refuse",
        True,
    )


def test_one_gate_holds_for_a_model_the_exact_or_the_longest() -> None:
    gates = read(TEXT)

    patterns = {
        name: gate.pattern if (gate := gates.gate_of(name)) else None
        for name in ("fraud", "team/spam", "other")
    }
    assert patterns == {"fraud": "fraud", "team/spam": "team/*", "other": "*"}
    team = gates.gate_of("team/spam")
    assert team is not None
    assert team.register == (
        Rule("eval.x_loss", "improve_by", Limit(Decimal(0)), "lower", True, True),
    )


def test_without_gates_there_are_none() -> None:
    assert read("gitmodel: 1\n") == Gates()
    assert Gates().gate_of("fraud") is None
    assert Gates().direction("auc") is None


def test_the_words_of_mlflow_are_read() -> None:
    gates = read(
        "gates:\n  fraud:\n    register:\n"
        "      auc: {threshold: 0.8, greater_is_better: true, min_absolute_change: 0.01}\n"
        "      loss: {threshold: 0.3, greater_is_better: false, min_relative_change: 0.05}\n"
    )
    gate = gates.gate_of("fraud")
    assert gate is not None

    assert [(r.metric, r.kind, str(r.limit), r.better) for r in gate.register] == [
        ("auc", "min", "0.8", "higher"),
        ("auc", "improve_by", "0.01", "higher"),
        ("loss", "max", "0.3", "lower"),
        ("loss", "improve_by", "5.00%", "lower"),
    ]


WRONG = {
    "a gate with a typo": ("gates: {fraud: {regster: {}}}", '"regster" is no key of a gate'),
    "a rule with a typo": ("gates: {fraud: {register: {auc: {mim: 1}}}}", '"mim" is no key of a gate'),
    "max_drop": ("gates: {fraud: {register: {auc: {max_drop: 1}}}}", '"max_drop" is no key of a gate'),
    "no rule": ("gates: {fraud: {register: {auc: {missing: skip}}}}", "no rule"),
    "no direction": ("gates: {fraud: {register: {auc: {improve_by: 0}}}}", "nothing says whether a higher or a lower"),
    "a direction that is none": ("better: {auc: up}", "better.auc must be higher or lower"),
    "a limit in words": ('gates: {fraud: {register: {auc: {min: "0.8"}}}}', "min must be a number"),
    "a limit that is not finite": ("gates: {fraud: {register: {auc: {min: .nan}}}}", "min must be a number"),
    "a negative improvement": ("better: {auc: higher}\ngates: {fraud: {register: {auc: {improve_by: -1}}}}", "must be a number that is not negative"),
    "a percentage as a bound": ('gates: {fraud: {register: {auc: {min: "1%"}}}}', "min must be a number"),
    "a flag in words": ('gates: {fraud: {allow_force: "yes"}}', "allow_force must be true or false"),
    "another word": ("gates: {fraud: {on_commit: warn}}", "on_commit must be keep or refuse"),
    "an alias that is none": ("gates: {fraud: {promote: {v7: {auc: {min: 1}}}}}", "it is reserved"),
    "a list": ("gates: [fraud]", "gates must be a mapping"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_value_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(GateConfigError) as caught:
        read(text)

    assert str(caught.value).startswith(".gitmodel.yaml: ")
    assert message in str(caught.value)
    assert caught.value.hint
    assert caught.value.exit_code == 2


@given(strategies.mappings, strategies.mappings)
def test_whatever_the_values_only_this_error_is_raised(better: object, gates: object) -> None:
    try:
        Gates.from_values({"better": better, "gates": gates}, what="x")  # type: ignore[dict-item]
    except TextError as error:
        assert type(error) is GateConfigError  # noqa: PT017
