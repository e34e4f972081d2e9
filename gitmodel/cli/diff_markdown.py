"""What changed between versions, as Markdown for a comment on a request.

Guarantee: names and values that a request can choose are inside code spans, as `cli/markdown` says. Equal commits
give equal texts, whatever the machine, if the same manifests can be read.
"""

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
from gitmodel.cli.markdown import MOST_BYTES, code, cut_lines, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitmodel.cli.diff_texts import Names
    from gitmodel.project.comparing.versions import VersionChange
    from gitmodel.workflows.diff import Differences

MARK = "<!-- gitmodel:diff -->"  # a bot finds its comment by this
_SHOWN_ROWS = 20  # the others are folded
_MOST_ROWS = 200  # of one table; the names of a stranger take 200 characters


def differences_markdown(found: Differences, *, with_tensors: bool) -> str:
    """Return a comment on a request: a section for each model, between two marks."""
    lines = [f"**gitmodel diff** against {code(found.against)}"]
    sections = [_section(change, with_tensors=with_tensors) for change in found.changes]
    bullets = [
        f"- {code(side.model.name)} {code(f'v{side.pointer.version}')} is new"
        for side in found.added
    ]
    bullets += [f"- {code(name)} is removed" for name in found.removed]
    bullets += [f"- error: {code(str(problem))}" for problem in found.problems]
    if not sections and not bullets:
        lines += ["", "No model differs."]
    if bullets:
        sections.insert(0, cut_lines(bullets, MOST_BYTES // 2))
    return _comment(lines, sections)


def change_markdown(change: VersionChange, *, with_tensors: bool) -> str:
    """Return a comment about two versions, between two marks."""
    return _comment([], [_section(change, with_tensors=with_tensors)])


def _comment(lines: list[str], sections: list[list[str]]) -> str:
    """The sections as far as they fit into a comment. One that does not fit is left out as a whole."""
    left = MOST_BYTES
    left_out = 0
    for section in sections:
        size = sum(len(line.encode("utf-8", "replace")) + 1 for line in section)
        if size > left:
            left_out += 1
            continue
        left -= size
        lines += ["", *section] if lines else section
    if left_out:
        lines += ["", f"{left_out:,} more are in the output of the job."]
    return "\n".join([MARK, *lines, "", MARK, ""])


def _section(change: VersionChange, *, with_tensors: bool) -> list[str]:
    names = version_names(change.a, change.b)
    lines = [f"### {_span(names.head)}", ""]
    lines += [f"- {title}: {_span(text)}" for title, text in _facts(change, names)]
    header = ["", "name", code(names.a), code(names.b), "change", ""]
    lines += _table(header, list(_rows(change, names)))
    if with_tensors:
        header = ["tensor", "", "", "file"] + ["", "", "", ""] * bool(change.weights.stats)
        lines += _table(header, list(_tensors(change)))
    return lines


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    """A table after an empty line, and how many rows were left out; nothing without rows."""
    lines = ["", *table(header, rows[:_MOST_ROWS], most=_SHOWN_ROWS)] if rows else []
    more = len(rows) - _MOST_ROWS
    return [*lines, "", f"{more:,} more are in the output of the command."] if more > 0 else lines


def _span(text: str) -> str:
    """A text as a code span, in which an arrow stays one."""
    return code(text.replace(" -> ", " \u2192 "))


def _facts(change: VersionChange, names: Names) -> Iterator[tuple[str, str]]:
    yield from (("note", text) for text in deprecation_texts(change))
    yield from weights_texts(change, names, with_reason=False)
    old, new = change.a.pointer.run_id, change.b.pointer.run_id
    if old or new:
        yield "run", f"{old or '-'} -> {new or '-'}"
    for data in change.data:
        yield "data", f"{data.name} {data_text(data, names)}"
    yield from (("note", text) for text in bare_texts(change))


def _rows(change: VersionChange, names: Names) -> Iterator[list[str]]:
    for metric in change.metrics:
        yield [
            "metric",
            code(metric.name),
            code(value_text(metric.a, metric.only_in == "b")),
            code(value_text(metric.b, metric.only_in == "a")),
            code(delta_text(metric.delta)) if metric.delta is not None else "",
            verdict_text(metric, names),
        ]
    for title, values in (("param", change.params), ("format", change.format)):
        for value in values:
            yield [
                title,
                code(value.name),
                code(value_text(value.a, value.only_in == "b")),
                code(value_text(value.b, value.only_in == "a")),
                "",
                names.only(value.only_in),
            ]


def _tensors(change: VersionChange) -> Iterator[list[str]]:
    stats = {(one.file, one.name): one for one in change.weights.stats}
    for file in change.weights.files:
        for tensor in file.tensors or ():
            if tensor.status != "same":
                moved = stats_texts(stats.get((file.path, tensor.name))) if stats else ()
                shape = _span(shape_text(tensor.a, tensor.b))
                yield [
                    code(tensor.name),
                    status_text(tensor),
                    shape,
                    code(file.path),
                    *map(code, moved),
                ]
