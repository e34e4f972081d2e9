"""`gitmodel diff`: what differs between two versions, without fetching their weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.reference import Reference
from gitmodel.errors import GitmodelError, RepositoryError, UnknownReferenceError, UsageError
from gitmodel.project.aliases import find_alias
from gitmodel.project.committed_models import models_in_tree
from gitmodel.project.comparing.versions import Comparer
from gitmodel.project.models import read_models

if TYPE_CHECKING:
    from gitmodel.project.comparing.versions import Compared, VersionChange
    from gitmodel.project.project import Project

_DEFAULT_ALIAS = "production"


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs between two states of a repository.

    Attributes:
        against: The state before: a revision, or `HEAD`.
        changes: The models, and aliases, that mean other versions than before; or other metrics of one.
        added: Versions of models that did not exist before.
        removed: Names of models and aliases that exist no longer.
        problems: An error for each file that does not parse, or version that is not known.
    """

    against: str
    changes: tuple[VersionChange, ...] = ()
    added: tuple[Compared, ...] = ()
    removed: tuple[str, ...] = ()
    problems: tuple[GitmodelError, ...] = ()


def diff(
    project: Project, first: str, second: str | None = None, *, with_stats: bool = False
) -> VersionChange:
    """Compare two versions.

    One reference is compared with the version that the work tree's pointer names. A name alone means its
    `production` if that is another version, else the version before. `@7` as the second is of the same model,
    as the first of the only model of the work tree.
    `with_stats` also reads the changed tensors, for how far they moved.

    Raises UnknownReferenceError if a reference means nothing, or there is no version to compare with,
    UsageError if there are several models and none is named.
    """
    comparer = Comparer(project, with_stats=with_stats)
    return comparer.compare(*_sides(project, comparer, first, second))


def _sides(
    project: Project, comparer: Comparer, first: str, second: str | None
) -> tuple[Compared, Compared]:
    if first.startswith("@"):
        first = _only_model(project) + first
    wanted = Reference.parse(first)
    if second is not None:
        other = f"{wanted.name}{second}" if second.startswith("@") else second
        return comparer.named(wanted), comparer.named(Reference.parse(other))
    now = comparer.named(Reference(wanted.name, "latest"))
    if wanted.kind != "latest":
        return comparer.named(wanted), now
    production = find_alias(project, wanted.name, _DEFAULT_ALIAS)
    if production is not None and production.alias.digest != now.pointer.digest:
        return comparer.of_alias(production.alias), now
    before = now.pointer.previous
    if before is None:
        raise UnknownReferenceError(
            f"{wanted.name}@{now.pointer.version} has no version before it",
            hint=f"gitmodel show {wanted.name}",
            model=wanted.name,
        )
    return comparer.named(Reference(wanted.name, "digest", before.digest.hex)), now


def _only_model(project: Project) -> str:
    """The name of the only model of the work tree."""
    names = [] if project.repository.work_tree is None else read_models(project).names()
    if len(names) != 1:
        raise UsageError(
            "gitmodel diff: the first version needs the name of its model",
            hint="gitmodel diff NAME@1 @2",
        )
    return names[0]


def changed_models(project: Project, *, with_stats: bool = False) -> Differences:
    """Compare the models of the work tree whose pointers differ from HEAD's with HEAD's.

    `with_stats` also reads the changed tensors, for how far they moved.

    Raises RepositoryError without a work tree.
    """
    if project.repository.work_tree is None:
        raise RepositoryError("a bare repository has no work tree", hint="gitmodel diff NAME@1 @2")
    head = project.reader.resolve("HEAD")
    before = {} if head is None else {m.name: m for m in models_in_tree(project, head)}
    present = read_models(project)
    broken = {path for path, _ in present.broken}
    comparer = Comparer(project, with_stats=with_stats)
    changed = [m for m in present.models if m.name in before and before[m.name].raw != m.raw]
    gone = before.keys() - set(present.names())
    return Differences(
        "HEAD",
        changes=comparer.compare_all(
            (comparer.of_model(before[m.name]), comparer.of_model(m)) for m in changed
        ),
        added=tuple(comparer.of_model(m) for m in present.models if m.name not in before),
        removed=tuple(sorted(name for name in gone if before[name].path not in broken)),
        problems=tuple(error for _, error in present.broken),
    )


def requested_changes(
    project: Project, base: str | None, *, with_stats: bool = False
) -> Differences:
    """Compare what HEAD changes with a base, as `gitmodel gate` does: new versions, and what aliases mean.

    Args:
        project: The project; its work tree is not looked at.
        base: A revision; None takes the target branch from the environment of CI.
        with_stats: Also read the changed tensors, for how far they moved.

    Raises:
        UsageError: Nothing names a base.
        UnknownReferenceError: The base is not in this clone.
        RepositoryError: Base and HEAD have no common commit in this clone.
    """
    from gitmodel.project.gates.changed import changes_of
    from gitmodel.project.gates.ci_base import base_of_request

    head = project.reader.resolve("HEAD")
    if head is None:
        raise UnknownReferenceError("there is no commit yet", hint="git commit")
    found = base_of_request(project, base, head, hint="gitmodel diff --base REV")
    changes = changes_of(project, found, head)
    comparer = Comparer(project, with_stats=with_stats)
    problems = list(changes.broken)
    pairs = [
        (comparer.of_model(one.before), comparer.of_model(one.after))
        for one in changes.pointers
        if one.before is not None
    ]
    for alias in changes.aliases:
        if alias.before is not None and alias.before.digest != alias.after.digest:
            try:
                pairs.append((comparer.of_alias(alias.before), comparer.of_alias(alias.after)))
            except GitmodelError as error:
                problems.append(error)
    return Differences(
        found.reference,
        changes=comparer.compare_all(pairs),
        added=tuple(comparer.of_model(one.after) for one in changes.pointers if not one.before),
        removed=changes.removed,
        problems=tuple(problems),
    )


def is_request(project: Project) -> bool:
    """Whether the environment is that of CI, where HEAD is compared with the branch that a request is for."""
    from gitmodel.project.gates.ci_base import is_ci

    return is_ci(project.context.environment)
