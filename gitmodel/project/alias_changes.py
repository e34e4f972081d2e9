"""A changed alias: written into the work tree and staged, committed, or proposed on a branch.

`promote` and `rollback` decide what an alias is to mean. The change is the same for both: one file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitmodel.domain.aliases import ALIAS_SUFFIX, Alias, alias_path_for
from gitmodel.project.models import delete_file, write_text_file

if TYPE_CHECKING:
    from gitmodel.project.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasChange:
    """What an alias meant, and what it means now.

    Attributes:
        name: Of the model.
        alias: The alias.
        path: Of its file.
        before: What it meant before, as HEAD has it; None if it did not exist.
        after: What it means now; None if it is removed.
        staged: Whether the file was written and staged. If nothing is, the alias had this value already.
        commit: The id of the commit that was made.
        branch: The branch that was pushed for review.
        compare_url: Where a pull request for that branch is opened.
    """

    name: str
    alias: str
    path: str
    before: Alias | None
    after: Alias | None
    staged: bool = False
    commit: str | None = None
    branch: str | None = None
    compare_url: str | None = None

    @property
    def subject(self) -> str:
        """The subject of a commit with this change."""
        if self.after is None:
            return f"Remove {self.name}@{self.alias}"
        return f"Promote {self.name} v{self.after.version} to {self.alias}"

    def texts(self) -> dict[str, str | None]:
        """The content of each changed file; None for a removed one."""
        return {self.path: None if self.after is None else self.after.to_text()}


def committed_alias(project: Project, pointer_path: str, alias: str) -> Alias | None:
    """What the alias of the model with this pointer means at HEAD, None if there is none.

    Raises AliasError if its file does not parse.
    """
    head = project.reader.resolve("HEAD")
    path = alias_path_for(pointer_path, alias)
    entries = () if head is None else project.reader.tree(head, f".{alias}{ALIAS_SUFFIX}")
    oid = next((entry.oid for entry in entries if entry.path == path), None)
    raw = None if oid is None else project.reader.blobs([oid]).get(oid)
    return None if raw is None else Alias.from_text(raw, path)


def stage_change(project: Project, change: AliasChange) -> AliasChange:
    """Write the file into the work tree, or remove it there, and stage it."""
    for path, text in change.texts().items():
        if text is None:
            delete_file(project.root, path)
        else:
            write_text_file(project.root, path, text)
        project.index.stage([path])
    return replace(change, staged=True)
