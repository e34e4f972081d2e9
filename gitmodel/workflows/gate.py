"""`gitmodel gate`: judge a request, or one version against another, by the rules of `.gitmodel.yaml`.

Guarantee: neither the network nor the store is used, and nothing is written; but in a large repository a look at
history may write its index, as in `gitmodel log`, and with `confirm_run` the trackers of runs are asked.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gitmodel.domain.gates.rules import Limit, Rule, judge
from gitmodel.domain.metrics import as_decimal, parse_assignment
from gitmodel.domain.reference import Reference
from gitmodel.domain.text.escape import quote_text
from gitmodel.errors import GitmodelError, RepositoryError, UnknownReferenceError, UsageError
from gitmodel.project.committed_models import find_in_tree
from gitmodel.project.gates.by_hand import Bench, changed_pointers
from gitmodel.project.gates.measured import JudgedMetrics
from gitmodel.project.gates.registration import baseline_from_pointer
from gitmodel.project.models import require_model
from gitmodel.project.references import file_of_alias, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.domain.gates.rules import Kind
    from gitmodel.project.gates.judged import GateCheck
    from gitmodel.project.project import Project

GOOD, BAD, CANNOT_BE_JUDGED = 0, 1, 125  # what git-bisect(1) expects of the program that it runs
_BISECTED = ("BISECT_HEAD", "HEAD")  # `git bisect start --no-checkout` leaves HEAD where it is


def is_request(project: Project) -> bool:
    """Whether the environment is that of CI, where a request is judged unless something else is asked for."""
    from gitmodel.project.gates.ci_base import is_ci

    return is_ci(project.context.environment)


def gate_request(
    project: Project,
    base: str | None,
    *,
    names: Sequence[str] = (),
    metrics_file: str | None = None,
    confirm_run: bool = False,
) -> GateCheck:
    """Judge what HEAD changes compared with a base, by the rules of that base.

    Args:
        project: The project; its work tree is not looked at.
        base: A revision; None takes the target branch from the environment of CI.
        names: Only these models; all if empty.
        metrics_file: Judge these metrics instead of those that the request declares.
        confirm_run: Judge the metrics that the tracker has of each version's run; a run that cannot be read is a
            problem.

    Raises:
        UsageError: Nothing names a base, or it is not clear whose metrics were measured.
        UnknownReferenceError: The base is not in this clone, or there is no model of a name.
        RepositoryError: Base and HEAD have no common commit in this clone.
        ConfigError: The configuration of the base is not valid, or cannot be read.
        TextError: The file of metrics does not parse.
    """
    from gitmodel.project.gates.ci_base import base_of_request
    from gitmodel.project.gates.request import judge_request

    head = _head(project)
    if project.history.lacks_trees():
        raise RepositoryError(
            "this clone has no trees of old commits, so nothing says what HEAD changes",
            hint="git fetch --refetch --filter=blob:none",
        )
    found = base_of_request(project, base, head)
    metrics = _metrics(project, metrics_file, confirm_run=confirm_run)
    return judge_request(project, found, head, names=names, metrics=metrics)


def gate_models(
    project: Project,
    names: Sequence[str] = (),
    *,
    rules: Sequence[Rule] = (),
    gates_file: str | None = None,
    metrics_file: str | None = None,
    confirm_run: bool = False,
) -> GateCheck:
    """Judge models of the work tree against HEAD.

    Args:
        project: The project.
        names: Which models; those whose pointers differ from HEAD's if empty.
        rules: Only these; the register rules of the configuration if empty.
        gates_file: A file with `gates` and `better`; HEAD's configuration if None.
        metrics_file: Judge these metrics of the only model instead of those that its pointer declares.
        confirm_run: Judge the metrics that the tracker has of each version's run.

    Raises:
        UnknownReferenceError: There is no model of a name.
        ConfigError: The gates are not valid.
        UsageError: It is not clear whose metrics were measured.
        TextError: The file of metrics does not parse.
    """
    head = project.reader.resolve("HEAD")
    if names:
        pointers = [require_model(project, name).pointer for name in names]
        problems: list[GitmodelError] = []
    else:
        pointers, problems = changed_pointers(project, head)
    if metrics_file is not None and len(pointers) != 1:
        raise UsageError(
            f"gitmodel gate: {len(pointers)} models are changed; nothing says whose metrics these are",
            hint="gitmodel gate --metrics FILE NAME",
        )
    metrics = _metrics(project, metrics_file, confirm_run=confirm_run)
    bench = Bench(project, head, gates_file, rules, metrics)
    changes = []
    for pointer in pointers:
        try:
            changes.append(bench.judge(pointer, bench.baseline(pointer.name)))
        except GitmodelError as error:
            problems.append(error.about(pointer.name))
    return bench.check(changes, problems, against="HEAD" if head is None else f"HEAD ({head[:10]})")


def gate_versions(
    project: Project,
    baseline: Reference,
    candidate: Reference | None = None,
    *,
    rules: Sequence[Rule] = (),
    gates_file: str | None = None,
    metrics_file: str | None = None,
    confirm_run: bool = False,
) -> GateCheck:
    """Judge one version against another; the rules are those for the alias that the baseline names, if any.

    Args:
        project: The project.
        baseline: What is compared with.
        candidate: What is judged; the model's pointer in the work tree if None.
        rules: Only these, if any.
        gates_file: A file with `gates` and `better`; HEAD's configuration if None.
        metrics_file: Judge these metrics instead of those that the candidate declares.
        confirm_run: Judge the metrics that the tracker has of the candidate's run.

    Raises:
        UnknownReferenceError: There is no such version.
        ConfigError: The gates are not valid.
        TextError: The file of metrics does not parse.
    """
    head = project.reader.resolve("HEAD")
    metrics = _metrics(project, metrics_file, confirm_run=confirm_run)
    start = resolve(project, baseline).pointer
    pointer = resolve(project, candidate or Reference(baseline.name, "latest")).pointer
    file = file_of_alias(project, baseline)
    alias = None if file is None else file.alias.alias
    bench = Bench(project, head, gates_file, rules, metrics)
    change = bench.judge(pointer, baseline_from_pointer(start), alias=alias)
    return bench.check([change], [], against=str(baseline))


def bisect(project: Project, name: str, rules: Sequence[Rule]) -> tuple[int, str]:
    """Judge the version that the commit under bisection has: `git bisect run`.

    Returns the exit code for git-bisect(1), and what was found in words.
    """
    commit = next((oid for word in _BISECTED if (oid := project.reader.resolve(word))), None)
    model = None if commit is None else find_in_tree(project, commit, name)
    if model is None or commit is None:
        return CANNOT_BE_JUDGED, f"{name}: there is no such model in this commit"
    title = f"{name} v{model.pointer.version} in {commit[:10]}"
    metrics = model.pointer.metrics
    missing = [rule.metric for rule in rules if rule.metric not in metrics]
    if missing:
        return CANNOT_BE_JUDGED, f"{title}: {', '.join(missing)} is missing"
    bad = [one for one in judge(rules, metrics, None) if not one.passes]
    told = ", ".join(f"{one.rule.metric} {one.candidate} ({one.reason})" for one in bad)
    return (BAD, f"{title}: bad: {told}") if bad else (GOOD, f"{title}: good")


def bounds(least: Sequence[str], most: Sequence[str]) -> tuple[Rule, ...]:
    """The rules of `--min NAME=NUMBER` and `--max NAME=NUMBER`.

    Raises UsageError if one is not of that form, or the number is not finite.
    """
    return (*(_bound("min", text) for text in least), *(_bound("max", text) for text in most))


def _bound(kind: Kind, text: str) -> Rule:
    name, value = parse_assignment(text)
    number = as_decimal(value)
    if number is None:
        raise UsageError(
            f"gitmodel gate: --{kind} {quote_text(text)} has no finite number",
            hint=f"write it as --{kind} auc=0.92",
        )
    return Rule(name, kind, Limit(number))


def _head(project: Project) -> str:
    head = project.reader.resolve("HEAD")
    if head is None:
        raise UnknownReferenceError("there is no commit yet", hint="git commit")
    return head


def _metrics(project: Project, path: str | None, *, confirm_run: bool) -> JudgedMetrics:
    """Which metrics are judged; of a file, notes what was left out."""
    if confirm_run:
        from gitmodel.project.gates.confirmed import metrics_of_run

        return JudgedMetrics("confirmed", read_run=partial(metrics_of_run, project))
    if path is None:
        return JudgedMetrics()
    from gitmodel.project.adding.metadata import MetadataInput, collect_metadata

    found = collect_metadata(project, MetadataInput(metrics_file=path), None)
    for note in found.left_out:
        project.context.note(note)
    return JudgedMetrics("measured", found.metrics)
