"""Notes and errors about weights that a commit does not register."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import Pointer
from gitmodel.errors import ChangedWhileReadError, GitmodelError, StaleWeightsError
from gitmodel.project.models import read_pointer_file

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest
    from gitmodel.project.committing.version_decisions import CommitDecision
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project


def stale_note(project: Project, model: Model, file: Digest | None, known: Pointer | None) -> str:
    """The note about weights that are older than their pointer."""
    with suppress(GitmodelError):
        raw = read_pointer_file(project.root, model.path)
        on_disk = None if raw is None else Pointer.from_text(raw, what=model.path)
        if on_disk is not None and on_disk.digest == file:  # after `git reset --mixed`
            return (
                f"{model.name}: version {on_disk.version} is not part of this commit, because its "
                f"pointer is not staged; run: git add {project.typed(model.path)}"
            )
    back = ""
    if known is not None:
        number = known.version
        back = f"; or, to go back to version {number}: gitmodel checkout {model.name}@{number}"
    return (
        f"{model.name}: the weights on disk are older than version {model.pointer.version}; the "
        f"pointer was left unchanged; run: gitmodel checkout {model.name}{back}"
    )


def choice_error(
    project: Project, model: Model, judged: CommitDecision, file: Digest | None
) -> GitmodelError:
    """The error if weights, have and pointer all differ, so that the user must choose."""
    since = f"the pointer has moved to version {model.pointer.version} since weights were"
    if project.worktree.have(model.name, model.weights) is None:
        since = f"the pointer names version {model.pointer.version}, and no weights were"
    if judged.known is not None:
        number = judged.known.version
        return StaleWeightsError(
            f"the weights on disk are version {number}, but {since} added or checked out here",
            hint=f"check out the pointer's version: gitmodel checkout {model.name}; or go back to "
            f"version {number}: gitmodel checkout {model.name}@{number}",
        )
    short = "unknown" if file is None else file.short
    return StaleWeightsError(
        f"the weights on disk ({short}) are new, but {since} added or checked out here",
        hint=f"register them as the next version: gitmodel add {project.typed(model.weights)}; or "
        f"check out the pointer's version: gitmodel checkout --force {model.name}",
    )


def changed_error(model: Model) -> ChangedWhileReadError:
    """The error about weights that changed while they were read."""
    return ChangedWhileReadError(
        f"{model.weights} changed while it was read",
        hint="wait until training has finished writing, then commit again",
    )


def unfollowed_note(project: Project, model: Model, what: str) -> str:
    """The note about a symbolic link that is not followed, after `what` for one that never was."""
    elsewhere = project.worktree.led_elsewhere(model.name, model.weights)
    return (
        f"{model.name}: {elsewhere or what}; "
        f"run: gitmodel add --follow {project.typed(model.weights)}"
    )


@dataclass(slots=True)
class CommitReport:
    """What a commit did about models.

    `otherwise_empty`: it contains only pointers that were staged here. Git checked before the hook ran
    and may report "nothing to commit".
    """

    # (name, version before or None, version now) of pointers staged here
    bumped: list[tuple[str, int | None, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # the commit continues
    otherwise_empty: bool = False
    # notes about weights that are older than their pointer
    stale: list[str] = field(default_factory=list, compare=False)
    # path -> earlier blob id of entries that were staged again
    replaced: dict[str, str] = field(default_factory=dict, compare=False)
    models: list[Model] = field(default_factory=list, compare=False)  # of the index
    # (weights, pointer) of changed models that `git commit PATH` does not name
    unnamed: list[tuple[str, str]] = field(default_factory=list, compare=False)
    # staged pointers that an earlier, failed attempt wrote
    taken_up: list[str] = field(default_factory=list, compare=False)
    # lines to print if the commit contains nothing else
    advice: list[str] = field(default_factory=list, compare=False)
