"""What a commit did about models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.project.models import Model


@dataclass(slots=True)
class CommitReport:
    """What a commit did about models.

    Attributes:
        bumped: (name, version before or None, version now) of pointers staged here.
        notes: Notes for the user; the commit continues.
        otherwise_empty: The commit contains only these pointers. Git checked before the hook ran
            and may report "nothing to commit".
        stale: The notes about weights that are older than their pointer.
        replaced: Path -> earlier blob id of the entries that were staged again.
        models: The models of the index.
        unnamed: (weights, pointer) of changed models that `git commit PATH` does not name.
        taken_up: Staged pointers that an earlier, failed attempt wrote.
        advice: Lines to print if the commit contains nothing else.
    """

    bumped: list[tuple[str, int | None, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    otherwise_empty: bool = False
    stale: list[str] = field(default_factory=list, compare=False)
    replaced: dict[str, str] = field(default_factory=dict, compare=False)
    models: list[Model] = field(default_factory=list, compare=False)
    unnamed: list[tuple[str, str]] = field(default_factory=list, compare=False)
    taken_up: list[str] = field(default_factory=list, compare=False)
    advice: list[str] = field(default_factory=list, compare=False)
