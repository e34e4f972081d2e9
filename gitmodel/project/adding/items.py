"""What passes between the steps of `add`: a path to be added, and its weights once they are durable."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.project.adding.metadata import Metadata
    from gitmodel.project.adding.targets import Target
    from gitmodel.worktree.worktree import Scan, Weights


class Excluding(NamedTuple):
    """What a person says about files to be left out of folders.

    Attributes:
        patterns: Patterns to be added to those of the model.
        anew: The model's patterns do not count any more.
    """

    patterns: tuple[str, ...] = ()
    anew: bool = False


class Item(NamedTuple):
    """A path to be added: what is there, or the manifest if it is stored already."""

    target: Target
    metadata: Metadata
    exclude: tuple[str, ...]
    survey: Scan | None = None
    manifest: Manifest | None = None
    warnings: tuple[str, ...] = ()


class Ready(NamedTuple):
    """Weights that are durable."""

    item: Item
    manifest: Manifest
    weights: Weights
