"""`gitmodel log`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.format import values_text
from gitmodel.cli.output import Paint
from gitmodel.errors import UsageError

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
    log.add_argument(
        "--rejected",
        action="store_true",
        help="the runs that a gate refused in this clone, instead of versions",
    )
    log.add_argument(
        "--clear", action="store_true", help="with --rejected: forget them; no weights are deleted"
    )


def run(session: Session, *, name: str | None, rejected: bool, clear: bool) -> int:
    """List versions, newest first."""
    from gitmodel.workflows.log import log

    if rejected:
        return _rejected(session, name, clear=clear)
    if clear:
        raise UsageError("--clear is for --rejected", hint="gitmodel log NAME --rejected --clear")
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


def _rejected(session: Session, name: str | None, *, clear: bool) -> int:
    from gitmodel.workflows.log import clear_rejected_runs, log_rejected

    if name is None:
        raise UsageError(
            "--rejected needs the name of a model", hint="gitmodel log NAME --rejected"
        )
    output = session.output
    with session.project() as project:
        if clear:
            count = clear_rejected_runs(project, name)
            output.say(f"{name}: {count} rejected run{'' if count == 1 else 's'} forgotten")
            return 0
        runs = log_rejected(project, name)
    if output.as_json:
        output.json({"rejected": runs})
        return 0
    most = None if output.verbose else _SHOWN_METRICS
    output.table(
        [
            [
                run.at[:16].replace("T", " "),
                run.digest.partition(":")[2][:12],
                values_text(run.metrics, most=most),
                run.run_id or "",
                str(run.times),
                "; ".join(run.rules),
            ]
            for run in runs
        ],
        header=("refused", "weights", "metrics", "run", "times", "why"),
    )
    if not runs:
        output.line(f"no gate refused weights of {name} in this clone")
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
