"""How long-running work says how far it is, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A listener for one command; called from several threads at once."""

    def start(self, label: str, total_bytes: int) -> None:
        """A step begins; `total_bytes` is 0 where it is not known."""

    def advance(self, done_bytes: int) -> None:
        """So many more bytes are done."""

    def finish(self) -> None:
        """The step has ended, well or not; safe to call twice."""


class Silent:
    """A listener that says nothing."""

    def start(self, label: str, total_bytes: int) -> None:
        """Say nothing."""

    def advance(self, done_bytes: int) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""
