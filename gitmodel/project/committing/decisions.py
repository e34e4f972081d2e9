"""What the next commit does about a model's weights, found out in one place for all who ask.

`git commit` acts on it and `status` shows it: what it says is what then happens.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitmodel.domain.versions import Observation, Verdict, decide
from gitmodel.errors import GitmodelError
from gitmodel.project.adding.next_numbers import Histories
from gitmodel.project.committed_models import find_in_tree

if TYPE_CHECKING:
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.models import Model
    from gitmodel.project.project import Project
    from gitmodel.worktree.worktree import Weights


@dataclass(frozen=True, slots=True)
class Judged:
    """The decision about one model.

    Attributes:
        verdict: What a commit does.
        known: The version that the weights on disk are, where that was looked up and they are one.
    """

    verdict: Verdict
    known: Pointer | None = None


def judge(
    project: Project, model: Model, weights: Weights, histories: Histories | None = None
) -> Judged:
    """Compare file, have and pointer. Weights that are the pointer's cost no look at history.

    Args:
        project: The project.
        model: The pointer.
        weights: What is on disk.
        histories: What history says of many models, for callers that judge many.
    """
    pointer = model.pointer
    have = project.worktree.have(model.name, model.weights)
    known = None
    is_known = as_head = False
    if weights.digest is not None and weights.digest not in (pointer.digest, have):
        histories = histories or Histories(project, [model.name])
        history = histories.joined(histories.of(model.name), pointer)
        known = history.version_of(weights.digest)
        is_known = history.knows(
            weights.digest
        )  # content may have lost its number to other content
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
    return Judged(decide(seen), known)


def is_merging(project: Project) -> bool:
    """Whether Git is in the middle of moving pointers: a merge, rebase, cherry-pick or revert."""
    return project.repository.in_progress() is not None or bool(project.index.other_heads())


def pointer_at_head(project: Project, name: str) -> Pointer | None:
    """HEAD's pointer of a model, wherever it is there; None if there is none that can be read."""
    head = project.reader.resolve("HEAD")
    with suppress(GitmodelError):
        found = None if head is None else find_in_tree(project, head, name)
        return None if found is None else found.pointer
    return None
