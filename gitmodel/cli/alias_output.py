"""What `promote` and `rollback` take and print."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from gitmodel.cli.gate_output import gate_document, rule_row, value_text
from gitmodel.domain.metric_changes import metric_changes

if TYPE_CHECKING:
    import argparse

    from gitmodel.cli.output import Output
    from gitmodel.domain.aliases import Alias
    from gitmodel.project.alias_changes import AliasChange, Delivery

_REFUSED = 3  # the exit code of a gate


def add_delivery(parser: argparse.ArgumentParser) -> None:
    """Add `-m`, `--commit` and `--pr`."""
    parser.add_argument(
        "-m", "--message", dest="why", metavar="WHY", help="the reason, kept in the alias"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--commit", action="store_true", help="commit the file of the alias alone")
    how.add_argument(
        "--pr",
        action="store_true",
        help="push a commit on the remote's default branch as a branch of its own, for review; "
        "index and work tree stay as they are",
    )


def delivery_of(*, commit: bool, pr: bool) -> Delivery:
    """How the change is to be made."""
    return "pr" if pr else "commit" if commit else "stage"


def say_change(output: Output, change: AliasChange) -> int:
    """Say what an alias meant, what it means now, and what to run next; returns the exit code."""
    is_refused = change.gate is not None and change.gate.is_refused
    if output.as_json:
        for note in change.notes:
            output.warn(note)
        output.json(_document(change))
        return _REFUSED if is_refused else 0
    name = f"{change.name}@{change.alias}"
    if not change.is_new:
        output.say(f"{name} is {_version(change.after)} already")
        return 0
    output.say(f"{name}: {_version(change.before)} -> {_version(change.after)}")
    _say_metrics(output, change)
    if is_refused:
        after = "VERSION" if change.after is None else change.after.version
        output.failure(
            f"{change.name}: the gate of {change.alias} refuses version {after}",
            hint=f"gitmodel promote {change.name}@{after} {change.alias} --force WHY",
        )
        return _REFUSED
    for note in change.notes:
        output.warn(note)
    if change.branch is not None:
        output.say(f"pushed {change.branch}, for {change.base}")
        if change.compare_url is not None:
            output.say(f"next: open a pull request at {change.compare_url}")
        else:
            output.say(f"next: open a pull request for {change.branch}")
    elif change.commit is not None:
        output.say(f"committed {change.path} as {change.commit[:10]}")
        output.say("next: git push")
    elif change.is_committed:
        output.say(f"{change.path} is as it is committed; there is nothing to commit")
    else:
        output.say(f"staged {change.path}")
        output.say(f"next: git commit -m {shlex.quote(change.subject)}")
    return 0


def _say_metrics(output: Output, change: AliasChange) -> None:
    """A table of both versions' metrics, with the rules of the gate."""
    after = change.after
    before = change.before
    for text in () if change.gate is None else change.gate.data_changes:
        output.warn(f"{change.name}: {text}")
    judged = () if change.gate is None else change.gate.judgements
    if after is None or (before is None and not judged):
        return
    compared = change.gate.baseline_version if change.gate is not None else None
    start = f"v{compared}" if compared is not None else _version(before)
    metrics = {judgement.rule.metric for judgement in judged}
    rows = [
        [one.name, value_text(one.before), value_text(one.after), one.words, "", ""]
        for one in metric_changes({} if before is None else before.metrics, after.metrics)
        if one.name not in metrics
    ]
    rows += [list(row) for row in map(rule_row, judged)]
    rows.sort(key=lambda row: row[0])
    output.table(rows, header=["metric", start, _version(after), "change", "rule", "verdict"])


def _version(alias: Alias | None) -> str:
    return "none" if alias is None else f"v{alias.version}"


def _document(change: AliasChange) -> dict[str, object]:
    """The JSON of a promotion or a roll-back."""
    return {
        "name": change.name,
        "alias": change.alias,
        "from": _pair(change.before),
        "to": _pair(change.after),
        "path": change.path,
        "staged": change.staged,
        "commit": change.commit,
        "branch": change.branch,
        "compare_url": change.compare_url,
        "gate": None if change.gate is None else gate_document(change.gate),
    }


def _pair(alias: Alias | None) -> dict[str, object] | None:
    return None if alias is None else {"version": alias.version, "digest": alias.digest}
