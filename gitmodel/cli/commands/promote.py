"""`gitmodel promote`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_PROMOTE = """\
An alias is a file beside the pointer. The change is staged; a commit makes it
count, a merged pull request makes it count for everybody. NAME@none removes
the alias."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    from gitmodel.cli.reference_help import REFERENCES

    parser = verbs.add(
        "promote",
        run,
        summary="Let an alias mean another version",
        description=f"{_PROMOTE}\n\n{REFERENCES}",
    )
    parser.add_argument("reference", metavar="REF", help="the version, such as fraud@7")
    parser.add_argument("alias", metavar="ALIAS", help="the alias, such as production")
    parser.add_argument(
        "-m", "--message", dest="why", metavar="WHY", help="the reason, kept in the alias"
    )


def run(session: Session, *, reference: str, alias: str, why: str | None) -> int:
    """Promote a version."""
    from gitmodel.cli.alias_output import say_change
    from gitmodel.domain.reference import Reference
    from gitmodel.workflows.promote import promote

    with session.project() as project:
        change = promote(project, Reference.parse(reference), alias, why=why)
    say_change(session.output, change)
    return 0
