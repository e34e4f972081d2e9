"""The interface through which long operations report progress."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the progress of one command. Methods are called from several threads at once."""

    def start(self, label: str, total_bytes: int) -> None:
        """Begin a step; `total_bytes` is 0 if unknown."""

    def advance(self, done_bytes: int) -> None:
        """Add processed bytes."""

    def finish(self) -> None:
        """End the step, also after an error; may be called twice."""
