"""A pointer whose check does not fit: edited by a person, or mixed out of two versions?

The check is there because Git merges line by line where no driver is installed, and can leave a metric
of one version beside the weights of another.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.merge import differ_in_words_only
from gitmodel.domain.pointer import Pointer
from gitmodel.errors import GitmodelError
from gitmodel.project.committing.decisions import is_merging, pointer_at_head
from gitmodel.project.models import blob_at

if TYPE_CHECKING:
    from gitmodel.project.project import Project


def edited_by_hand(project: Project, path: str, raw: bytes) -> Pointer | None:
    """The pointer that a person edited, which a commit accepts and whose check it renews; or None.

    None where version, digest or chunks are not those of HEAD, so that it may be two sides mixed; or
    where a merge is being concluded, which can leave a metric of the other side beside them.
    """
    try:
        edited = Pointer.from_text(raw, what=path, trust_edits=True)
    except GitmodelError:
        return None
    if not is_merging(project):
        head = pointer_at_head(project, edited.name)
        said = (edited.head, edited.chunks, edited.exclude)
        same = head is not None and (head.head, head.chunks, head.exclude) == said
        return edited if same else None
    revisions = ("HEAD", *project.index.other_heads(), "CHERRY_PICK_HEAD", "REBASE_HEAD")
    sides = [_pointer_at(project, revision, path) for revision in revisions]
    fits = any(side is not None and differ_in_words_only(side, edited) for side in sides)
    return edited if fits else None


def with_way_out(project: Project, path: str, error: GitmodelError) -> GitmodelError:
    """Name the command that helps where there is no conflict to resolve: HEAD's pointer is sound."""
    if not is_merging(project) and _pointer_at(project, "HEAD", path) is not None:
        quoted = project.typed(path)
        error.hint = f"take the committed pointer back: git checkout HEAD -- {quoted}"
    return error


def _pointer_at(project: Project, revision: str, path: str) -> Pointer | None:
    blob = blob_at(project, revision, path)
    raw = None if blob is None else project.reader.blobs([blob]).get(blob)
    if raw is None:
        return None
    with suppress(GitmodelError):
        return Pointer.from_text(raw, what=f"{revision}:{path}")
    return None
