"""`gitmodel checkout`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.checkout_output import show_checkout
from gitmodel.cli.reference_help import REFERENCES, add_no_deprecated

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_CHECKOUT = f"""\
Without REF it checks out the weights of every pointer in the work tree.
NAME@REF checks out that version's pointer as well. Weights that are stored
nowhere else are never overwritten without --force.

{REFERENCES}"""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    checkout = verbs.add(
        "checkout",
        run,
        summary="Check out weights into the work tree, verified",
        description=_CHECKOUT,
        json=True,
    )
    checkout.add_argument(
        "references", nargs="*", metavar="REF", help="models or versions; all if none"
    )
    checkout.add_argument("--out", metavar="DIR", help="write to DIR instead of the work tree")
    checkout.add_argument(
        "--force", action="store_true", help="overwrite weights that are stored nowhere else"
    )
    checkout.add_argument("--remote", metavar="NAME", help="from this remote only")
    checkout.add_argument(
        "--include",
        metavar="GLOB",
        action="append",
        default=[],
        help="only the matching files of a folder; needs --out; can be repeated",
    )
    add_no_deprecated(checkout)


def run(
    session: Session,
    *,
    references: list[str],
    out: str | None,
    force: bool,
    remote: str | None,
    include: list[str],
    no_deprecated: bool,
) -> int:
    """Place weights."""
    from gitmodel.workflows.checkout import checkout

    if no_deprecated:
        session.refuse_deprecated()
    if include:
        return _checkout_files(session, references, include, out=out, force=force, remote=remote)
    with session.project() as project:
        report = checkout(project, references, out=out, force=force, remote=remote)
    return show_checkout(session, report)


def _checkout_files(
    session: Session,
    references: list[str],
    include: list[str],
    *,
    out: str | None,
    force: bool,
    remote: str | None,
) -> int:
    from gitmodel.errors import UsageError
    from gitmodel.workflows.checkout_files import checkout_files

    if out is None or not references:
        raise UsageError(
            "--include needs a reference and --out: a part of a model in its own place would look "
            "like a new version",
            hint="gitmodel checkout NAME --include GLOB --out DIR",
        )
    with session.project() as project:
        report = checkout_files(project, references, include, out=out, force=force, remote=remote)
    return show_checkout(session, report)
