"""What Git tells `pre-push`: which refs a push is about to update, and to what.

Guarantee: a line that is not Git's is an error, never a ref that is passed over.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from gitmodel.errors import GitCommandError
from gitmodel.git.object_id import is_oid


class RefUpdate(NamedTuple):
    """One line that `pre-push` reads (githooks(5)); an oid of zeros means that there is none."""

    local_ref: str
    local_oid: str
    remote_ref: str
    remote_oid: str

    @property
    def is_delete(self) -> bool:
        """Whether the push removes this ref from the remote."""
        return not self.local_oid.strip("0")

    @property
    def is_new(self) -> bool:
        """Whether the remote does not have this ref yet."""
        return not self.remote_oid.strip("0")


def parse_updates(stdin: bytes) -> tuple[RefUpdate, ...]:
    """Read what Git writes to `pre-push`; nothing at all when the remote is up to date.

    Raises:
        GitCommandError: A line is not four words with object ids as second and fourth.
    """
    updates = []
    for line in os.fsdecode(stdin).split("\n"):
        if not line:
            continue
        words = line.split(" ")
        if len(words) != 4 or not is_oid(words[1]) or not is_oid(words[3]):
            raise GitCommandError(
                f"pre-push was given a line that is not Git's: {line[:80]!r}",
                hint="call this hook as Git does: see githooks(5)",
            )
        updates.append(RefUpdate(*words))
    return tuple(updates)
