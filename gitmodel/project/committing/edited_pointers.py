"""A pointer with a wrong check line: edited by a user, or merged from two versions?

Without the merge driver, Git merges line by line and can put the metrics of one version beside the
weights of another. The check line detects that.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.pointer import Pointer
from gitmodel.errors import GitmodelError
from gitmodel.project.committing.version_decisions import is_merging, pointer_at_head
from gitmodel.project.models import text_at

if TYPE_CHECKING:
    from gitmodel.project.project import Project


def edited_by_hand(project: Project, path: str, raw: bytes) -> Pointer | None:
    """The pointer, if its change is an edit by a user that a commit may accept; None otherwise.

    Outside a merge, version, digest and chunks must be those of HEAD. During a merge the pointer must differ
    from one side in descriptive fields only.
    """
    try:
        edited = Pointer.from_text(raw, what=path, trust_edits=True)
    except GitmodelError:
        return None
    if not is_merging(project):
        head = pointer_at_head(project, edited.name)
        identity = (edited.head, edited.chunks, edited.exclude)
        same = head is not None and (head.head, head.chunks, head.exclude) == identity
        return edited if same else None
    from gitmodel.domain.merge import same_except_annotations

    revisions = ("HEAD", *project.index.other_heads(), "CHERRY_PICK_HEAD", "REBASE_HEAD")
    sides = [_pointer_at(project, revision, path) for revision in revisions]
    fits = any(side is not None and same_except_annotations(side, edited) for side in sides)
    return edited if fits else None


def with_restore_hint(project: Project, path: str, error: GitmodelError) -> GitmodelError:
    """Set the hint to the command that restores HEAD's pointer, if it is sound and no merge is in progress."""
    if not is_merging(project) and _pointer_at(project, "HEAD", path) is not None:
        quoted = project.typed(path)
        error.hint = f"restore the committed pointer: git checkout HEAD -- {quoted}"
    return error


def _pointer_at(project: Project, revision: str, path: str) -> Pointer | None:
    raw = text_at(project, revision, path)
    if raw is None:
        return None
    with suppress(GitmodelError):
        return Pointer.from_text(raw, what=f"{revision}:{path}")
    return None
