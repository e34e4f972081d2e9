"""Whether a branch has a version: an alias on a branch names only versions of that branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.errors import UnknownReferenceError
from gitmodel.git.history.containing import is_ancestor, refs_containing
from gitmodel.project.history.missing_history import find_missing_history
from gitmodel.project.history.model_history import history_of
from gitmodel.project.history.renames import with_earlier_names

if TYPE_CHECKING:
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.project import Project

_MOST_REFS = 3  # named in a message


def require_merged(
    project: Project,
    pointer: Pointer,
    tip: str,
    branch: str,
    next_: str,
    *,
    is_proposal: bool = False,
) -> None:
    """Make sure that the history of a commit has a version. Messages call the commit `branch`.

    A clone without the whole history may lack the version's pointer. Then nothing is refused: whoever
    pushes the alias or checks the branch has the history. Raises UnknownReferenceError if the version is
    on other branches only; the message names them, and the hint adds an option to the command `next_`.
    """
    name = pointer.name
    history = history_of(project, name)
    if not history.knows(pointer.digest):
        history = with_earlier_names(project, history, pointer)
    seen = history.entries_of(pointer.digest)
    commits = list(dict.fromkeys(entry.change.commit for entry in seen))
    if any(is_ancestor(project.repository, commit, tip) for commit in reversed(commits)):
        return
    if not commits and find_missing_history(project) is not None:
        return
    if not commits:
        raise UnknownReferenceError(
            f"{name}@{pointer.version} is in no commit",
            hint=f"git commit, git push, then {next_}",
            model=name,
        )
    refs = refs_containing(project.repository, commits[-1])
    on = ", ".join(refs[:_MOST_REFS]) or f"commit {commits[-1][:10]}"
    first = f"git merge {refs[0]}, or: " if refs else ""
    if is_proposal:  # a merge in this clone does not change the remote's branch
        first = f"git push, then {next_}, or: "
    raise UnknownReferenceError(
        f"{name}@{pointer.version} is only on {on}; {branch} would name a version that it does not have",
        hint=f"{first}{next_} --unmerged",
        model=name,
    )
