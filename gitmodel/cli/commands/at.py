"""`gitmodel at`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.output import Paint

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.workflows.at import AtReport, AtValue

_AT = """\
Only commits that were the tip of the branch count. Their time is the committer
date, or that of a commit before them on the branch if it is later. Merges,
squashes and rebases have the clock of the server that made them; a commit that
was pushed directly has the clock of its author."""
_HEADER = ("version", "from", "until", "by", "merged by", "commit", "why", "note")


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    parser = verbs.add(
        "at",
        run,
        summary="Show what an alias meant at a time in the past",
        description=_AT,
        json=True,
    )
    parser.add_argument("reference", metavar="NAME@ALIAS", help="such as fraud@production")
    parser.add_argument(
        "--on",
        metavar="WHEN",
        required=True,
        help="2026-05-06 for every value of that day in UTC, or an instant with its zone: "
        "2026-05-06T14:00:00Z",
    )
    parser.add_argument(
        "--branch",
        metavar="REV",
        help="the branch; by default that of origin/HEAD as last fetched, else HEAD",
    )


def run(session: Session, *, reference: str, on: str, branch: str | None) -> int:
    """Show the values of an alias."""
    from gitmodel.workflows.at import at

    with session.project() as project:
        report = at(project, reference, on, branch=branch)
    output = session.output
    if output.as_json:
        output.json(_document(report))
        return 0
    day = " (UTC)" if report.is_day else ""
    output.line(
        f"{report.name}@{report.alias} on {report.on}{day}, by the dates of the commits of "
        f"{report.branch}"
    )
    output.table([_row(value) for value in report.values], header=_HEADER)
    return 0


def _row(value: AtValue) -> list[str | Paint]:
    version = "unknown" if value.is_unknown else "none"
    if value.version is not None:
        version = f"v{value.version}"
    return [
        Paint(version, "plain" if value.version is None else "strong"),
        "earlier" if value.start is None else _time(value.start),
        "" if value.until is None else _time(value.until),
        (value.by or "unknown").partition(" <")[0],
        (value.merged_by or "unknown").partition(" <")[0],
        Paint((value.commit or "unknown")[:10], "quiet"),
        value.why,
        _note(value),
    ]


def _time(text: str) -> str:
    return text.replace("T", " ").removesuffix("Z")


def _note(value: AtValue) -> str:
    if value.imported is not None:
        return f"as told by {value.imported.get('from', 'another registry')}"
    if value.is_unknown:
        return "its file did not parse"
    return "its commit is dated earlier" if value.clamped else ""


def _document(report: AtReport) -> dict[str, object]:
    return {
        "name": report.name,
        "alias": report.alias,
        "branch": report.branch,
        "on": report.on,
        "values": [
            {
                "version": value.version,
                "digest": value.digest,
                "from": value.start,
                "until": value.until,
                "by": value.by,
                "merged_by": value.merged_by,
                "commit": value.commit,
                "why": value.why,
                "clamped": value.clamped,
                "imported": value.imported,
            }
            for value in report.values
        ],
    }
