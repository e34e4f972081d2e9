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
        notes: What a person should know; the commit goes on.
        otherwise_empty: But for these pointers the commit has nothing in it, and Git, which looked
            before the hook ran, may say "nothing to commit".
        stale: Those of the notes that say that weights are older than their pointer.
        replaced: Path -> blob id of the entries that were staged anew, as they were before.
        models: Those of the index.
        unnamed: (weights, pointer) of models that `git commit PATH` does not name, and whose weights
            were written since their last version.
        taken_up: Pointers of versions that an earlier attempt has made, which are staged now.
        advice: What to tell about a commit that has nothing else in it.
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
