"""How versions stand to gates: as a table, as Markdown for a comment on a request, and as JSON.

Guarantee: in Markdown every text that a request can choose is inside a code span that it cannot end, so it makes
no link, no mention and no HTML, and each row of the table stays one row.
"""

from __future__ import annotations

from decimal import Context
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.cli.markdown import MOST_BYTES, code, cut_lines
from gitmodel.domain.metric_changes import MetricChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

    from gitmodel.cli.output import Output
    from gitmodel.domain.gates.rules import GateReport, Judgement
    from gitmodel.errors import GitmodelError
    from gitmodel.project.gates.judged import GateCheck, JudgedChange

MARK = "<!-- gitmodel:gate -->"  # a bot finds its comment by this

_HEADER = ("change", "against", "metric", "before", "after", "difference", "rule", "verdict")
_FOUR_DIGITS = Context(prec=4)
_WORDS = {"pass": "passed", "refuse": "refused", "unjudged": "not judged"}


class RuleRow(NamedTuple):
    """A rule and how a version stands to it, as texts."""

    metric: str
    before: str
    after: str
    change: str
    rule: str
    verdict: str


def rule_row(judgement: Judgement) -> RuleRow:
    """Return a judgement as the cells of a table."""
    rule = judgement.rule
    told = judgement.verdict
    return RuleRow(
        metric=rule.metric,
        before=value_text(judgement.baseline),
        after=value_text(judgement.candidate),
        change=MetricChange(rule.metric, judgement.baseline, judgement.candidate).words,
        rule=rule.words,
        verdict=f"{told}: {judgement.reason}" if judgement.reason else told,
    )


def value_text(value: object) -> str:
    """Return a metric as a text, `-` without one."""
    return "-" if value is None else str(value)


def gate_document(gate: GateReport) -> dict[str, object]:
    """Return a judged version as JSON."""
    baseline = {"reference": gate.baseline, "version": gate.baseline_version}
    return {
        "verdict": gate.verdict,
        "gate": gate.pattern,
        "baseline": None if gate.baseline is None else baseline,
        "rules": _rules(gate),
        "forced": gate.forced,
    }


def _rules(gate: GateReport) -> list[dict[str, object]]:
    return [
        {
            "metric": one.rule.metric,
            "rule": one.rule.kind,
            "limit": str(one.rule.limit),
            "better": one.rule.better,
            "baseline": one.baseline,
            "candidate": one.candidate,
            "delta": None if one.delta is None else str(one.delta),
            "relative": _relative(one),
            "verdict": one.verdict,
            "reason": one.reason or None,
        }
        for one in gate.judgements
    ]


def _relative(judgement: Judgement) -> str | None:
    """The difference as a part of the baseline's magnitude, with four digits; None for a baseline of 0."""
    from gitmodel.domain.gates.rules import finite

    start: Decimal | None = finite(judgement.baseline)
    if judgement.delta is None or not start:
        return None
    return f"{_FOUR_DIGITS.divide(judgement.delta, abs(start)):f}"


def check_document(check: GateCheck) -> dict[str, object]:
    """Return the JSON of `gitmodel gate`."""
    base = check.base
    return {
        "base": None if base is None else base.reference,
        "base_commit": None if base is None else base.commit,
        "base_from": None if base is None else base.origin,
        "against": check.against,
        "config": {"commit": check.config_commit, "path": check.config},
        "verdict": check.verdict,
        "evidence": check.evidence,
        "changes": [_change_document(change) for change in check.changes],
        "problems": list(check.problems),
        "notes": list(check.notes),
    }


def _change_document(change: JudgedChange) -> dict[str, object]:
    start = change.baseline
    return {
        "model": change.model,
        "kind": change.kind,
        "alias": change.alias,
        "path": change.path or None,
        "candidate": {
            "version": change.version,
            "digest": change.digest,
            "commit": change.commit,
            "metrics": change.metrics,
        },
        "baseline": None
        if start is None
        else {"reference": start.reference, "version": start.version, "digest": start.digest},
        "gate": None if change.gate is None else change.gate.pattern,
        "rules": [] if change.gate is None else _rules(change.gate),
        "verdict": change.verdict,
        "refused": change.is_refused,
        "forced": change.forced,
        "notes": list(change.notes),
    }


def say_check(output: Output, check: GateCheck) -> None:
    """Print what was judged, and why something is refused."""
    output.line(f"against {check.against}")
    for note in check.notes:
        output.line(note)
    rows = [[title, against, *row] for title, against, row in _rows(check.changes)]
    output.table(rows, header=_HEADER)
    if not rows and not check.problems:
        output.line("nothing to judge: no version and no alias is changed")
    for change in check.changes:
        for note in _notes_of(change):
            output.warn(f"{change.title}: {note}")
    say_refusals(output, check)


def say_refusals(output: Output, check: GateCheck) -> None:
    """Print on stderr what is refused."""
    for problem in check.problems:
        output.error(problem)
    for change in check.changes:
        if change.is_refused:
            output.failure(f"{change.title}: the gate refuses it", hint=_hint(change))


def _hint(change: JudgedChange) -> str:
    if change.forced is not None:
        return "let the base say allow_force: true in gates, or meet the rules"
    if change.kind == "promote":
        return f"gitmodel log {change.model}"
    return "let other weights meet the rules, or change gates on the base first"


def _rows(changes: Iterable[JudgedChange]) -> Iterator[tuple[str, str, RuleRow]]:
    """A row for each rule; one for a change without rules. What is refused comes first."""
    order = {"refuse": 0, "unjudged": 1, "pass": 2}
    for change in sorted(changes, key=lambda one: order[one.verdict]):
        start = change.baseline
        against = "-" if start is None else f"{start.reference} (v{start.version})"
        if start is not None and start.reference == f"{change.model}@{start.version}":
            against = f"v{start.version}"
        if change.gate is None:
            yield change.title, against, RuleRow("-", "-", "-", "-", "no rule", "-")
            continue
        for judgement in change.gate.judgements:
            yield change.title, against, rule_row(judgement)
        if change.gate.needs_same_data and change.gate.data_changes:
            yield change.title, against, RuleRow("-", "-", "-", "-", "same data", "refuse")


def _notes_of(change: JudgedChange) -> list[str]:
    """What to say about a change besides its rules."""
    notes = list(change.notes)
    if change.gate is not None:
        notes += [
            f"{one.rule.metric} is not judged: {one.reason}"
            for one in change.gate.judgements
            if one.verdict == "unjudged"
        ]
    if change.forced is not None:
        counts = "" if change.allow_force else ", which does not count here"
        notes.append(f"forced{counts}: {change.forced}")
    return notes


def check_markdown(check: GateCheck) -> str:
    """Return a comment for a request: a table between two marks. Equal checks give equal texts."""
    word = "refused" if check.problems else _WORDS[check.verdict]
    lines = [f"**gitmodel gate: {word}**", "", f"Against {code(check.against)}."]
    if check.evidence == "measured":
        lines[-1] += " The metrics were measured in this job."
    if check.evidence == "confirmed":
        lines[-1] += " The metrics of new versions were read from their runs."
    bullets = [code(note) for note in check.notes]
    bullets += [
        f"{code(change.title)}: {code(note)}"
        for change in check.changes
        for note in _notes_of(change)
    ]
    bullets += [f"error: {code(str(problem))}" for problem in check.problems]
    rows = [
        "| " + " | ".join(code(cell) for cell in (title, against, *row)) + " |"
        for title, against, row in _rows(check.changes)
    ]
    if not rows and not check.problems:
        lines += ["", "No version and no alias is changed."]
    head = [f"| {' | '.join(_HEADER)} |", "|" + " --- |" * len(_HEADER)]
    half = MOST_BYTES // 2
    lines += ["", *head, *cut_lines(rows, half)] if rows else []
    lines += ["", *cut_lines([f"- {bullet}" for bullet in bullets], half)] if bullets else []
    return "\n".join([MARK, *lines, "", MARK, ""])


def error_markdown(error: GitmodelError) -> str:
    """Return a comment that says why a request could not be judged."""
    lines = ["**gitmodel gate: not judged**", "", f"error: {code(str(error))}"]
    return "\n".join([MARK, *lines, "", MARK, ""])
