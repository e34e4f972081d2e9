"""What a command is told about the world: environment, folder, clock, randomness, whom to tell.

Workflows read none of it by themselves, so tests can give them another world. `datetime` takes 1 ms to
import, and most commands never ask for the time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from gitmodel.domain.progress import Progress


def _random_hex(size: int) -> str:
    return os.urandom(size).hex()  # what secrets.token_hex is, without importing hmac and hashlib


def _now() -> datetime:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _silent() -> Progress:
    from gitmodel.domain.progress import Silent

    return Silent()


@dataclass(frozen=True, slots=True)
class Context:
    """What a front door knows and a workflow may not read by itself.

    Attributes:
        environment: `os.environ`.
        folder: The current folder.
        progress: Who is told how far long work is.
        now: The clock.
        random: So many random bytes as hex.
        note: Who is told what a person should know though nothing failed.
    """

    environment: Mapping[str, str]
    folder: str
    progress: Progress = field(default_factory=_silent)
    now: Callable[[], datetime] = _now
    random: Callable[[int], str] = _random_hex
    note: Callable[[str], None] = lambda _text: None

    def timestamp(self) -> str:
        """Now, UTC, ISO 8601 to the second."""
        from datetime import UTC

        return self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
