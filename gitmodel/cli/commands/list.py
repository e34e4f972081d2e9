"""`gitmodel list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.format import size_text, values_text
from gitmodel.cli.output import Paint

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_HEADER = ("model", "version", "size", "aliases", "run", "metrics", "path")
_SHOWN_METRICS = 3


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    listing = verbs.add("list", run, summary="List the models of the work tree", json=True)
    listing.add_argument("revision", nargs="?", metavar="REV", help="of a Git revision instead")


def run(session: Session, *, revision: str | None) -> int:
    """List the models of a tree."""
    from gitmodel.workflows.list import list_models, with_authors

    output = session.output
    with session.project() as project:
        report = list_models(project, revision)
        if output.as_json:
            report = with_authors(project, report)
    most = None if output.verbose else _SHOWN_METRICS
    if output.as_json:
        output.json(report)
    else:
        rows: list[list[str | Paint]] = [
            [
                Paint(row.name, "strong"),
                f"v{row.version}" if row.deprecated is None else f"v{row.version} deprecated",
                size_text(row.size),
                " ".join(f"{one.alias}=v{one.version}" for one in row.aliases),
                row.run_id or "",
                values_text(row.metrics, most=most),
                row.path,
            ]
            for row in report.models
        ]
        output.table(rows, header=_HEADER)
        if not rows and not report.broken:
            output.line("no models" if revision else "no models yet")
    for error in report.broken:
        output.error(error)
    return 1 if report.broken else 0
