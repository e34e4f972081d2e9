"""What changed between two versions: as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.diff_texts import (
    bare_texts,
    data_text,
    delta_text,
    deprecation_texts,
    shape_text,
    stats_texts,
    status_text,
    value_text,
    verdict_text,
    version_names,
    weights_texts,
)
from gitmodel.cli.output import Paint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gitmodel.cli.diff_texts import Names
    from gitmodel.cli.output import Output, Style
    from gitmodel.domain.tensor_changes import TensorChange, TensorSpan
    from gitmodel.domain.version_changes import ChangedValue
    from gitmodel.project.comparing.tensor_stats import TensorStats
    from gitmodel.project.comparing.versions import Compared, VersionChange
    from gitmodel.workflows.diff import Differences

_TITLE = 9  # columns of a title
_COLOURS: dict[str, Style] = {"better": "good", "worse": "bad"}


def say_differences(output: Output, found: Differences, *, with_tensors: bool) -> None:
    """Print all changes of models, and what was added and removed."""
    for number, change in enumerate(found.changes):
        if number:
            output.line()
        say_change(output, change, with_tensors=with_tensors)
    texts = [f"{side.model.name} v{side.pointer.version} is new" for side in found.added]
    texts += [f"{name} is removed" for name in found.removed]
    if found.changes and texts:
        output.line()
    for text in texts:
        output.line(text)
    if not (found.changes or texts or found.problems):
        output.line(f"no model differs from {found.against}")
    for problem in found.problems:
        output.warn(str(problem))


def say_change(output: Output, report: VersionChange, *, with_tensors: bool) -> None:
    """Print a comparison of two versions."""
    names = version_names(report.a, report.b)
    output.line(Paint(names.head, "strong"))
    for note in deprecation_texts(report):
        _line(output, "note", note)
    rows = [*_metrics(report, names), *_values("params", report.params, names), *_runs(report)]
    output.table(_padded(rows))
    output.table(_padded(list(_values("format", report.format, names))))
    for title, text in weights_texts(report, names):
        _line(output, title, text)
    output.table(_padded(list(_data(report, names))))
    for note in bare_texts(report):
        _line(output, "note", note)
    if with_tensors:
        output.table(list(_tensors(report, everything=output.verbose)))


def _line(output: Output, title: str, text: str) -> None:
    output.line(Paint(title.ljust(_TITLE), "quiet"), text)


def _padded(rows: Sequence[list[str | Paint]]) -> list[list[str | Paint]]:
    """The rows with a title column of one width in every table."""
    return [[Paint(str(row[0]).ljust(_TITLE - 2), "quiet"), *row[1:]] for row in rows]


def _metrics(report: VersionChange, names: Names) -> Iterator[list[str | Paint]]:
    for number, metric in enumerate(report.metrics):
        verdict = verdict_text(metric, names)
        colour = _COLOURS.get(metric.verdict or "", "plain")
        yield [
            "" if number else "metrics",
            metric.name,
            value_text(metric.a, metric.only_in == "b"),
            value_text(metric.b, metric.only_in == "a"),
            delta_text(metric.delta),
            Paint(verdict, colour),
        ]


def _values(
    title: str, values: Sequence[ChangedValue], names: Names
) -> Iterator[list[str | Paint]]:
    for number, value in enumerate(values):
        yield [
            "" if number else title,
            value.name,
            value_text(value.a, value.only_in == "b"),
            value_text(value.b, value.only_in == "a"),
            "",
            names.only(value.only_in),
        ]


def _runs(report: VersionChange) -> Iterator[list[str | Paint]]:
    old, new = report.a.pointer.run_id, report.b.pointer.run_id
    if old or new:
        yield ["run", "id", old or "-", new or "-", "", "same" if old == new else ""]


def _data(report: VersionChange, names: Names) -> Iterator[list[str | Paint]]:
    for number, data in enumerate(report.data):
        yield ["" if number else "data", f"{data.name} {data_text(data, names)}"]


def _tensors(report: VersionChange, *, everything: bool) -> Iterator[list[str | Paint]]:
    stats = {(one.file, one.name): one for one in report.weights.stats}
    for file in report.weights.files:
        for change in file.tensors or ():
            if change.status != "same" or everything:
                moved = stats_texts(stats.get((file.path, change.name)))
                shape = shape_text(change.a, change.b)
                yield [file.path, status_text(change), change.name, shape, *moved]


def differences_document(found: Differences) -> dict[str, object]:
    """Return all changes as JSON."""
    return {
        "base": found.against,
        "changes": [change_document(change) for change in found.changes],
        "added": [_side(side) for side in found.added],
        "removed": found.removed,
        "problems": found.problems,
    }


def change_document(report: VersionChange) -> dict[str, object]:
    """Return a comparison of two versions as JSON."""
    weights = report.weights
    stats = {(one.file, one.name): one for one in weights.stats}
    count = weights.counts()
    sizes = report.a.pointer.size, report.b.pointer.size
    return {
        "a": _side(report.a),
        "b": _side(report.b),
        "metrics": [
            {
                "name": metric.name,
                "a": metric.a,
                "b": metric.b,
                "delta": None if metric.delta is None else str(metric.delta),
                "better": metric.better,
                "better_from": metric.better_from,
                "verdict": metric.verdict,
            }
            for metric in report.metrics
        ],
        "params": None if report.bare else report.params,
        "run": {"a": _run(report.a), "b": _run(report.b)},
        "format": report.format,
        "tensors": {
            **{status: count[status] for status in ("same", "changed", "added", "removed")},
            "in_changed_chunks": count["undecided"],
            "renamed": [
                {"file": file.path or None, "a": old, "b": new}
                for file in weights.files
                for old, new in file.renamed
            ],
            "parameters": weights.parameters,
            "dtypes": dict(weights.dtypes),
            "list": [
                _tensor(file.path, change, stats.get((file.path, change.name)))
                for file in weights.files
                for change in file.tensors or ()
            ],
        }
        if weights.has_tensors
        else None,
        "files": [
            {
                "path": file.path,
                "status": file.status,
                "format": file.format,
                "chunks": None if file.chunks is None else file.chunks._asdict(),
                "problem": file.problem,
            }
            for file in weights.files
        ],
        "bytes": {
            "size": {"a": sizes[0], "b": sizes[1]},
            "changed": None if weights.bytes is None else weights.bytes.changed,
            "stored_by_b": None if weights.bytes is None else weights.bytes.stored,
        },
        "data": None if report.bare else report.data,
        "missing": weights.missing,
    }


def _side(side: Compared) -> dict[str, object]:
    pointer = side.pointer
    return {
        "name": pointer.name,
        "version": pointer.version,
        "digest": pointer.digest,
        "alias": side.alias,
        "deprecated": None if side.deprecated is None else side.deprecated.words(),
    }


def _run(side: Compared) -> dict[str, object] | None:
    pointer = side.pointer
    if pointer.run_id is None and not pointer.run:
        return None
    return {"run_id": pointer.run_id, **(pointer.run or {})}


def _tensor(path: str, change: TensorChange, stats: TensorStats | None) -> dict[str, object]:
    return {
        "name": change.name,
        "file": path or None,
        "status": "in_changed_chunks" if change.status == "undecided" else change.status,
        "a": _span(change.a),
        "b": _span(change.b),
        "stats": None
        if stats is None
        else {
            "max_abs": stats.max_abs,
            "mean_abs": stats.mean_abs,
            "cosine": stats.cosine,
            "left_out": stats.left_out,
            "problem": stats.problem,
        },
    }


def _span(span: TensorSpan | None) -> dict[str, object] | None:
    return None if span is None else {"dtype": span.dtype, "shape": span.shape, "size": span.size}
