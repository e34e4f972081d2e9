"""`gitmodel rm`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    parser = verbs.add("rm", run, summary="Stop versioning a model", description=_REMOVE)
    parser.add_argument("name", metavar="NAME", help="the model")
    parser.add_argument("--weights", action="store_true", help="remove the weights from disk too")
    parser.add_argument("--aliases", action="store_true", help="remove its aliases too")


_REMOVE = """\
It removes the pointer. The versions stay in history and on the remote."""


def run(session: Session, *, name: str, weights: bool, aliases: bool) -> int:
    """Remove a pointer."""
    from gitmodel.workflows.rm import remove_model

    with session.project() as project:
        report = remove_model(project, name, weights=weights, aliases=aliases)
    output = session.output
    output.say(f"{report.name} is no longer versioned; staged the removal of {report.pointer_path}")
    for path in report.also_removed:
        output.say(f"staged the removal of {path}")
    if report.weights_removed:
        output.say(f"removed {report.weights_path}")
    else:
        output.say(f"{report.weights_path} stays on disk")
    return 0
