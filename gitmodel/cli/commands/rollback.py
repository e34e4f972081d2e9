"""`gitmodel rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.alias_output import add_delivery, delivery_of, say_change

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_ROLLBACK = """\
The values of the alias on this branch are a stack. A roll-back takes the top
off: 4, 5, 6 rolled back twice gives 5, then 4. So do git revert, and promoting
the value before. Gates do not apply."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    parser = verbs.add(
        "rollback",
        run,
        summary="Let an alias mean its value before",
        description=_ROLLBACK,
        json=True,
    )
    parser.add_argument("name", metavar="NAME", help="the model")
    parser.add_argument("alias", metavar="ALIAS", help="the alias, such as production")
    parser.add_argument("--to", metavar="VERSION", help="an earlier value of the alias, such as 5")
    add_delivery(parser)


def run(
    session: Session,
    *,
    name: str,
    alias: str,
    to: str | None,
    why: str | None,
    commit: bool,
    pr: bool,
) -> int:
    """Roll an alias back."""
    from gitmodel.workflows.rollback import rollback

    with session.project() as project:
        change = rollback(
            project,
            name,
            alias,
            to=to,
            why=why,
            delivery=delivery_of(commit=commit, pr=pr),
        )
    return say_change(session.output, change)
