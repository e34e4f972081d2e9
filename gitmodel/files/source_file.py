"""A file to store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to store.

    Attributes:
        path: Its path in the model, "" for a model that is one file.
        size: Bytes, when it was listed.
        open: Opens a new file descriptor for reading; `SourceReader` closes it.
    """

    path: str
    size: int
    open: Callable[[], int]
