"""One pack on its way to a remote: sent, looked at, and sent again where it changed on its way.

Guaranteed: `send` returns only if the pack is there with its size and, as far as the setting asks for it,
with its bytes; which one that is, the server's comparison or a look at the whole, see `VerifyUploads`.
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

# So often a pack is sent that is found changed.
SENDS = 5
# Of so many packs one is read back where a sample is asked for, and the first of each push.
SAMPLE_OF = 8
# Packs are read back beside those under way; each takes memory once more.
_READ_AT_ONCE = 4


class Sender:
    """Sends packs; called from several threads.

    Args:
        remote: Where to.
        verify: Which packs are read back.
        fraction: A random number from 0 to 1, for a sample.
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
        """Bring a pack to the remote.

        Args:
            name: Hex of the BLAKE3 of the pack.
            data: The pack, checked against its name.

        Raises:
            DamagedObjectError: What arrived was another thing each time.
            RemoteError: The remote cannot be used.
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
        """What is wrong with what is there, "" if nothing is."""
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
