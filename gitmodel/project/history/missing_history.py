"""The part of history that a clone lacks, and the command that fetches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.pointer import POINTER_SUFFIX

if TYPE_CHECKING:
    from gitmodel.project.project import Project


class MissingHistory(NamedTuple):
    """Why versions may be missing in this clone, and the command that fetches them."""

    reason: str
    command: str


def find_missing_history(project: Project) -> MissingHistory | None:
    """Why versions may be missing; None if all pointers are present or can be fetched."""
    if project.history.is_shallow():
        return MissingHistory("history is cut off here", "git fetch --unshallow")
    if project.history.lacks_trees():
        return MissingHistory(
            "this clone has no trees of old commits", "git fetch --refetch --filter=blob:none"
        )
    return None


def note_gaps(project: Project, name: str, numbers: set[int]) -> None:
    """Note that versions may be missing from a list, if the numbers have gaps."""
    if not set(range(1, max(numbers, default=0))) - numbers:
        return
    lack = find_missing_history(project)
    if lack is None and project.repository.is_partial_clone():
        command = f"gitmodel fetch {name}@{min(numbers) - 1 or 1}"
        lack = MissingHistory("this clone may lack pointers of earlier versions", command)
    if lack is not None:
        project.context.note(f"{lack.reason}; to fetch all versions: {lack.command}")


def fetch_pointers(project: Project, name: str) -> None:
    """Fetch the pointers of a name that a partial clone lacks, in one connection."""
    from gitmodel.git.objects import open_reader

    stem = name.rpartition("/")[2] + POINTER_SUFFIX
    changes = project.history.all_refs_changes(stem)
    with open_reader(project.repository, may_fetch=True) as reader:
        reader.blobs([change.oid for change in changes if change.oid is not None])
