"""`gitmodel renumber`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.output import Paint

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_RENUMBER = """\
Use it if somebody else pushed other weights under the same number first. It
changes the pointer, for a new commit on top, and does not rewrite history.
Without NAME, every model whose number other weights have on the remote is
renumbered."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    renumber = verbs.add(
        "renumber",
        run,
        summary="Give a model's current version the next free number",
        description=_RENUMBER,
        json=True,
    )
    renumber.add_argument(
        "name", nargs="?", metavar="NAME", help="the model; default: all whose number is taken"
    )
    renumber.add_argument(
        "--if-taken",
        action="store_true",
        help="do nothing unless other weights have the number on the remote",
    )
    renumber.add_argument("--commit", action="store_true", help="commit the pointer")
    renumber.add_argument("-m", "--message", metavar="TEXT", help="commit with this message")


def run(
    session: Session, *, name: str | None, if_taken: bool, commit: bool, message: str | None
) -> int:
    """Renumber versions of the work tree's pointers."""
    from gitmodel.workflows.renumber import renumber, renumber_taken

    commit = commit or message is not None
    with session.project() as project:
        if name is None:
            reports = renumber_taken(project, commit=commit, message=message)
        else:
            reports = [renumber(project, name, commit=commit, message=message, if_taken=if_taken)]
    output = session.output
    if output.as_json:
        output.json({"renumbered": reports} if name is None else reports[0])
        return 0
    for report in reports:
        kept = report.version == report.was
        said = "is not taken; unchanged" if kept else f"(was v{report.was})"
        output.say(Paint(report.name, "strong"), f"  v{report.version} {said}")
    if not reports:
        output.say("no number is taken by other weights; nothing was renumbered")
    elif reports[0].commit is not None:
        output.say(f"committed {reports[0].commit[:10]}")
    return 0
