"""A file to store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class SourceFile(NamedTuple):
    """One file to store."""

    path: str  # in the model, "" for a model that is one file
    size: int  # bytes, when it was listed
    open: Callable[[], int]  # opens a new descriptor for reading; `SourceReader` closes it
