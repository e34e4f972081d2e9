"""Values passed between the steps of `add`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.project.adding.targets import Target
    from gitmodel.project.gates.rejected import RejectedRun
    from gitmodel.project.metadata import Metadata
    from gitmodel.worktree.worktree import Scan, Weights


class Excluding(NamedTuple):
    """Exclude patterns given by the user, added to those of the model or, with `anew`, instead of them."""

    patterns: tuple[str, ...] = ()
    anew: bool = False


class Item(NamedTuple):
    """A path to add, with a scan of its weights, or their manifest if they are stored already."""

    target: Target
    metadata: Metadata
    exclude: tuple[str, ...]
    scan: Scan | None = None
    manifest: Manifest | None = None
    warnings: tuple[str, ...] = ()


class Refused(NamedTuple):
    """Weights that a gate refused, and the line that was written about them."""

    path: str  # relative to the top of the work tree
    run: RejectedRun
    warnings: tuple[str, ...] = ()
    is_new: bool = False  # whether the model has no version yet


class Ready(NamedTuple):
    """Weights that are durable."""

    item: Item
    manifest: Manifest
    weights: Weights
