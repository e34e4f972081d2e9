"""`gitmodel rm` and `mv`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session

_REMOVE = """\
Its pointer goes; its versions stay in history and on the remote."""
_MOVE = """\
With --pointer, NAME is the new name: it is for two pointers of one name, as
after `cp` of a pointer."""


def add_parser(verbs: Verbs) -> None:
    """Describe the verbs."""
    move = verbs.add(
        "mv",
        run_move,
        summary="Give a model another name, or its weights another place",
        description=_MOVE,
    )
    move.add_argument("name", metavar="NAME", help="the model")
    move.add_argument("new_name", nargs="?", metavar="NEW_NAME", help="its new name")
    move.add_argument("--path", metavar="PATH", help="where its weights go; the pointer follows")
    move.add_argument("--pointer", metavar="FILE", help="which of two pointers is meant")
    remove = verbs.add("rm", run_remove, summary="Stop versioning a model", description=_REMOVE)
    remove.add_argument("name", metavar="NAME", help="the model")
    remove.add_argument("--weights", action="store_true", help="remove the weights from disk too")


def run_move(
    session: Session, *, name: str, new_name: str | None, path: str | None, pointer: str | None
) -> int:
    """Rename or move a model."""
    from gitmodel.workflows.mv import rename

    with session.project() as project:
        report = rename(project, name, new_name=new_name, path=path, pointer=pointer)
    output = session.output
    if report.name != report.old_name:
        output.say(f"{report.old_name} is called {report.name} now")
    if report.path != report.old_path:
        output.say(f"{report.old_path} is {report.path} now")
        if not report.moved_weights:
            output.note(f"no weights are on disk; they come with: gitmodel checkout {report.name}")
    output.say(f"staged {report.pointer_path}")
    return 0


def run_remove(session: Session, *, name: str, weights: bool) -> int:
    """Remove a pointer."""
    from gitmodel.workflows.mv import remove

    with session.project() as project:
        report = remove(project, name, weights=weights)
    output = session.output
    output.say(f"{report.name} is no longer versioned; staged the removal of {report.pointer_path}")
    if report.weights_removed:
        output.say(f"removed {report.weights_path}")
    else:
        output.say(f"{report.weights_path} stays on disk")
    return 0
