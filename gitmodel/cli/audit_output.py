r"""Events of an audit as a table, JSON, CSV and Markdown.

CSV is that of RFC 4180, in UTF-8. Texts of strangers are one line, with control characters as escapes such as `\n`.
A text that a spreadsheet would take as a formula, because it begins with `=`, `+`, `-` or `@` (also after spaces or a
semicolon, and in full width), gets an apostrophe before it.

Guarantee: in CSV every event is one line, and in Markdown no text leaves its cell.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gitmodel.cli.format import count_text
from gitmodel.cli.markdown import code
from gitmodel.cli.output import Paint
from gitmodel.domain.text.escape import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.cli.output import Output
    from gitmodel.domain.audit_events import VersionId
    from gitmodel.workflows.audit import AuditReport, AuditRow, CheckReport

TABLE = ("time", "event", "model", "change", "by", "merged by", "signed", "commit", "why")
_CSV = (
    *("time", "event", "name", "alias", "from_version", "from_digest", "to_version", "to_digest"),
    *("by", "merged_by", "signed", "commit", "why", "target", "seq"),
)
# The second row of signs is in full width. Some spreadsheets also split at a semicolon.
_FORMULA = re.compile('(^|;)([\\s"]*[=+\\-@\uff1d\uff0b\uff0d\uff20])')
_QUOTED = frozenset(',;"')


def table_row(row: AuditRow) -> list[str | Paint]:
    """The cells of an event, in the order of `TABLE`."""
    time, *cells = _cells(row)
    event, model, change, by, merged_by, signed, commit, why = cells
    return [
        time,
        Paint(event, "strong"),
        model,
        change,
        by,
        merged_by,
        Paint(signed, "bad" if signed == "bad" else "plain"),
        Paint(commit, "quiet"),
        why,
    ]


def _cells(row: AuditRow) -> list[str]:
    told = ""
    if row.imported is not None:
        told = f" (as told by {row.imported.get('from', 'another registry')})"
    return [
        row.time.replace("T", " ").removesuffix("Z"),
        row.event,
        row.name if row.alias is None else f"{row.name}@{row.alias}",
        _change(row),
        row.by.partition(" <")[0],
        row.merged_by.partition(" <")[0],
        row.signed,
        row.commit[:10],
        row.why + told,
    ]


def _change(row: AuditRow) -> str:
    if row.event == "metrics-changed" and row.after is not None:
        return f"v{row.after.version}"
    if row.event == "deprecated" and row.after is not None:
        return f"v{row.after.version}"
    if row.event == "registered" and row.before is None and row.after is not None:
        return f"v{row.after.version}"
    return f"{_version(row.before)} -> {_version(row.after)}"


def _version(value: VersionId | None) -> str:
    return "none" if value is None else f"v{value.version}"


def event_documents(rows: Iterable[AuditRow]) -> list[dict[str, object]]:
    """The events as JSON has them."""
    return [
        {
            "time": row.time,
            "event": row.event,
            "name": row.name,
            "alias": row.alias,
            "from": row.before,
            "to": row.after,
            "by": row.by,
            "merged_by": row.merged_by,
            "signed": row.signed,
            "commit": row.commit,
            "why": row.why,
            "target": None,
            "seq": None,
            "imported": row.imported,
        }
        for row in rows
    ]


def say_check(output: Output, report: CheckReport) -> None:
    """Print what history does not explain, and what was compared."""
    for note in report.notes:
        output.warn(note)
    alarms = [one for one in report.unexplained if one.is_alarm]
    squashed = [one for one in report.unexplained if not one.is_alarm]
    if alarms:
        output.line(f"not explained by the history of {report.branch}:")
        output.table([[one.kind.replace("-", " "), one.detail] for one in alarms])
    for one in squashed:
        output.line(f"probably squashed: {one.detail}")
    claims = count_text(report.claims, "claim")
    moves = " and the moves of the remote branch" if report.updates_known else ""
    output.say(f"compared: {claims}{moves}")
    if any(one.kind == "claim" for one in alarms):
        output.hint("git fetch --all, if the versions may be on a branch that this clone lacks")


def unexplained_documents(report: CheckReport) -> list[dict[str, object]]:
    """What is not explained, as JSON has it."""
    return [
        {
            "kind": one.kind,
            "name": one.name,
            "version": one.version,
            "commit": one.commit,
            "detail": one.detail,
        }
        for one in report.unexplained
    ]


def audit_csv(rows: Iterable[AuditRow]) -> str:
    """The events as CSV, with a line of titles."""
    lines = [",".join(_CSV)]
    for row in rows:
        cells = (
            *(row.time, row.event, row.name, row.alias or ""),
            *_csv_version(row.before),
            *_csv_version(row.after),
            *(row.by, row.merged_by, row.signed, row.commit, row.why, "", ""),
        )
        lines.append(",".join(_csv_cell(cell) for cell in cells))
    return "".join(f"{line}\r\n" for line in lines)


def _csv_version(value: VersionId | None) -> tuple[str, str]:
    return ("", "") if value is None else (str(value.version), value.digest or "")


def _csv_cell(text: str) -> str:
    text = _FORMULA.sub(r"\1'\2", escaped(text))
    if _QUOTED.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def audit_markdown(report: AuditReport) -> str:
    """The events as a table in Markdown."""
    lines = [f"Events on {code(report.branch)}, by the dates of its commits (UTC).", ""]
    if not report.rows:
        return f"{lines[0]}\n\nNothing happened.\n"
    lines += [f"| {' | '.join(TABLE)} |", "|" + " --- |" * len(TABLE)]
    lines += ["| " + " | ".join(code(cell) for cell in _cells(row)) + " |" for row in report.rows]
    return "\n".join(lines) + "\n"
