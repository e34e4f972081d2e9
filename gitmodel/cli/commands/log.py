"""`gitmodel log`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.format import values_text
from gitmodel.cli.output import Paint

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.project.history.version_log import LogEntry

_HEADER = ("model", "version", "date", "by", "aliases", "metrics", "run", "commit", "subject")
_SHOWN_METRICS = 3


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    log = verbs.add(
        "log",
        run,
        summary="Show the versions of a model, with authors and metrics",
        json=True,
    )
    log.add_argument("name", nargs="?", metavar="NAME", help="which model; all if none")


def run(session: Session, *, name: str | None) -> int:
    """List versions, newest first."""
    from gitmodel.workflows.log import log

    with session.project() as project:
        entries = log(project, name)
    output = session.output
    if output.as_json:
        output.json({"versions": entries})
        return 0
    most = None if output.verbose else _SHOWN_METRICS
    rows = [_row(entry, most, named=name is None) for entry in entries]
    output.table(rows, header=_HEADER)
    if not entries:
        output.line("no versions yet")
    return 0


def _row(entry: LogEntry, most: int | None, *, named: bool) -> list[str | Paint]:
    version = f"v{entry.version}{' *' if entry.current else ''}"
    if entry.taken:  # what the number means has a line of its own
        version += " taken" if entry.renumbered is None else f" now v{entry.renumbered}"
    if entry.deprecated is not None:
        version += " deprecated"
    return [
        entry.name if named else "",
        Paint(version, "strong" if entry.current else "plain"),
        entry.at[:10],
        entry.author.partition(" <")[0],
        " ".join(entry.aliases),
        values_text(entry.metrics, most=most),
        entry.run_id or "",
        Paint(entry.commit[:10], "quiet"),
        entry.subject,
    ]
