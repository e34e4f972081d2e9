"""`gitmodel fetch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.checkout_output import show_checkout
from gitmodel.cli.reference_help import REFERENCES

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


def run(session: Session, *, references: list[str], remote: str | None) -> int:
    """Fill the cache."""
    from gitmodel.workflows.fetch import fetch

    with session.project() as project:
        report = fetch(project, references, remote=remote)
    if not session.output.as_json and not report.fetched_packs:
        session.output.say("already up to date")
    return show_checkout(session, report, placing=False)
