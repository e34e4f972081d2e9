"""Which of the paths that were typed are added, and which are passed over.

One path is taken at its word. Of several, a shell may have made the list: pointers, litter and files
that Git has are passed over, and said to be. What nobody can have meant to pass over is refused, and then
nothing is added.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.glob_filter import is_beside, is_litter, is_ours
from gitmodel.domain.reference import has_weights_ending
from gitmodel.errors import GitmodelError, UsageError
from gitmodel.git.check_ignore import tracked
from gitmodel.project.adding.targets import (
    Targets,
    place_of,
    refuse_leaving,
    refuse_together,
    refuse_tracked,
    some,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitmodel.project.adding.items import Item
    from gitmodel.project.adding.targets import Target
    from gitmodel.project.models import Models
    from gitmodel.project.project import Project


@dataclass(slots=True)
class Choice:
    """What is added.

    Attributes:
        items: By path, each place once.
        left_out: What is not, in words.
    """

    items: list[Item] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def choose(
    project: Project,
    models: Models,
    paths: Sequence[str],
    name: str | None,
    prepare: Callable[[Target], Item],
) -> Choice:
    """Choose among paths, and look at what is there.

    Args:
        project: The project.
        models: Those of the work tree.
        paths: As typed.
        name: The model, if it was named.
        prepare: Looks at one target.

    Raises:
        GitmodelError: One cannot be added; then none should be.
    """
    chosen = Choice()
    targets = Targets(project.root, models, project.typed)
    errors: list[tuple[str, GitmodelError]] = []
    places = _places(project, targets, paths, errors, chosen.left_out)
    in_git = tracked(project.repository, places)
    for place, path in places.items():
        try:
            if place in in_git:
                _pass_tracked(targets, path, place, name, chosen.left_out, several=len(paths) > 1)
                continue
            target = targets.find(place, name)
            refuse_leaving(project, target)
            chosen.items.append(prepare(target))
        except GitmodelError as error:
            errors.append((path, error))
    refuse_together(errors, len(paths))
    if not chosen.items:
        raise UsageError(
            f"none of the {len(paths):,} paths is weights: {chosen.left_out[0]}",
            hint="gitmodel add PATH, which takes one path at its word",
        )
    return chosen


def _places(
    project: Project,
    targets: Targets,
    paths: Sequence[str],
    errors: list[tuple[str, GitmodelError]],
    left_out: list[str],
) -> dict[str, str]:
    """The places to be added, each with its path as typed."""
    places: dict[str, str] = {}
    passed: dict[str, list[str]] = {}
    beside: dict[str, str] = {}
    for path in paths:
        file = path.rstrip("/").rpartition("/")[2]
        if len(paths) > 1 and (is_ours(file) or is_litter(file)):
            what = "files of gitmodel's own" if is_ours(file) else "files that are no weights"
            passed.setdefault(what, []).append(path)
            continue
        try:
            place = place_of(project, path)
        except GitmodelError as error:
            errors.append((path, error))
            continue
        doubtful = len(paths) > 1 and is_beside(file) and targets.at(place) is None
        (beside if doubtful else places).setdefault(place, path)
    if places and beside:
        passed["files that lie beside weights mostly"] = list(beside.values())
    left_out += [f"{what}: {some(found)}" for what, found in passed.items()]
    return places or beside


def _pass_tracked(
    targets: Targets, path: str, place: str, name: str | None, left_out: list[str], *, several: bool
) -> None:
    """Pass over what Git has, where that is no mistake.

    Raises:
        WeightsError: It is.
    """
    if several and targets.inside(place):
        left_out.append(f"{path}, a folder that holds models")
    elif several and not has_weights_ending(path):
        left_out.append(f"{path}, which is tracked by Git itself")
    else:
        refuse_tracked(targets, path, place, name)
