"""`gitmodel resolve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gitmodel.cli.output import Paint

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.workflows.resolve import ResolveReport

_RESOLVE = """\
Use it after a merge, rebase or cherry-pick left a conflict on a pointer, an
alias (NAME@ALIAS) or deprecations (NAME@deprecated). It takes one side whole
and never mixes the two. The side taken keeps its number, unless the other side
has the same one for other weights and the number was not pushed for the side
taken. A side that removed the file is taken by removing it. Deprecations are
merged by version; the side decides about versions that both sides changed.

"Ours" is what is checked out, "theirs" what comes in. In a rebase that is the
other way round than one thinks: ours is the branch you rebase onto, theirs is
your own commit."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    resolve = verbs.add(
        "resolve",
        run,
        summary="End a conflict on a pointer or an alias by taking one side whole",
        description=_RESOLVE,
        json=True,
    )
    resolve.add_argument(
        "name", metavar="NAME[@ALIAS]", help="the model, or one of its aliases, or NAME@deprecated"
    )
    sides = resolve.add_mutually_exclusive_group(required=True)
    for side in ("ours", "theirs"):
        sides.add_argument(
            f"--{side}", dest="side", action="store_const", const=side, help=f"take {side}"
        )


def run(session: Session, *, name: str, side: Literal["ours", "theirs"]) -> int:
    """Take one side."""
    from gitmodel.workflows.resolve import resolve

    with session.project() as project:
        report = resolve(project, name, side)
    output = session.output
    if output.as_json:
        output.json(report)
        return 0
    what = f"{report.name}@{report.alias}" if report.alias else report.name
    output.say(Paint(what, "strong"), f"  {_result(report)}")
    if report.in_line:
        output.hint(report.next_command)
    else:
        output.hint(f"gitmodel checkout {report.name}, then {report.next_command}")
    return 0


def _result(report: ResolveReport) -> str:
    if report.deprecated is not None:
        names = ", ".join(f"v{number}" for number in report.deprecated) or "no version"
        return f"{names}, with {report.side} where both sides changed one"
    if report.version is None:
        return f"removed, as {report.side} has it"
    other = f" (was v{report.was}, which the other side has)"
    number = "" if report.version == report.was else other
    return f"v{report.version}{number}, of {report.side}"
