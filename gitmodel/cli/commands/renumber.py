"""`gitmodel renumber`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.output import Paint

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_RENUMBER = """\
For when somebody else pushed other weights under the same number first. History
is not rewritten: the pointer changes, for a new commit on top."""


def add_parser(verbs: Verbs) -> None:
    """Describe the verb."""
    renumber = verbs.add(
        "renumber",
        run,
        summary="Give a model's current version the next free number",
        description=_RENUMBER,
        json=True,
    )
    renumber.add_argument("name", metavar="NAME", help="the model")
    renumber.add_argument(
        "--if-taken",
        action="store_true",
        help="do nothing unless other weights have the number on the remote",
    )
    renumber.add_argument("--commit", action="store_true", help="commit the pointer")
    renumber.add_argument("-m", "--message", metavar="TEXT", help="commit with this message")


def run(session: Session, *, name: str, if_taken: bool, commit: bool, message: str | None) -> int:
    """Renumber the version of the work tree's pointer."""
    from gitmodel.workflows.renumber import renumber

    with session.project() as project:
        commit = commit or message is not None
        report = renumber(project, name, commit=commit, message=message, if_taken=if_taken)
    output = session.output
    if output.as_json:
        output.json(report)
        return 0
    if report.version == report.was:
        output.say(Paint(report.name, "strong"), f"  v{report.version} is not taken, it stays")
        return 0
    output.say(Paint(report.name, "strong"), f"  v{report.version} (was v{report.was})")
    if report.commit is not None:
        output.say(f"committed {report.commit[:10]}")
    return 0
