"""`gitmodel promote`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.alias_output import add_delivery, delivery_of, say_change
from gitmodel.cli.reference_help import REFERENCES

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_PROMOTE = """\
An alias is a small file beside the pointer. It is staged; the commit that
reaches the default branch is the promotion. NAME@none removes the alias.

Refused are versions that are deprecated, that are not on the primary remote,
that the branch does not have, or whose metrics do not pass the gate of the
alias in .gitmodel.yaml (exit code 3)."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    parser = verbs.add(
        "promote",
        run,
        summary="Let an alias mean another version",
        description=f"{_PROMOTE}\n\n{REFERENCES}",
        json=True,
    )
    parser.add_argument("reference", metavar="REF", help="the version, such as fraud@7")
    parser.add_argument("alias", metavar="ALIAS", help="the alias, such as production")
    add_delivery(parser)
    parser.add_argument(
        "--unmerged",
        action="store_true",
        help="also take a version that only other branches have",
    )
    parser.add_argument(
        "--force", metavar="WHY", help="promote although the gate refuses; the reason is kept"
    )


def run(
    session: Session,
    *,
    reference: str,
    alias: str,
    why: str | None,
    commit: bool,
    pr: bool,
    unmerged: bool,
    force: str | None,
) -> int:
    """Promote a version."""
    from gitmodel.domain.reference import Reference
    from gitmodel.workflows.promote import promote

    with session.project() as project:
        change = promote(
            project,
            Reference.parse(reference),
            alias,
            why=why,
            delivery=delivery_of(commit=commit, pr=pr),
            unmerged=unmerged,
            force=force,
        )
    return say_change(session.output, change)
