"""Uploads a pack, verifies it, and uploads it again if it was damaged in transfer.

Guarantee: `send` returns only if the remote has the pack with its size and, by the setting `VerifyUploads`,
with its bytes: as the server compared them, or as they were read back.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from gitmodel.domain.config.clone import VerifyUploads
from gitmodel.errors import DamagedObjectError, ObjectMissingError
from gitmodel.store.layout import pack_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.store.objects import ObjectStore

# Uploads of a pack that arrives damaged.
SENDS = 5
# With a sample, one pack in so many is read back, and the first one of each push.
SAMPLE_OF = 8
# Packs that are read back at a time, beside those being sent; each takes memory again.
_READ_AT_ONCE = 4


class Sender:
    """Uploads packs; for several threads. `verify` says which are read back.

    `fraction` gives random numbers from 0 to 1, for a sample.
    """

    def __init__(
        self,
        remote: ObjectStore,
        verify: VerifyUploads = VerifyUploads.UNCHECKED,
        *,
        fraction: Callable[[], float] | None = None,
    ) -> None:
        self._remote = remote
        self._verify = verify
        self._fraction = fraction
        self._numbers = itertools.count()
        self._reading = threading.Semaphore(_READ_AT_ONCE)

    def send(self, name: str, data: bytes) -> None:
        """Upload a pack that was checked against its name, the hex of its BLAKE3.

        Raises DamagedObjectError if it arrived damaged each time, RemoteError if the remote cannot be
        used.
        """
        problem = ""
        for _ in range(SENDS):
            checked = self._remote.put_pack(name, data)
            problem = self._problem(name, data, checked=checked)
            if not problem:
                return
        raise DamagedObjectError(
            f"pack {name[:12]} was sent to {self._remote.url} {SENDS} times, and {problem}",
            hint="use an https address, or another network, and push again: "
            "something between here and there damages data",
        )

    def _problem(self, name: str, data: bytes, *, checked: bool) -> str:
        """The problem of the uploaded pack, "" if there is none."""
        if self._is_read_back(checked=checked):
            return self._difference(name, data)
        there = self._remote.pack_size(name)
        if there == len(data):
            return ""
        if there is None:
            return "nothing arrived"
        return f"{there:,} bytes of its {len(data):,} are there"

    def _difference(self, name: str, data: bytes) -> str:
        try:
            with self._reading:
                there = self._remote.backend.read_back(pack_key(name), limit=len(data))
        except ObjectMissingError:
            return "nothing arrived"
        except DamagedObjectError as error:
            return f"what arrived is damaged: {error.message}"
        return "" if there == data else "other bytes arrived each time"

    def _is_read_back(self, *, checked: bool) -> bool:
        match self._verify:
            case VerifyUploads.ALL:
                return True
            case VerifyUploads.UNCHECKED:
                return not checked
            case VerifyUploads.SAMPLE:
                return not checked and self._is_drawn()
            case VerifyUploads.NEVER:
                return False

    def _is_drawn(self) -> bool:
        if next(self._numbers) == 0:
            return True
        if self._fraction is None:
            import random  # most pushes need none

            self._fraction = random.random
        return self._fraction() * SAMPLE_OF < 1
