"""`gitmodel status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.format import size_text
from gitmodel.cli.output import Paint
from gitmodel.project.clone import hooks_folder_of

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.project.project import Project
    from gitmodel.workflows.status import ModelStatus

_STATUS = """\
Compares the weights on disk, what was last added or checked out here, and the
pointers. It does not ask the remote. Exit code 1: a pointer or an
alias is broken."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    status = verbs.add(
        "status",
        run,
        summary="Show which models have new, stale or missing weights",
        description=_STATUS,
        json=True,
    )
    status.add_argument(
        "--rehash",
        action="store_true",
        help="read all weights, even if their size and times have not changed",
    )


def run(session: Session, *, rehash: bool) -> int:
    """Show every model of the work tree."""
    from gitmodel.workflows.status import status

    with session.project() as project:
        report = status(project, rehash=rehash)
        missing = _missing_hooks(project)
    output = session.output
    if output.as_json:
        from gitmodel.cli.json_output import plain

        content = plain(report)
        assert isinstance(content, dict)  # noqa: S101  (a report is a dataclass)
        output.json({"clean": report.clean, **content, "hooks_missing": missing})
    else:
        output.table([_row(model) for model in report.models])
        if not report.models and not report.broken:
            output.line("no models yet")
            output.hint("gitmodel add PATH")
        output.detail(f"remote {report.remote}")
    for error in report.broken:
        output.error(error)
    for weights in report.exposed:
        output.warn(f"{weights.path}, the weights of {weights.name}, is {weights.problem}")
        output.hint(weights.next_command)
    if missing:
        output.warn(f"hooks that are not installed in this clone: {', '.join(missing)}")
        output.hint("gitmodel install")
    return 1 if report.broken else 0


def _missing_hooks(project: Project) -> list[str]:
    """Of the two hooks that carry the promises, those that Git has nothing to run for.

    A hook of another tool may well run ours; `gitmodel doctor` looks closer.
    """
    from gitmodel.githooks.inspect import HookState, find

    folder = hooks_folder_of(project)
    nothing = {HookState.ABSENT, HookState.NOT_EXECUTABLE}
    return [name for name in ("pre-commit", "pre-push") if find(folder, name).state in nothing]


def _row(model: ModelStatus) -> list[str | Paint]:
    state = _state(model)
    return [
        Paint(model.name, "strong"),
        f"v{model.version}",
        size_text(model.size),
        state,
        Paint(model.next_command, "quiet"),
    ]


def _state(model: ModelStatus) -> Paint:
    """One word for how far the model has come: changed, committed, published."""
    word = str(model.state)
    if model.refused:
        return Paint(f"refused: {'; '.join(model.refused)}", "bad")
    if word != "clean":
        bad = word in ("choose", "stale")
        return Paint(
            "changed, and so has the pointer" if word == "choose" else word,
            "bad" if bad else "doubt",
        )
    if not model.committed:
        return Paint("not committed", "doubt")
    return Paint("pushed", "good") if model.published else Paint("not pushed", "doubt")
