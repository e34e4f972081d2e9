"""`gitmodel add`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitmodel.cli.format import size_text
from gitmodel.cli.output import Paint
from gitmodel.cli.parsers import add_direction
from gitmodel.errors import GateError, UsageError

if TYPE_CHECKING:
    import argparse

    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.domain.gates.rules import Direction
    from gitmodel.workflows.add import AddedMany, AddReport, IfBetter

_ADD = """\
PATH is a file or a folder; each is a model of its own, and metrics, params and
run id are recorded for each. Equal content keeps its version. After the first
time `git commit` does this by itself whenever the weights have changed.

If one of several paths cannot be added, none is; those that a gate refuses
are left out. A pattern such as models/* also names pointers, documents and
files that Git tracks; these are left out too.
--name NAME of a model that exists makes the weights its next version, wherever
they are: after a rename, or in another format.

Weights that the gate of the model refuses (`gates:` in .gitmodel.yaml, or
--if-better) are neither stored nor numbered (exit code 3). They stay on disk;
`gitmodel log NAME --rejected` lists such runs."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    add = verbs.add(
        "add",
        run,
        summary="Register weights as a model, or as its next version",
        description=_ADD,
        json=True,
    )
    add.add_argument("paths", metavar="PATH", nargs="+", help="the weights")
    add.add_argument(
        "-M",
        "--metric",
        dest="metrics",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="metric of these weights; can be repeated",
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
        help="training parameter; can be repeated",
    )
    add.add_argument(
        "--params", dest="params_file", metavar="FILE", help="training parameters from a file"
    )
    add.add_argument(
        "--run-id", metavar="ID", help="id of the training run, and nothing else of it"
    )
    add.add_argument(
        "--run",
        dest="training_run",
        metavar="RUN",
        help="the training run, with metrics and params: mlflow:ID, wandb:ID, auto (found by the times of"
        " runs and weights, or by files beside them), none",
    )
    add.add_argument("--name", metavar="NAME", help="name of the model; by default from the path")
    add.add_argument("-m", "--message", metavar="TEXT", help="commit with this message")
    add.add_argument("--follow", action="store_true", help="store what symbolic links point to")
    add.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="exclude such files of a folder, also in later versions: *.swp, optimizer*; can be repeated",
    )
    add.add_argument(
        "--no-exclude", action="store_true", help="drop the exclude patterns of the folder"
    )
    add.add_argument(
        "--rehash",
        action="store_true",
        help="read the weights even if their size and times have not changed",
    )
    add.add_argument(
        "--base",
        metavar="REF",
        help="the model it was fine-tuned from: only differences are stored",
    )
    _add_gate(add)


def _add_gate(add: argparse.ArgumentParser) -> None:
    add.add_argument(
        "--if-better",
        metavar="METRIC[,METRIC]",
        help="only if these metrics are better than those of the baseline",
    )
    add.add_argument(
        "--than",
        metavar="REF",
        help="baseline of --if-better; by default that of the gate, else the version of HEAD",
    )
    add_direction(add)
    add.add_argument(
        "--force", metavar="WHY", help="register although the gate refuses; the reason is kept"
    )
    add.add_argument(
        "--ok-if-refused", action="store_true", help="end with exit code 0 if the gate refuses"
    )


def run(
    session: Session,
    *,
    paths: list[str],
    metrics: list[str],
    metrics_file: str | None,
    params: list[str],
    params_file: str | None,
    run_id: str | None,
    training_run: str | None,
    name: str | None,
    message: str | None,
    follow: bool,
    base: str | None,
    exclude: list[str],
    no_exclude: bool,
    rehash: bool,
    if_better: str | None,
    than: str | None,
    better: Direction | None,
    force: str | None,
    ok_if_refused: bool,
) -> int:
    """Store the weights and stage their pointer."""
    from gitmodel.project.adding.metadata import MetadataInput
    from gitmodel.workflows.add import Excluding, add_many, refusal

    given = MetadataInput(
        metrics=tuple(metrics),
        params=tuple(params),
        metrics_file=metrics_file,
        params_file=params_file,
        run_id=run_id,
        run=training_run,
    )
    with session.project() as project:
        done = add_many(
            project,
            paths,
            given=given,
            name=name,
            message=message,
            follow=follow,
            base=base,
            excluding=Excluding(tuple(exclude), no_exclude),
            rehash=rehash,
            if_better=_if_better(if_better, than, better),
            force=force,
        )
        refused = [refusal(project, one) for one in done.refused]
    if len(paths) == 1 and done.failed:
        raise done.failed[0][1]
    _tell(session, done, several=len(paths) > 1)
    for error in refused:
        session.output.failure(str(error), hint=error.hint)
    if done.failed:
        return 1
    return GateError.exit_code if refused and not ok_if_refused else 0


def _if_better(metrics: str | None, than: str | None, better: Direction | None) -> IfBetter | None:
    from gitmodel.workflows.add import IfBetter

    if metrics is None:
        if than is not None or better is not None:
            raise UsageError(
                "--than, --higher and --lower belong to --if-better",
                hint="gitmodel add PATH --if-better METRIC --higher",
            )
        return None
    names = tuple(dict.fromkeys(name.strip() for name in metrics.split(",") if name.strip()))
    if not names:
        raise UsageError("--if-better names no metric", hint="gitmodel add PATH --if-better METRIC")
    return IfBetter(names, than, better)


def _tell(session: Session, done: AddedMany, *, several: bool) -> None:
    output = session.output
    for text in done.left_out:
        output.note(f"left out {text}")
    told = [*(one.warnings for one in done.added), *(one.warnings for one in done.refused)]
    for warning in (text for warnings in told for text in warnings):
        output.warn(warning)
    if output.as_json:
        output.json(_as_json(done) if several else _single(done))
    else:
        for report in done.added:
            output.say(*_summary(report))
            output.detail(f"{report.digest}  {size_text(report.stored)} stored")
    for path, error in done.failed:
        output.failure(f"{path} was not added: {error}", hint=error.hint)
    if done.committed is not None:
        output.say(f"committed {done.committed[:10]}")


def _single(done: AddedMany) -> object:
    if done.refused:
        return done.refused[0].run
    return replace(done.added[0], committed=done.committed)


def _as_json(done: AddedMany) -> dict[str, object]:
    return {
        "added": done.added,
        "failed": [
            {"path": path, "message": str(error), "hint": error.hint} for path, error in done.failed
        ],
        "left_out": done.left_out,
        "refused": [refused.run._asdict() for refused in done.refused],
        "committed": done.committed,
    }


def _summary(report: AddReport) -> list[str | Paint]:
    parts: list[str | Paint] = [Paint(report.name, "strong"), f"  v{report.version}"]
    if not report.changed:
        return [*parts, "  unchanged"]
    if report.was is not None:
        parts.append(f" ({_before(report)})")
    return [*parts, f"  {size_text(report.size)}  {report.pointer_path}"]


def _before(report: AddReport) -> str:
    if report.same_weights:
        return "same weights"
    if report.was == report.version:
        return f"in place of other weights that were v{report.was}"
    return f"was v{report.was}"
