"""Parse the input of `pre-push`: the refs that a push updates, with their object ids.

Guarantee: a line in another format is an error, never skipped.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from gitmodel.errors import GitCommandError
from gitmodel.git.objects import is_oid


class RefUpdate(NamedTuple):
    """One line of `pre-push` input (githooks(5)); an oid of zeros means that the ref does not exist."""

    local_ref: str
    local_oid: str
    remote_ref: str
    remote_oid: str

    @property
    def is_delete(self) -> bool:
        """Whether the push deletes this ref on the remote."""
        return not self.local_oid.strip("0")

    @property
    def is_new(self) -> bool:
        """Whether the remote does not have this ref yet."""
        return not self.remote_oid.strip("0")


def parse_updates(stdin: bytes) -> tuple[RefUpdate, ...]:
    """Parse the input of `pre-push`; empty if the remote is up to date.

    Raises GitCommandError if a line is not four words with object ids as second and fourth.
    """
    updates = []
    for line in os.fsdecode(stdin).split("\n"):
        if not line:
            continue
        words = line.split(" ")
        if len(words) != 4 or not is_oid(words[1]) or not is_oid(words[3]):
            raise GitCommandError(
                f"pre-push got a line in an unknown format: {line[:80]!r}",
                hint="run this hook with the input that Git gives it: see githooks(5)",
            )
        updates.append(RefUpdate(*words))
    return tuple(updates)
