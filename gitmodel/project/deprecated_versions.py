"""Warns about deprecated versions before their weights are used, or refuses them.

`GITMODEL_NO_DEPRECATED=1` refuses; the option `--no-deprecated` sets it for one command. Hooks do not look.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.domain.deprecations import Deprecations, deprecations_path_for
from gitmodel.errors import GitmodelError
from gitmodel.project.aliases import deprecations_of
from gitmodel.project.models import read_pointer_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitmodel.project.models import Model
    from gitmodel.project.project import Project

REFUSE_VARIABLE = "GITMODEL_NO_DEPRECATED"


def is_refusing(environment: Mapping[str, str]) -> bool:
    """Whether deprecated versions are refused instead of warned about."""
    return environment.get(REFUSE_VARIABLE, "") not in ("", "0")


def check_deprecated(
    project: Project, models: Sequence[Model], command: str, *, options: str = ""
) -> None:
    """Warn once about each deprecated version; a file of deprecations that does not parse is a warning too.

    `command` (such as `gitmodel checkout`) and its `options` behind the version are what to run with
    another one. If deprecated versions are refused, raises GitmodelError for one of these, AliasError for
    such a file.
    """
    refuses = is_refusing(project.context.environment)
    for model in dict.fromkeys((m.name, m.pointer.version, m.path) for m in models):
        name, version, path = model
        try:
            found = deprecations_beside(project, name, path).versions.get(version)
        except GitmodelError as error:
            if refuses:
                raise
            project.context.note(f"{error}; so nothing is known about deprecated versions")
            continue
        if found is None:
            continue
        words = f"{name}@{version} is {found.words()}"
        if refuses:
            raise GitmodelError(
                words,
                hint=f"gitmodel log {name}"
                if found.instead is None
                else f"{command} {name}@{found.instead} {options}".rstrip(),
                model=name,
            )
        project.context.note(
            words if found.instead is None else f"{words}; use {name}@{found.instead} instead"
        )


def deprecations_beside(project: Project, name: str, pointer_path: str) -> Deprecations:
    """The deprecations beside a pointer in the work tree, else those of the model where it is now.

    Raises AliasError if they do not parse.
    """
    if project.repository.work_tree is not None and os.path.lexists(
        os.path.join(project.root, pointer_path)
    ):
        path = deprecations_path_for(pointer_path)
        raw = read_pointer_file(project.root, path)
        return Deprecations() if raw is None else Deprecations.from_text(raw, what=path)
    return deprecations_of(project, name)
