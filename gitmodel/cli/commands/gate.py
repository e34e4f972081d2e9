"""`gitmodel gate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitmodel.errors import GitmodelError, UsageError

if TYPE_CHECKING:
    from gitmodel.cli.parsers import Verbs
    from gitmodel.cli.session import Session
    from gitmodel.domain.gates.rules import Rule
    from gitmodel.project.gates.judged import GateCheck
    from gitmodel.project.project import Project

_GATE = """\
In CI it judges what HEAD changes compared with the target branch of a request:
new versions by the register rules, changed aliases by the promote rules, as
.gitmodel.yaml on that branch has them. --base names another branch or commit.

By hand it judges models of the work tree against HEAD (gitmodel gate NAME), or
one version against another: gitmodel gate fraud@production fraud@7

Nothing is fetched and nothing is written; --confirm-run asks the tracker that
MLFLOW_TRACKING_URI names. Exit codes: 0 passed or not judged, 1 a problem that
no rule is about, 2 wrong use or configuration, 3 refused."""


def add_parser(verbs: Verbs) -> None:
    """Add the parser."""
    gate = verbs.add(
        "gate",
        run,
        summary="Judge new versions and promotions by the rules of gates",
        description=_GATE,
        json=True,
    )
    gate.add_argument(
        "words", nargs="*", metavar="NAME|REF", help="models; or one or two versions to compare"
    )
    gate.add_argument("--base", metavar="REV", help="judge what HEAD changes compared with this")
    gate.add_argument(
        "--gates", dest="gates_file", metavar="FILE", help="try the gates of this file, by hand"
    )
    gate.add_argument(
        "--metrics",
        dest="metrics_file",
        metavar="FILE",
        help="judge these metrics of one model, measured just now",
    )
    gate.add_argument(
        "--confirm-run",
        action="store_true",
        help="read the run of each new version from its tracker again, and judge the metrics found there",
    )
    gate.add_argument("--md", action="store_true", help="print Markdown for a comment on a request")
    gate.add_argument(
        "--min",
        dest="least",
        action="append",
        default=[],
        metavar="METRIC=X",
        help="judge by this alone, by hand: at least X (repeatable)",
    )
    gate.add_argument(
        "--max",
        dest="most",
        action="append",
        default=[],
        metavar="METRIC=X",
        help="judge by this alone, by hand: at most X (repeatable)",
    )
    gate.add_argument(
        "--bisect",
        action="store_true",
        help="for git bisect run: exit with 0 if HEAD's version meets --min and --max, else with 1; "
        "with 125 if it cannot be judged",
    )


def run(
    session: Session,
    *,
    words: list[str],
    base: str | None,
    gates_file: str | None,
    metrics_file: str | None,
    confirm_run: bool,
    md: bool,
    least: list[str],
    most: list[str],
    bisect: bool,
) -> int:
    """Judge, and say what is refused."""
    from gitmodel.cli.gate_output import (
        check_document,
        check_markdown,
        error_markdown,
        say_check,
        say_refusals,
    )
    from gitmodel.workflows.gate import bounds, gate_request, is_request

    output = session.output
    if bisect:
        is_alone = not (md or confirm_run) and (base, gates_file, metrics_file) == (None,) * 3
        return _bisect(session, words, least, most, is_alone=is_alone)
    by_hand = bool(least or most or gates_file or any("@" in word for word in words))
    if confirm_run and metrics_file is not None:
        raise UsageError(
            "gitmodel gate: give --metrics or --confirm-run", hint="gitmodel gate --help"
        )
    _refuse_mixtures(words, base, by_hand=by_hand, md=md, as_json=output.as_json)
    try:
        with session.project() as project:
            if base is not None or (not by_hand and is_request(project)):
                check = gate_request(
                    project, base, names=words, metrics_file=metrics_file, confirm_run=confirm_run
                )
            else:
                if is_request(project):
                    _refuse_nothing_judged(words, gates_file)
                options = _Options(bounds(least, most), gates_file, metrics_file, confirm_run)
                check = _by_hand(project, words, options)
    except GitmodelError as error:
        if md:
            output.verbatim(error_markdown(error))
        raise
    if output.as_json:
        output.json(check_document(check))
    elif md:
        output.verbatim(check_markdown(check))
        say_refusals(output, check)
    else:
        say_check(output, check)
    return check.exit_code


class _Options(NamedTuple):
    rules: tuple[Rule, ...]
    gates_file: str | None
    metrics_file: str | None
    confirm_run: bool


def _by_hand(project: Project, words: list[str], options: _Options) -> GateCheck:
    """Judge what the words name: models, or one or two versions."""
    from gitmodel.domain.reference import Reference
    from gitmodel.workflows.gate import gate_models, gate_versions

    if not any("@" in word for word in words):
        return gate_models(project, words, **options._asdict())
    references = [Reference.parse(word) for word in words]
    return gate_versions(project, *references, **options._asdict())


def _refuse_mixtures(
    words: list[str], base: str | None, *, by_hand: bool, md: bool, as_json: bool
) -> None:
    wrong = None
    if base is not None and by_hand:
        wrong = "--base goes with names of models, --metrics, --md and --json only"
    elif md and as_json:
        wrong = "give --md or --json"
    elif any("@" in word for word in words) and len(words) > 2:
        wrong = "give one or two versions"
    if wrong is not None:
        raise UsageError(f"gitmodel gate: {wrong}", hint="gitmodel gate --help")


def _refuse_nothing_judged(words: list[str], gates_file: str | None) -> None:
    """Refuse what is for a work tree with changes: in CI it has none, and everything would pass."""
    if not words or (gates_file is not None and not any("@" in word for word in words)):
        raise UsageError(
            "gitmodel gate: in CI, name what --gates, --min and --max are to judge",
            hint="gitmodel gate fraud@1 fraud@2 --gates FILE",
        )


def _bisect(
    session: Session, words: list[str], least: list[str], most: list[str], *, is_alone: bool
) -> int:
    """Judge one model at HEAD; whatever prevents that is reported as 125, so that Git skips the commit."""
    from gitmodel.domain.reference import check_name
    from gitmodel.workflows.gate import CANNOT_BE_JUDGED, bisect, bounds

    try:
        if len(words) != 1 or not (least or most) or not is_alone:
            raise UsageError(
                "gitmodel gate: --bisect needs the name of one model, and --min or --max",
                hint="gitmodel gate NAME --min METRIC=X --bisect",
            )
        with session.project() as project:
            code, told = bisect(project, check_name(words[0]), bounds(least, most))
    except GitmodelError as error:
        session.output.error(error)
        return CANNOT_BE_JUDGED
    session.output.note(told)
    return code
