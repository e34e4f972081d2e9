"""The decision what the next commit does about a model's weights.

`git commit` acts on the decision and `status` shows it, so both agree.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.domain.versions import Observation, Verdict, decide
from gitmodel.errors import GitmodelError
from gitmodel.project.committed_models import find_in_tree

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.history.histories import Histories
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project
    from gitmodel.worktree.worktree import Weights


class CommitDecision(NamedTuple):
    """The decision about one model."""

    verdict: Verdict
    known: Pointer | None = None  # version of the weights on disk, if it was looked up and found


def decide_commit(
    project: Project, model: Model, weights: Weights, histories: Histories | None = None
) -> CommitDecision:
    """Compare weights, have and pointer; read history only if the weights differ from both."""
    pointer = model.pointer
    have = project.worktree.have(model.name, model.weights)
    known = None
    is_known = as_head = False
    if weights.digest is not None and weights.digest not in (pointer.digest, have):
        from gitmodel.project.history.histories import Histories

        histories = histories or Histories(project, [model.name])
        history = histories.joined(histories.of(model.name), pointer)
        known = history.version_of(weights.digest)
        # Content may have lost its number to other content.
        is_known = history.knows(weights.digest)
        if have is None and not is_known:
            at_head = pointer_at_head(project, model.name)
            as_head = at_head is not None and at_head.head == pointer.head
    seen = Observation(
        file=weights.digest,
        changing=weights.changing,
        have=have,
        pointer=pointer.digest,
        as_head=as_head,
        known=is_known,
        merging=is_merging(project),
    )
    return CommitDecision(decide(seen), known)


def is_merging(project: Project) -> bool:
    """Whether a merge, rebase, cherry-pick or revert is in progress."""
    return project.repository.in_progress() is not None or bool(project.index.other_heads())


def pointer_at_head(project: Project, name: str) -> Pointer | None:
    """HEAD's pointer of a model, at any path; None if there is no readable one."""
    head = project.reader.resolve("HEAD")
    with suppress(GitmodelError):
        found = None if head is None else find_in_tree(project, head, name)
        return None if found is None else found.pointer
    return None


class Change(NamedTuple):
    """A model whose weights differ from its pointer, and their digest.

    `is_new` is false for content of an earlier version.
    """

    model: Model
    digest: Digest
    is_new: bool = True
