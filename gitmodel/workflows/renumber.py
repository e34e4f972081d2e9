"""`gitmodel renumber`: the next free number for a version whose number other content owns.

A new commit on top; history is never rewritten.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.errors import AliasError, GitmodelError, RemoteError, VersionTakenError
from gitmodel.project.aliases import aliases_of
from gitmodel.project.history.model_history import history_of, next_number
from gitmodel.project.history.version_owners import known_owner, read_owner
from gitmodel.project.models import blob_at, read_models, write_text_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.project.models import Model
    from gitmodel.project.project import Project
    from gitmodel.store.claims import Claim


@dataclass(frozen=True, slots=True)
class RenumberReport:
    """What `renumber` did about one model."""

    name: str
    was: int
    version: int
    commit: str | None


def renumber(
    project: Project,
    name: str,
    *,
    commit: bool = False,
    message: str | None = None,
    if_taken: bool = False,
) -> RenumberReport:
    """Give the current version of a model the next number that is free in history and on the remote.

    `commit` commits the pointer. With `if_taken`, nothing is changed unless other content has the number
    on the remote; for loops, where a push may have failed for another reason.

    Raises UnknownReferenceError if no model is called that, VersionTakenError if the number is this
    content's own, by its claim, and stays so, AliasError if an alias means this content under its present
    number, RemoteError if the remote cannot be asked, with `if_taken`.
    """
    model = read_models(project).require(name)
    pointer = model.pointer
    if if_taken and not _is_taken(read_owner(project, name, pointer.version), model):
        return RenumberReport(name, pointer.version, pointer.version, None)
    _refuse_own(project, model)
    return _renumbered(project, [model], commit=commit, message=message)[0]


def renumber_taken(
    project: Project, *, commit: bool = False, message: str | None = None
) -> list[RenumberReport]:
    """Renumber every model of the work tree whose number other content owns, in one commit.

    Raises RemoteError if the remote cannot be asked.
    """
    from gitmodel.store.parallel import for_each

    taken: list[str] = []

    def look(model: Model) -> None:
        if _is_taken(read_owner(project, model.name, model.pointer.version), model):
            taken.append(model.name)

    models = read_models(project)
    for_each(look, models.models)
    found = [models.require(name) for name in sorted(taken)]
    return _renumbered(project, found, commit=commit, message=message)


def _renumbered(
    project: Project, models: Sequence[Model], *, commit: bool, message: str | None
) -> list[RenumberReport]:
    numbers = {model.name: _free_number(project, model) for model in models}
    for model in models:
        _refuse_served(project, model, numbers[model.name])
    for model in models:
        changed = replace(model.pointer, version=numbers[model.name])
        write_text_file(project.root, model.path, changed.to_text())
    paths = [model.path for model in models]
    made = None
    if paths:
        project.index.stage(paths)
    if paths and commit:
        changes = [
            f"{m.name}: version {m.pointer.version} becomes {numbers[m.name]}" for m in models
        ]
        text = message or (
            changes[0] if len(changes) == 1 else "\n".join(["renumber", "", *changes])
        )
        project.repository.run("commit", "--quiet", "-m", text, "--", *paths)
        made = project.repository.head()
    return [RenumberReport(m.name, m.pointer.version, numbers[m.name], made) for m in models]


def _is_taken(claim: Claim | None, model: Model) -> bool:
    return claim is not None and claim.digest != model.pointer.digest


def _refuse_own(project: Project, model: Model) -> None:
    """Refuse to move content away from the number that it owns: references to it would break."""
    name, pointer = model.name, model.pointer
    owner = None
    with suppress(GitmodelError):  # said once, where the next number is looked for
        owner = known_owner(project, name, pointer.version)
    if owner == pointer.digest.hex:
        raise VersionTakenError(
            f"version {pointer.version} belongs to this content ({pointer.digest.short}), which was "
            "pushed under it first",
            hint="nothing needs a new number here; on the branch that has other content under "
            f"{pointer.version}: gitmodel renumber {name} --commit",
            model=name,
        )


def _refuse_served(project: Project, model: Model, number: int) -> None:
    """Refuse to take a number from content that an alias means under it: alias files are not renumbered.

    `promote` refuses a version that is not on the primary, so such a file was made by hand.
    """
    digest = model.pointer.digest
    files = aliases_of(project, model.name).files
    found = [f for f in files if f.alias.digest == digest and f.alias.version != number]
    if found:
        alias = found[0].alias
        commit = "" if blob_at(project, "HEAD", found[0].path) is None else " --commit"
        raise AliasError(
            f"{alias} means version {alias.version} ({digest.short}), which would become version {number}",
            hint=f"gitmodel promote {model.name}@none {alias.alias}{commit}, then gitmodel renumber "
            f"{model.name} --commit, then git push, then gitmodel promote {model.name}@{number} {alias.alias}",
            model=model.name,
        )


def _free_number(project: Project, model: Model) -> int:
    """The number for content that lost its own: one that it has elsewhere, else the first free one.

    Free is what nobody has in history or by a claim; while offline, as far as is known here.
    """
    name, pointer = model.name, model.pointer
    history = history_of(project, name)
    number = max(next_number(project, history), pointer.version + 1)
    has = history.naming.number_of(pointer.digest.hex)
    if has is not None and history.naming.meaning(has) != pointer.digest.hex:
        has = None
    try:
        if has is not None and has != pointer.version and _may_have(project, model, has):
            return has
        while not _may_have(project, model, number):
            number += 1
    except RemoteError as error:
        project.context.note(
            f"{name}: {error}; version {number} is free as far as this clone knows"
        )
    return number


def _may_have(project: Project, model: Model, number: int) -> bool:
    """Whether a number is unclaimed, or claimed for this content."""
    claim = read_owner(project, model.name, number)
    return claim is None or claim.digest == model.pointer.digest
