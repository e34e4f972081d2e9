"""`gitmodel add`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.cli.output import Paint
from gitmodel.cli.wording import size_text

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.workflows.add import AddReport

_ADD = """\
PATH is a file or a folder. Equal content keeps its version. After the first
time `git commit` does this by itself whenever the weights have changed."""


def add_parser(verbs: Verbs) -> None:
    """Describe the verb."""
    add = verbs.add(
        "add",
        run,
        summary="Register weights as a model, or as its next version",
        description=_ADD,
        json=True,
    )
    add.add_argument("path", metavar="PATH", help="the weights")
    add.add_argument(
        "-M",
        "--metric",
        dest="metrics",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="how good they are; can be repeated",
    )
    add.add_argument(
        "--metrics",
        dest="metrics_file",
        metavar="FILE",
        help="metrics from a JSON, YAML or TOML file, read again for later versions",
    )
    add.add_argument(
        "--param",
        dest="params",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what the run was given; can be repeated",
    )
    add.add_argument("--params", dest="params_file", metavar="FILE", help="params from a file")
    add.add_argument("--run-id", metavar="ID", help="the run that made them")
    add.add_argument("--name", metavar="NAME", help="name of the model; by default from the path")
    add.add_argument("-m", "--message", metavar="TEXT", help="commit with this message")
    add.add_argument("--follow", action="store_true", help="store what symbolic links point to")
    add.add_argument(
        "--base",
        metavar="REF",
        help="the model it was fine-tuned from: only differences are stored",
    )


def run(
    session: Session,
    *,
    path: str,
    metrics: list[str],
    metrics_file: str | None,
    params: list[str],
    params_file: str | None,
    run_id: str | None,
    name: str | None,
    message: str | None,
    follow: bool,
    base: str | None,
) -> int:
    """Store the weights and stage their pointer."""
    from gitmodel.workflows.add import add
    from gitmodel.workflows.metadata import Given

    given = Given(
        metrics=tuple(metrics),
        params=tuple(params),
        metrics_file=metrics_file,
        params_file=params_file,
        run_id=run_id,
    )
    with session.project() as project:
        report = add(
            project, path, given=given, name=name, message=message, follow=follow, base=base
        )
    output = session.output
    for warning in report.warnings:
        output.warn(warning)
    if output.as_json:
        output.json(report)
        return 0
    output.say(*_summary(report))
    output.detail(f"{report.digest}  {size_text(report.stored)} stored")
    if report.committed is not None:
        output.say(f"committed {report.committed[:10]}")
    return 0


def _summary(report: AddReport) -> list[str | Paint]:
    parts: list[str | Paint] = [Paint(report.name, "strong"), f"  v{report.version}"]
    if not report.changed:
        return [*parts, "  unchanged"]
    if report.was is not None:
        same = report.was == report.version
        parts.append(" (same weights)" if same else f" (was v{report.was})")
    return [*parts, f"  {size_text(report.size)}  {report.pointer_path}"]
