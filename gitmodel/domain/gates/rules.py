"""Judges the metrics of a version by rules, against bounds and against a baseline.

Numbers are compared exactly as they are written: 0.3 - 0.1 is 0.2. ±1.7976931348623157e308, which databases store
for infinity, counts as infinite. A rule never guesses whether higher or lower is better.

Guarantee: `judge` refuses a metric that is missing, no number, NaN or infinite, unless a rule says that it may be
missing. A candidate that is worse than the baseline never passes `improve_by`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from gitmodel.domain.metrics import as_decimal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.domain.metrics import Metric

Direction = Literal["higher", "lower"]
Verdict = Literal["pass", "refuse", "skipped", "unjudged", "first", "same"]
Kind = Literal["min", "max", "improve_by", "worsen_by", "improve"]

_STORED_INFINITY = Decimal("1.7976931348623157e308")


class Limit(NamedTuple):
    """A number, or a percentage of the baseline's magnitude.

    Attributes:
        number: The number as written; 1 for `1%`.
        is_percent: Whether it is a percentage.
    """

    number: Decimal
    is_percent: bool = False

    def __str__(self) -> str:
        return f"{self.number:f}%" if self.is_percent else f"{self.number:f}"


class Rule(NamedTuple):
    """One condition on one metric.

    Attributes:
        kind: `min` and `max` are bounds, both inclusive. `improve_by`: better than the baseline by at least the
            limit, so a tie passes 0. `worsen_by`: worse than the baseline by at most the limit. `improve`: better
            than the baseline, so a tie is refused; it has no limit.
        better: Which direction is better; bounds need none.
        may_be_missing: A candidate without the metric is skipped instead of refused.
        needs_baseline: A rule against a baseline that lacks the metric is refused instead of unjudged.
    """

    metric: str
    kind: Kind
    limit: Limit
    better: Direction | None = None
    may_be_missing: bool = False
    needs_baseline: bool = False

    @property
    def is_bound(self) -> bool:
        """Whether the rule needs no baseline."""
        return self.kind in ("min", "max")

    @property
    def words(self) -> str:
        """The rule as people read it: `improve by 0.002`."""
        return (
            "improve" if self.kind == "improve" else f"{self.kind.replace('_', ' ')} {self.limit}"
        )


class Baseline(NamedTuple):
    """What a candidate is compared with.

    Attributes:
        metrics: Of the baseline.
        is_same: Whether the baseline has the candidate's weights.
        is_known: Whether its metrics are known; a clone without history may not know them.
        words: The beginning of a clause about it: `v5 has`, `production is v5 with`.
    """

    metrics: Mapping[str, Metric]
    is_same: bool = False
    is_known: bool = True
    words: str = ""


class Judgement(NamedTuple):
    """A rule, and how a candidate stands to it.

    Attributes:
        reason: Why it is refused, skipped or unjudged; "" if it passes.
        delta: Exact difference of candidate and baseline, if both are finite numbers.
        against: `words` of the baseline.
    """

    rule: Rule
    baseline: Metric | None
    candidate: Metric | None
    verdict: Verdict
    reason: str = ""
    delta: Decimal | None = None
    against: str = ""

    @property
    def passes(self) -> bool:
        """Whether the rule does not stand in the way."""
        return self.verdict != "refuse"


class GateReport(NamedTuple):
    """How a version stands to the rules of a gate.

    Attributes:
        pattern: The gate, as the configuration names it.
        baseline: What the version was compared with, such as `fraud@production`; None if there is nothing.
        baseline_version: Its number.
        judgements: One for each rule.
        forced: The reason that was given for overriding the gate.
        data_changes: Data that are other than the baseline's, a text each.
        needs_same_data: Whether other data refuse the version.
    """

    pattern: str
    baseline: str | None
    baseline_version: int | None
    judgements: tuple[Judgement, ...]
    forced: str | None = None
    data_changes: tuple[str, ...] = ()
    needs_same_data: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether a rule refuses the version, and nobody has overridden the gate."""
        return self.verdict == "refuse" and self.forced is None

    @property
    def verdict(self) -> Literal["pass", "refuse", "unjudged"]:
        """`refuse` if any rule is refused, else `unjudged` if any could not be judged."""
        verdicts = {one.verdict for one in self.judgements}
        if self.needs_same_data and self.data_changes:
            return "refuse"
        return (
            "refuse" if "refuse" in verdicts else "unjudged" if "unjudged" in verdicts else "pass"
        )


def judge(
    rules: Sequence[Rule], candidate: Mapping[str, Metric], baseline: Baseline | None
) -> tuple[Judgement, ...]:
    """Judge every rule; all must pass.

    | situation | verdict |
    | --- | --- |
    | candidate lacks the metric | refuse, or skipped with `may_be_missing` |
    | candidate has text, a boolean, NaN or infinity | refuse |
    | a bound | pass or refuse |
    | no baseline | first |
    | the baseline has the same weights | same |
    | metrics of the baseline unknown, missing, or no finite number | unjudged, or refuse with `needs_baseline` |
    | `1%` of a baseline of 0 | refuse |
    | otherwise | pass or refuse |
    """
    return tuple(_judge(rule, candidate, baseline) for rule in rules)


def finite(value: Metric | None) -> Decimal | None:
    """Return a finite number exactly as it is written; None for everything else."""
    number = as_decimal(value)
    return None if number is None or abs(number) >= _STORED_INFINITY else number


def _judge(rule: Rule, candidate: Mapping[str, Metric], baseline: Baseline | None) -> Judgement:
    value = candidate.get(rule.metric)
    before = None if baseline is None else baseline.metrics.get(rule.metric)
    number, start = finite(value), finite(before)
    delta = None if number is None or start is None else number - start

    def told(verdict: Verdict, reason: str = "") -> Judgement:
        words = "" if baseline is None else baseline.words
        return Judgement(rule, before, value, verdict, reason, delta, words)

    if number is None:
        if value is None and rule.may_be_missing:
            return told("skipped", "the metric is missing")
        return told("refuse", _not_a_number(value))
    if rule.is_bound:
        return told(*_judge_bound(rule, number))
    return told(*_judge_against(rule, baseline, number, before))


def _judge_against(
    rule: Rule, baseline: Baseline | None, number: Decimal, before: Metric | None
) -> tuple[Verdict, str]:
    if baseline is None:
        return "first", ""
    if baseline.is_same:
        return "same", ""
    start = finite(before)
    if start is not None:
        return _judge_change(rule, number, start)
    reason = (
        _not_a_number(before, "the baseline's metric")
        if baseline.is_known
        else "the baseline's metrics are not known in this clone"
    )
    return ("refuse" if rule.needs_baseline else "unjudged"), reason


def _judge_bound(rule: Rule, number: Decimal) -> tuple[Verdict, str]:
    limit = rule.limit.number
    if rule.kind == "min":
        return ("pass", "") if number >= limit else ("refuse", f"at least {limit:f} is needed")
    return ("pass", "") if number <= limit else ("refuse", f"at most {limit:f} is allowed")


def _judge_change(rule: Rule, number: Decimal, start: Decimal) -> tuple[Verdict, str]:
    if rule.kind == "improve":
        better = number > start if rule.better == "higher" else number < start
        word = "more" if rule.better == "higher" else "less"
        return ("pass", "") if better else ("refuse", f"{word} than {start:f} is needed")
    if rule.limit.is_percent and start == 0:
        return "refuse", "a percentage of 0 says nothing: give an absolute number"
    change = rule.limit.number
    if rule.limit.is_percent:
        change = abs(start) * change / 100
    sign = 1 if rule.better == "higher" else -1
    worst = start + sign * change if rule.kind == "improve_by" else start - sign * change
    if sign * (number - worst) >= 0:
        return "pass", ""
    word = "at least" if sign > 0 else "at most"
    return "refuse", f"{word} {worst.normalize():f} is needed"


def _not_a_number(value: Metric | None, what: str = "the metric") -> str:
    if value is None:
        return f"{what} is missing"
    if isinstance(value, str | bool):
        return f"{what} is not a number"
    return f"{what} is not finite"
