"""Select which of the given paths to add.

A single path is always added or refused. Among several, which a shell glob may have produced, pointers,
temporary files and files tracked by Git are skipped with a note. If any other path cannot be added, nothing is
added.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.glob_filter import is_companion, is_gitmodel_file, is_temporary
from gitmodel.domain.reference import has_weights_ending
from gitmodel.errors import GitmodelError, UsageError
from gitmodel.git.ignore_rules import tracked_paths
from gitmodel.project.adding.targets import (
    Targets,
    list_some,
    refuse_leaving,
    refuse_together,
    refuse_tracked,
    work_tree_path,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitmodel.project.adding.items import Item
    from gitmodel.project.adding.targets import Target
    from gitmodel.project.models import Models
    from gitmodel.project.project import Project


@dataclass(slots=True)
class PathSelection:
    """The selected paths, and notes about the skipped ones."""

    items: list[Item] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def select_paths(
    project: Project,
    models: Models,
    paths: Sequence[str],
    name: str | None,
    prepare: Callable[[Target], Item],
) -> PathSelection:
    """Select paths, and prepare each. Raises the error of one that cannot be added: none should be then."""
    chosen = PathSelection()
    targets = Targets(project.root, models, project.typed)
    errors: list[tuple[str, GitmodelError]] = []
    chosen_paths = _weights_paths(project, targets, paths, errors, chosen.left_out)
    in_git = tracked_paths(project.repository, chosen_paths)
    for weights, path in chosen_paths.items():
        try:
            if weights in in_git:
                _pass_tracked(targets, path, weights, name, chosen.left_out, several=len(paths) > 1)
                continue
            target = targets.find(weights, name)
            refuse_leaving(project, target)
            chosen.items.append(prepare(target))
        except GitmodelError as error:
            errors.append((path, error))
    refuse_together(errors, len(paths))
    if not chosen.items:
        raise UsageError(
            f"none of the {len(paths):,} paths are weights: {chosen.left_out[0]}",
            hint="gitmodel add PATH, with a single path, which is never skipped",
        )
    return chosen


def _weights_paths(
    project: Project,
    targets: Targets,
    paths: Sequence[str],
    errors: list[tuple[str, GitmodelError]],
    left_out: list[str],
) -> dict[str, str]:
    """The paths of weights to add, each with the path as typed."""
    chosen_paths: dict[str, str] = {}
    passed: dict[str, list[str]] = {}
    beside: dict[str, str] = {}
    for path in paths:
        file = path.rstrip("/").rpartition("/")[2]
        if len(paths) > 1 and (is_gitmodel_file(file) or is_temporary(file)):
            what = (
                "gitmodel's own files" if is_gitmodel_file(file) else "files that are not weights"
            )
            passed.setdefault(what, []).append(path)
            continue
        try:
            weights = work_tree_path(project, path)
        except GitmodelError as error:
            errors.append((path, error))
            continue
        doubtful = len(paths) > 1 and is_companion(file) and targets.at(weights) is None
        (beside if doubtful else chosen_paths).setdefault(weights, path)
    if chosen_paths and beside:
        passed["files that usually accompany weights"] = list(beside.values())
    left_out += [f"{what}: {list_some(found)}" for what, found in passed.items()]
    return chosen_paths or beside


def _pass_tracked(
    targets: Targets,
    path: str,
    weights: str,
    name: str | None,
    left_out: list[str],
    *,
    several: bool,
) -> None:
    """Skip a path tracked by Git, unless that looks like a mistake."""
    if several and targets.inside(weights):
        left_out.append(f"{path}, a folder that contains models")
    elif several and not has_weights_ending(path):
        left_out.append(f"{path}, which is tracked by Git itself")
    else:
        refuse_tracked(targets, path, weights, name)
