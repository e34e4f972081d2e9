"""`gitmodel best`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.output import Paint
from gitmodel.cli.parsers import add_direction

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.domain.gates.rules import Direction
    from gitmodel.workflows.best import BestReport, Ranked

_SHOWN = 5

_BEST = """\
Versions in the history of HEAD are compared; each content counts once. Whether
a higher or a lower value is better comes from `better:` in .gitmodel.yaml, or
from the name of a metric that everybody knows, such as auc or loss.

With -q only the reference is printed, such as fraud@7, for use in scripts."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    parser = verbs.add(
        "best",
        run,
        summary="Show the version with the best value of a metric",
        description=_BEST,
        json=True,
    )
    parser.add_argument("name", metavar="NAME", help="the model")
    parser.add_argument("--metric", "-M", required=True, metavar="METRIC", help="the metric")
    parser.add_argument(
        "--all",
        dest="everywhere",
        action="store_true",
        help="also versions of other branches and tags",
    )
    add_direction(parser)


def run(
    session: Session, *, name: str, metric: str, everywhere: bool, better: Direction | None
) -> int:
    """Show the best version; exit code 1 if no version has a finite value."""
    from gitmodel.workflows.best import best

    with session.project() as project:
        report = best(project, name, metric, better=better, everywhere=everywhere)
    output = session.output
    for note in report.notes:
        output.warn(note)
    if output.as_json:
        output.json(report)
    elif report.best is not None:
        _show(session, report, report.best)
    if report.best is None and not output.as_json:
        reasons = _left_out(report)
        output.failure(
            f"no version of {name} has a finite {metric}; left out: {reasons}",
            hint=f"gitmodel log {name}",
        )
    return 1 if report.best is None else 0


def _show(session: Session, report: BestReport, best: Ranked) -> None:
    output = session.output
    reference = f"{best.name}@{best.version}"
    if output.quiet:
        output.line(reference)
        return
    output.say(
        Paint(reference, "strong"),
        f"  {report.metric} {best.value}{_where(best)}  {report.better} is better"
        f" ({report.direction_from})",
    )
    if report.ties:
        output.say(f"equal: {', '.join(f'v{version}' for version in report.ties)}")
    parts = [f"v{one.version} {one.value}{_where(one)}" for one in report.others[:_SHOWN]]
    more = len(report.others) - _SHOWN
    texts = []
    if parts:
        texts.append(f"also: {', '.join(parts)}{f' and {more} more' if more > 0 else ''}")
    if report.left_out:
        texts.append(f"left out: {_left_out(report)}")
    if texts:
        output.say("; ".join(texts))


def _left_out(report: BestReport) -> str:
    return ", ".join(f"v{one.version} ({one.reason})" for one in report.left_out)


def _where(one: Ranked) -> str:
    words = [] if one.on_head else [f"on {one.on or 'no branch'}"]
    if not one.on_head and not one.confirmed:
        words.append("unconfirmed")
    return f" ({', '.join(words)})" if words else ""
