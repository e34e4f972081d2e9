"""History of many models by one walk, and the numbers that come next.

A command about one model asks Git about that model. For 2,000 models that would start thousands of
processes, and would read the claims and HEAD's pointers as often: here each is read once.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from gitmodel.domain.versions import next_version
from gitmodel.project.history.model_history import ModelHistory, histories_of, history_of
from gitmodel.project.history.renames import EarlierNames
from gitmodel.project.history.version_owners import claims_seen
from gitmodel.project.references import models_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.cache.claims_seen import ClaimsSeen
    from gitmodel.domain.pointer import Pointer
    from gitmodel.project.project import Project


class Histories:
    """What Git and the claims last seen say of some models. Nothing is asked before the first question.

    Args:
        project: The project.
        names: The models that will be asked for.
    """

    def __init__(self, project: Project, names: Iterable[str]) -> None:
        self._project = project
        self._names = frozenset(names)
        self._earlier = EarlierNames(project)

    def of(self, name: str) -> ModelHistory:
        """Every pointer of a name in the history of all refs, as `history_of` gives it."""
        if len(self._names) == 1 or name not in self._names:
            return history_of(self._project, name)
        return self._all[name]

    def joined(self, history: ModelHistory, current: Pointer | None) -> ModelHistory:
        """A history together with that under earlier names; see `EarlierNames.joined`."""
        return self._earlier.joined(history, current)

    def next_number(self, history: ModelHistory) -> int:
        """1 + the greatest number in history and among the claims last seen."""
        return next_version([*history.numbers(), self._claims.greatest(history.name)])

    def numbers_at_head(self, name: str) -> set[int]:
        """The numbers that HEAD's pointers of this name have."""
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
        if self._project.reader.resolve("HEAD"):
            for model in models_at(self._project, "HEAD"):
                numbers.setdefault(model.name, set()).add(model.pointer.version)
        return numbers
