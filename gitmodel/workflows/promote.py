"""`gitmodel promote`: let an alias of a model mean another version, or remove the alias."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.domain.aliases import Alias, alias_path_for
from gitmodel.domain.pointer import Previous
from gitmodel.domain.reference import check_alias
from gitmodel.errors import UnknownReferenceError
from gitmodel.project.alias_changes import AliasChange, committed_alias, stage_change
from gitmodel.project.aliases import find_alias
from gitmodel.project.models import require_model
from gitmodel.project.references import resolve

if TYPE_CHECKING:
    from gitmodel.domain.reference import Reference
    from gitmodel.project.project import Project

NONE = "none"  # the reference NAME@none removes an alias


def promote(
    project: Project, reference: Reference, alias: str, *, why: str | None = None
) -> AliasChange:
    """Let an alias mean a version; NAME@none removes the alias. The file is staged.

    Raises:
        UnknownReferenceError: There is no such version, or no such alias to remove.
        ModelNameError: The alias is not valid.
        AliasError: The present file of the alias does not parse.
    """
    check_alias(alias)
    model = require_model(project, reference.name)
    path = alias_path_for(model.path, alias)
    removes = reference.kind == "word" and reference.value == NONE
    pointer = None if removes else resolve(project, reference).pointer
    now = find_alias(project, reference.name, alias)
    before = committed_alias(project, model.path, alias)
    after = None
    if pointer is not None:
        previous = None if before is None else Previous(before.version, before.digest)
        after = Alias.of(alias, pointer, previous=previous, why=why)
    elif now is None:
        raise UnknownReferenceError(
            f"there is no {reference.name}@{alias}",
            hint=f"gitmodel show {reference.name}",
            model=reference.name,
        )
    change = AliasChange(name=model.name, alias=alias, path=path, before=before, after=after)
    if now is not None and after is not None and now.alias.means(after):
        return change
    return stage_change(project, change)
