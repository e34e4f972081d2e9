"""A file to be stored."""

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
        size: Bytes, as seen when it was listed.
        open: Gives a new file descriptor for reading, which `Windows` closes.
    """

    path: str
    size: int
    open: Callable[[], int]
