"""`gitmodel fetch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.checkout_output import show_checkout
from gitmodel.cli.reference_help import REFERENCES, add_no_deprecated

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    parser = verbs.add(
        "fetch",
        run,
        summary="Fetch weights into the cache only",
        description=REFERENCES,
        json=True,
    )
    parser.add_argument(
        "references", nargs="*", metavar="REF", help="models or versions; all if none"
    )
    parser.add_argument("--remote", metavar="NAME", help="from this remote only")
    add_no_deprecated(parser)


def run(session: Session, *, references: list[str], remote: str | None, no_deprecated: bool) -> int:
    """Fill the cache."""
    from gitmodel.workflows.fetch import fetch

    if no_deprecated:
        session.refuse_deprecated()
    with session.project() as project:
        report = fetch(project, references, remote=remote)
    if not session.output.as_json and not report.fetched_packs:
        session.output.say("already up to date")
    return show_checkout(session, report, placing=False)
