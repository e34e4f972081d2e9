"""`gitmodel pull`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.checkout_output import show_checkout

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    parser = verbs.add(
        "pull",
        run,
        summary="Fetch and check out what the work tree's pointers name",
        description="It is for after `git pull`. The pointers stay as they are.",
        json=True,
    )
    parser.add_argument(
        "references", nargs="*", metavar="NAME", help="models or versions; all if none"
    )


def run(session: Session, *, references: list[str]) -> int:
    """Check out the weights of the work tree's pointers."""
    from gitmodel.workflows.pull import pull

    with session.project() as project:
        report = pull(project, references)
    return show_checkout(session, report)
