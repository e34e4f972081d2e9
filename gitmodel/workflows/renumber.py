"""`gitmodel renumber`: the next free number for a version whose number somebody else has.

A new commit on top; history is never rewritten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.errors import RemoteError
from gitmodel.workflows.models import read_models, write_text_file
from gitmodel.workflows.references import history_of, next_number

if TYPE_CHECKING:
    from gitmodel.domain.pointer import Pointer
    from gitmodel.workflows.project import Project


@dataclass(frozen=True, slots=True)
class RenumberReport:
    """What `renumber` did."""

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

    Args:
        project: The project.
        name: The model.
        commit: Commit the pointer.
        message: Of that commit.
        if_taken: Change nothing unless other content has the number on the remote; for loops, where a
            push may have failed for another reason.

    Raises:
        UnknownReferenceError: No model is called that.
        RemoteError: With `if_taken`, the remote cannot be asked.
    """
    model = read_models(project).require(name)
    pointer = model.pointer
    if if_taken and not _is_taken(project, pointer):
        return RenumberReport(name, pointer.version, pointer.version, None)
    number = max(next_number(project, history_of(project, name)), pointer.version + 1)
    number = _free_on_remote(project, name, number)
    changed = replace(pointer, version=number)
    write_text_file(project.root, model.path, changed.to_text())
    project.index.stage([model.path])
    made = None
    if commit:
        text = message or f"{name}: version {pointer.version} becomes {number}"
        project.repository.run("commit", "--quiet", "-m", text, "--", model.path)
        made = project.repository.head()
    return RenumberReport(name, pointer.version, number, made)


def _is_taken(project: Project, pointer: Pointer) -> bool:
    from gitmodel.store.claims import read_claim

    claim = read_claim(project.store(), project.config.project, pointer.name, pointer.version)
    return claim is not None and claim.digest != pointer.digest


def _free_on_remote(project: Project, name: str, number: int) -> int:
    """The first number from `number` on that nobody has claimed; as given while offline."""
    from gitmodel.store.claims import ClaimsSeen, read_claim

    seen = ClaimsSeen(project.cache_folder, project.config.project)
    try:
        store = project.store()
        while read_claim(store, project.config.project, name, number) is not None:
            seen.see(name, number)
            number += 1
    except RemoteError as error:
        project.context.note(
            f"{name}: {error}; version {number} is free as far as this clone knows"
        )
    return number
