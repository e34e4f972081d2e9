"""The history and next version number of many models, read in one walk.

History, claims and HEAD's pointers are each read once. One query for each model would start thousands of Git
processes for 2,000 models.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from gitmodel.domain.versions import next_version
from gitmodel.project.committed_models import models_in_tree
from gitmodel.project.history.model_history import ModelHistory, histories_of, history_of
from gitmodel.project.history.renames import EarlierNames
from gitmodel.project.history.version_owners import claims_seen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.cache.claims_seen import ClaimsSeen
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.project import Project


class Histories:
    """Histories and known claims of these models, loaded on first use."""

    def __init__(self, project: Project, names: Iterable[str]) -> None:
        self._project = project
        self._names = frozenset(names)
        self._earlier = EarlierNames(project)

    def of(self, name: str) -> ModelHistory:
        """All pointers of a name in the history of all refs, as `history_of` returns them."""
        if len(self._names) == 1 or name not in self._names:
            return history_of(self._project, name)
        return self._all[name]

    def joined(self, history: ModelHistory, current: Pointer | None) -> ModelHistory:
        """The history including earlier names; see `EarlierNames.joined`."""
        return self._earlier.joined(history, current)

    def next_number(self, history: ModelHistory) -> int:
        """1 + the greatest number in history and in the known claims."""
        return next_version([*history.numbers(), self._claims.greatest(history.name)])

    def numbers_at_head(self, name: str) -> set[int]:
        """The version numbers of HEAD's pointers of this name."""
        return self._at_head.get(name, set())

    @cached_property
    def _all(self) -> dict[str, ModelHistory]:
        return histories_of(self._project, self._names)

    @cached_property
    def _claims(self) -> ClaimsSeen:
        return claims_seen(self._project)

    @cached_property
    def _at_head(self) -> dict[str, set[int]]:
        numbers: dict[str, set[int]] = {}
        head = self._project.reader.resolve("HEAD")
        if head is not None:
            for model in models_in_tree(self._project, head):
                numbers.setdefault(model.name, set()).add(model.pointer.version)
        return numbers
