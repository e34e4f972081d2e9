"""A file to store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to store."""

    path: str  # in the model, "" for a model that is one file
    size: int  # bytes, when it was listed
    open: Callable[[], int]  # opens a new descriptor for reading; `SourceReader` closes it
