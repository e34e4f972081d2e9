"""`gitmodel mv`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_MOVE = """\
With --pointer, NAME is the new name. Use it if two pointers have one name, for
example after `cp` of a pointer."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    move = verbs.add(
        "mv",
        run,
        summary="Rename a model, or move its weights",
        description=_MOVE,
    )
    move.add_argument("name", metavar="NAME", help="the model")
    move.add_argument("new_name", nargs="?", metavar="NEW_NAME", help="its new name")
    move.add_argument(
        "--path", metavar="PATH", help="new path of its weights; the pointer moves with them"
    )
    move.add_argument(
        "--pointer", metavar="FILE", help="the pointer file, if two pointers have this name"
    )


def run(
    session: Session, *, name: str, new_name: str | None, path: str | None, pointer: str | None
) -> int:
    """Rename or move a model."""
    from gitmodel.workflows.mv import rename_model

    with session.project() as project:
        report = rename_model(project, name, new_name=new_name, path=path, pointer=pointer)
    output = session.output
    if report.name != report.old_name:
        output.say(f"{report.old_name} is called {report.name} now")
    if report.path != report.old_path:
        output.say(f"{report.old_path} is {report.path} now")
        if not report.moved_weights:
            output.note(f"no weights are on disk; they come with: gitmodel checkout {report.name}")
    output.say(f"staged {report.pointer_path}")
    return 0
