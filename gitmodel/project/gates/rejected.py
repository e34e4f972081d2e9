"""Rejected runs: weights that a gate refused, a line each, in this clone only.

No weights are stored. A line is a JSON object; the file of a model has at most 1,000 lines and 4 MiB, and the
oldest are dropped.

Guarantee: reading never fails on a damaged file, and writing never stops a command.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from gitmodel.files.safe_open import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.domain.digest import Digest
    from gitmodel.domain.gates.rules import GateReport, Judgement
    from gitmodel.project.metadata import Metadata
    from gitmodel.project.project import Project
    from gitmodel.worktree.worktree import Weights

_FOLDER = ("gitmodel", "rejected")  # in the common Git folder
MOST_LINES = 1_000
MOST_BYTES = 4 << 20  # 4 MiB


class RejectedRun(NamedTuple):
    """One line: weights, their metadata, and the rules that refused them.

    Attributes:
        at: When they were refused last, UTC.
        digest: Digest of the weights.
        size: Of the weights in bytes.
        head: HEAD's commit then, None before the first.
        rules: Texts of the rules that refuse.
        asked: Metrics of `add --if-better`. Without any, the gate of the model refused.
        times: How often they were refused. Further attempts on one commit of HEAD count once.
    """

    name: str
    at: str
    digest: str
    size: int
    head: str | None
    rules: tuple[str, ...]
    metrics: Mapping[str, Any] = MappingProxyType({})
    params: Mapping[str, Any] = MappingProxyType({})
    run_id: str | None = None
    run: Mapping[str, Any] | None = None
    asked: tuple[str, ...] = ()
    times: int = 1

    def recalled(self, metadata: Metadata) -> Metadata:
        """Metadata without metrics, completed by that of this run."""
        return metadata._replace(
            metrics=self.metrics,
            params=metadata.params or self.params,
            run_id=metadata.run_id or self.run_id,
            run=metadata.run or self.run,
        )


def refusals(report: GateReport) -> tuple[str, ...]:
    """What refuses, a text each: `auc 0.901, at least 0.933 is needed (production is v5 with 0.931)`."""
    texts = [_refusal(one) for one in report.judgements if one.verdict == "refuse"]
    data = report.data_changes if report.needs_same_data else ()
    return tuple(dict.fromkeys((*texts, *data)))


def _refusal(one: Judgement) -> str:
    metric = one.rule.metric
    if one.candidate is None:
        return f"{metric} is missing"
    text = f"{metric} {one.candidate}, {one.reason}"
    if one.rule.is_bound or one.delta is None or not one.against:
        return text
    return f"{text} ({one.against} {one.baseline})"


def refused_words(rules: Sequence[str]) -> str:
    """Why weights are not a version, as one clause."""
    return f"the new weights are not a version: {'; '.join(rules)}"


def asked_metrics(report: GateReport) -> tuple[str, ...]:
    """The metrics of `add --if-better`, if nothing else refuses."""
    judged = [one.rule for one in report.judgements if one.verdict == "refuse"]
    asked = tuple(rule.metric for rule in judged if rule.kind == "improve")
    return asked if len(asked) == len(judged) and not report.data_changes else ()


def note_rejected(
    project: Project,
    name: str,
    weights: Weights,
    metadata: Metadata,
    rules: tuple[str, ...],
    *,
    asked: tuple[str, ...] = (),
) -> RejectedRun:
    """Write the line of weights that were refused; weights that were refused before keep one line."""
    run = RejectedRun(
        name=name,
        at="",
        digest=str(weights.digest),
        size=weights.size,
        head=None,
        rules=rules,
        metrics=dict(metadata.metrics),
        params=dict(metadata.params),
        run_id=metadata.run_id,
        run=None if metadata.run is None else dict(metadata.run),
        asked=asked,
    )
    return note_again(project, run)


def note_again(project: Project, run: RejectedRun) -> RejectedRun:
    """Write a line with the current time and HEAD."""
    new = run._replace(at=project.context.timestamp(), head=project.reader.resolve("HEAD"), times=1)
    runs = list(rejected_runs(project, run.name))
    earlier = next((found for found in runs if found.digest == new.digest), None)
    if earlier is not None:
        runs.remove(earlier)
        new = new._replace(times=earlier.times + (earlier.head != new.head))
    with suppress(OSError):
        replace_file(_file(project, run.name), _bounded([*runs, new]))
    return new


def rejected_runs(project: Project, name: str) -> tuple[RejectedRun, ...]:
    """The rejected runs of a model, oldest first."""
    try:
        with open(_file(project, name), "rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except OSError:
        return ()
    return tuple(_parsed(raw.split(b"\n"), name))


def clear_rejected(project: Project, name: str) -> int:
    """Forget the rejected runs of a model; returns how many there were."""
    found = len(rejected_runs(project, name))
    with suppress(FileNotFoundError):
        os.unlink(_file(project, name))
    return found


def has_rejected(project: Project) -> bool:
    """Whether a gate has refused any weights in this clone."""
    return os.path.isdir(os.path.join(project.repository.common_dir, *_FOLDER))


def last_refusal(project: Project, name: str, digest: Digest) -> RejectedRun | None:
    """The line of these weights, None if no gate refused them in this clone."""
    text = str(digest)
    return next((run for run in rejected_runs(project, name) if run.digest == text), None)


def _file(project: Project, name: str) -> str:
    return os.path.join(project.repository.common_dir, *_FOLDER, *f"{name}.jsonl".split("/"))


def _bounded(runs: list[RejectedRun]) -> bytes:
    """The newest lines that fit."""
    lines: list[bytes] = []
    size = 0
    for run in reversed(runs[-MOST_LINES:]):
        line = json.dumps(_plain(run._asdict()), ensure_ascii=True).encode() + b"\n"
        size += len(line)
        if size > MOST_BYTES:
            break
        lines.append(line)
    return b"".join(reversed(lines))


def _plain(value: object) -> object:
    """NaN and infinities as text, as in all documents of gitmodel."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124
    return value


def _parsed(lines: Iterable[bytes], name: str) -> Iterable[RejectedRun]:
    for line in lines:
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            values = json.loads(line)
            for key in ("rules", "asked"):
                values[key] = tuple(map(str, values[key]))
            run = RejectedRun(**values)
            if run.name == name and isinstance(run.times, int):
                yield run
