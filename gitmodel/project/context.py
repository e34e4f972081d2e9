"""The environment of a command: variables, folder, clock, random numbers, output.

Workflows read none of these directly, so tests can replace them. `datetime` is imported late because the import
takes 1 ms and most commands do not need the time.
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
    return os.urandom(size).hex()  # as secrets.token_hex, without importing hmac and hashlib


def _now() -> datetime:
    from datetime import UTC, datetime

    return datetime.now(UTC)


class Silent:
    """Ignores progress."""

    def start(self, label: str, total_bytes: int) -> None:
        """Ignore it."""

    def advance(self, done_bytes: int) -> None:
        """Ignore it."""

    def finish(self) -> None:
        """Ignore it."""


@dataclass(frozen=True, slots=True)
class Context:
    """The environment that a front door passes to a workflow."""

    environment: Mapping[str, str]  # `os.environ`
    folder: str  # the current one
    progress: Progress = field(default_factory=Silent)
    now: Callable[[], datetime] = _now  # the clock
    random: Callable[[int], str] = _random_hex  # returns this many random bytes as hex
    # receives notes for the user that are not errors
    note: Callable[[str], None] = lambda _text: None

    @property
    def user_cache(self) -> str:
        """`gitmodel` in the user's cache folder."""
        base = self.environment.get("XDG_CACHE_HOME", "")
        if not os.path.isabs(base):  # as the XDG specification requires
            base = os.path.join(self.environment.get("HOME") or os.path.expanduser("~"), ".cache")
        return os.path.join(base, "gitmodel")

    def timestamp(self) -> str:
        """Now, UTC, ISO 8601 to the second."""
        from datetime import UTC

        return self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
