"""`gitmodel deprecate`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from gitmodel.cli.reference_help import REFERENCES
from gitmodel.errors import UsageError

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_DEPRECATE = """\
checkout, fetch and get warn about a deprecated version, and refuse it with
--no-deprecated or GITMODEL_NO_DEPRECATED=1. promote refuses it always."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    parser = verbs.add(
        "deprecate",
        run,
        summary="Say that a version should no longer be used",
        description=f"{_DEPRECATE}\n\n{REFERENCES}",
        json=True,
    )
    parser.add_argument("reference", metavar="REF", help="the version, such as fraud@3")
    parser.add_argument("-m", "--message", dest="why", metavar="WHY", help="the reason")
    parser.add_argument(
        "--until", metavar="DATE", help="nobody should depend on it after this date: 2027-01-31"
    )
    parser.add_argument("--instead", metavar="REF", help="the version to use")
    parser.add_argument("--undo", action="store_true", help="the version may be used again")


def run(
    session: Session,
    *,
    reference: str,
    why: str | None,
    until: str | None,
    instead: str | None,
    undo: bool,
) -> int:
    """Deprecate a version."""
    from gitmodel.domain.reference import Reference
    from gitmodel.workflows.deprecate import deprecate, undo_deprecation

    if not undo and why is None:
        raise UsageError("give the reason", hint=f"gitmodel deprecate {reference} -m WHY")
    if undo and (why, until, instead) != (None, None, None):
        raise UsageError(
            "--undo takes no other option", hint=f"gitmodel deprecate {reference} --undo"
        )
    with session.project() as project:
        if undo:
            report = undo_deprecation(project, Reference.parse(reference))
        else:
            other = None if instead is None else Reference.parse(instead)
            report = deprecate(
                project, Reference.parse(reference), why or "", until=until, instead=other
            )
    output = session.output
    if output.as_json:
        output.json(report)
    elif not report.changed:
        output.say(f"{report.name}@{report.version} is deprecated like this already")
    else:
        words = "no longer deprecated" if report.deprecation is None else report.deprecation.words()
        output.say(f"{report.name}@{report.version} is {words}")
        output.say(f"staged {report.path}")
        output.say(f"next: git commit -m {shlex.quote(report.subject)}")
    return 0
