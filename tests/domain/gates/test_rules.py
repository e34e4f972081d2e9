"""A rule passes exactly what it says, in either direction, and never what is no number."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmodel.domain.gates.rules import Baseline, Limit, Rule, finite, judge

if TYPE_CHECKING:
    from gitmodel.domain.gates.rules import Judgement, Kind
    from gitmodel.domain.metrics import Metric

STORED_INFINITY = 1.7976931348623157e308


def rule(kind: Kind, limit: str, *, better: str = "higher", **more: bool) -> Rule:
    percent = limit.endswith("%")
    number = Limit(Decimal(limit.removesuffix("%")), is_percent=percent)
    return Rule("m", kind, number, better, **more)  # type: ignore[arg-type]


def one(rule: Rule, candidate: Metric | None, baseline: Metric | Baseline | None) -> Judgement:
    before = baseline
    if not isinstance(before, Baseline):
        before = Baseline({} if baseline is None else {"m": baseline})  # type: ignore[dict-item]
    return judge([rule], {} if candidate is None else {"m": candidate}, before)[0]


# rule, candidate, baseline, verdict; all for "higher is better"
CASES: dict[str, tuple[Rule, Metric | None, Metric | None, str]] = {
    "min met exactly": (rule("min", "0.8"), 0.8, None, "pass"),
    "min missed": (rule("min", "0.8"), 0.7999999, None, "refuse"),
    "max met exactly": (rule("max", "0.2"), 0.2, None, "pass"),
    "improved": (rule("improve", "0"), 0.81, 0.8, "pass"),
    "a tie is no improvement": (rule("improve", "0"), 0.8, 0.8, "refuse"),
    "worse is no improvement": (rule("improve", "0"), 0.7, 0.8, "refuse"),
    "max exceeded": (rule("max", "0.2"), 0.2000001, None, "refuse"),
    "a bound with a baseline": (rule("min", "0.8"), 0.9, 0.95, "pass"),
    "better by enough": (rule("improve_by", "0.2"), 0.3, 0.1, "pass"),
    "better by too little": (rule("improve_by", "0.002"), 0.9329, 0.931, "refuse"),
    "a tie passes 0": (rule("improve_by", "0"), 0.931, 0.931, "pass"),
    "a tie fails more": (rule("improve_by", "0.001"), 0.931, 0.931, "refuse"),
    "better by a percentage": (rule("improve_by", "1%"), 101, 100, "pass"),
    "not better by a percentage": (rule("improve_by", "1%"), 100.99, 100, "refuse"),
    "a percentage of a negative number": (rule("improve_by", "10%"), -90, -100, "pass"),
    "a percentage of 0": (rule("improve_by", "1%"), 1, 0, "refuse"),
    "worse by as much as allowed": (rule("worsen_by", "0.1"), 0.2, 0.3, "pass"),
    "worse by more": (rule("worsen_by", "0.1"), 0.19, 0.3, "refuse"),
    "not worse": (rule("worsen_by", "0"), 0.3, 0.3, "pass"),
    "better, where worse is allowed": (rule("worsen_by", "1%"), 0.4, 0.3, "pass"),
    "missing": (rule("min", "0"), None, None, "refuse"),
    "missing, and it may be": (rule("min", "0", may_be_missing=True), None, None, "skipped"),
    "NaN, and it may be missing": (rule("min", "0", may_be_missing=True), float("nan"), None, "refuse"),
    "text": (rule("min", "0"), "0.9", None, "refuse"),
    "true": (rule("min", "0"), True, None, "refuse"),
    "infinity": (rule("min", "0"), float("inf"), None, "refuse"),
    "the infinity of a database": (rule("min", "0"), STORED_INFINITY, None, "refuse"),
    "the baseline lacks it": (rule("improve_by", "0"), 0.9, None, "unjudged"),
    "the baseline has NaN": (rule("improve_by", "0"), 0.9, float("nan"), "unjudged"),
    "the baseline has infinity": (rule("improve_by", "0"), 0.9, float("-inf"), "unjudged"),
    "the baseline lacks it, and must not": (rule("improve_by", "0", needs_baseline=True), 0.9, None, "refuse"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("given_rule", "candidate", "baseline", "verdict"), CASES.values(), ids=list(CASES)
)
def test_each_situation_has_its_verdict_and_so_has_its_mirror(
    given_rule: Rule, candidate: Metric | None, baseline: Metric | None, verdict: str
) -> None:
    assert one(given_rule, candidate, baseline).verdict == verdict

    def flip(value: Metric | None) -> Metric | None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return -value if is_number else value  # type: ignore[operator]

    kinds: dict[Kind, Kind] = {"min": "max", "max": "min"}
    limit = given_rule.limit
    mirrored = given_rule._replace(
        kind=kinds.get(given_rule.kind, given_rule.kind),
        better="lower",
        limit=limit._replace(number=-limit.number) if given_rule.is_bound else limit,
    )
    assert one(mirrored, flip(candidate), flip(baseline)).verdict == verdict


def test_without_a_baseline_the_first_version_passes() -> None:
    (found,) = judge([rule("improve_by", "1")], {"m": 0.1}, None)

    assert (found.verdict, found.passes) == ("first", True)


def test_the_same_weights_pass_a_comparison_and_still_meet_the_bounds() -> None:
    same = Baseline({"m": 0.5}, is_same=True)

    assert one(rule("improve_by", "1"), 0.5, same).verdict == "same"
    assert one(rule("min", "0.8"), 0.5, same).verdict == "refuse"


def test_metrics_that_a_clone_cannot_know_are_unjudged_and_say_so() -> None:
    unknown = Baseline({}, is_known=False)

    found = one(rule("improve_by", "0"), 0.9, unknown)

    assert (found.verdict, found.reason) == (
        "unjudged",
        "the baseline's metrics are not known in this clone",
    )


def test_reasons_name_what_is_needed() -> None:
    assert one(rule("improve_by", "0.002"), 0.901, 0.931).reason == "at least 0.933 is needed"
    assert one(rule("improve_by", "0.1", better="lower"), 0.3, 0.2).reason == (
        "at most 0.1 is needed"
    )
    assert one(rule("min", "0.8"), 0.7, None).reason == "at least 0.8 is needed"
    assert one(rule("min", "0.8"), "x", None).reason == "the metric is not a number"


def test_numbers_are_compared_as_they_are_written() -> None:
    """0.3 - 0.1 is 0.19999999999999998 in binary."""
    assert one(rule("improve_by", "0.2"), 0.3, 0.1).passes
    assert one(rule("improve_by", "0.2"), 0.3, 0.1).delta == Decimal("0.2")
    assert finite(12345678901234567890) == Decimal(12345678901234567890)


numbers = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.integers()


@given(
    st.lists(st.tuples(numbers, numbers, st.booleans()), min_size=1, max_size=5),
    st.decimals(min_value=0, max_value=10, places=3),
    st.booleans(),
)
def test_a_candidate_that_is_worse_in_every_metric_never_passes(
    pairs: list[tuple[float, float, bool]], limit: Decimal, percent: bool
) -> None:
    pairs = [pair for pair in pairs if pair[0] != pair[1]] or [(1, 2, True)]
    rules, candidate, baseline = [], {}, {}
    for number, (one_, other, higher) in enumerate(pairs):
        low, high = sorted((one_, other), key=lambda value: Decimal(repr(value)))
        if Decimal(repr(low)) == Decimal(repr(high)):
            return
        name = f"m{number}"
        better = "higher" if higher else "lower"
        rules.append(Rule(name, "improve_by", Limit(limit, percent), better))  # type: ignore[arg-type]
        candidate[name], baseline[name] = (low, high) if higher else (high, low)

    judged = judge(rules, candidate, Baseline(baseline))

    assert not any(found.passes for found in judged)
