"""Which packs a remote has, as one command has seen it: by their sizes, or by their bytes.

What earlier commands remember (`ledger`) is no part of it: an object can be deleted or cut short on the
remote at any time, by a lifecycle rule or by a person. A size shows that an object is there whole; only
its bytes show that it is the right one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.errors import DamagedObjectError, ObjectMissingError
from gitmodel.store.parallel import for_each

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from gitmodel.domain.progress import Progress
    from gitmodel.store.objects import ObjectStore

Pack = tuple[str, int]  # name (64 hex digits), size in bytes
_LOOKS_IN_FLIGHT = 16
_MISSING = "is missing"
OTHER_BYTES = "has other bytes than its name says"


class Presence:
    """Packs of one remote, each looked at once. For one command; methods are for one thread.

    Args:
        store: The remote.
        full: Read every pack and check its bytes, instead of asking for its size.
        suspects: Packs whose bytes were wrong when they were last read: of these the size proves nothing.
        progress: Told about bytes that were read.

    Attributes:
        bytes_read: Of the packs that were read.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        full: bool = False,
        suspects: Collection[str] = (),
        progress: Progress | None = None,
    ) -> None:
        self._store = store
        self._full = full
        self._suspects = suspects
        self._progress = progress
        self._faults: dict[Pack, str | None] = {}
        self.bytes_read = 0

    def look(self, packs: Iterable[Pack]) -> None:
        """Look at packs that were not looked at yet, many at a time.

        Raises:
            RemoteError: The remote cannot be used.
        """
        fresh = [pack for pack in dict.fromkeys(packs) if pack not in self._faults]
        read = [pack for pack in fresh if self._full or pack[0] in self._suspects]
        for_each(self._read, read)
        measured = [pack for pack in fresh if pack not in self._faults]
        for_each(self._measure, measured, in_flight=_LOOKS_IN_FLIGHT)
        self.bytes_read += sum(size for name, size in read if self._faults[name, size] is None)

    def has(self, pack: Pack) -> bool:
        """Whether a pack was seen, sound as far as it was looked at."""
        return self._faults.get(pack, "") is None

    def fault(self, pack: Pack) -> str:
        """What is wrong with a pack that was looked at, "" if nothing is: "is missing"."""
        return self._faults.get(pack) or ""

    def arrived(self, packs: Iterable[Pack]) -> None:
        """Packs were uploaded by this command, and that upload was checked."""
        self._faults.update(dict.fromkeys(packs))

    @property
    def seen(self) -> int:
        """How many packs were looked at or uploaded."""
        return len(self._faults)

    def is_sound(self, name: str) -> bool:
        """Whether a pack of that name was seen and nothing is wrong with it."""
        return any(fault is None for (seen, _), fault in self._faults.items() if seen == name)

    @property
    def damaged(self) -> list[str]:
        """Names of packs that are there with the right size and other bytes."""
        return [name for (name, _), fault in self._faults.items() if fault == OTHER_BYTES]

    def _measure(self, pack: Pack) -> None:
        name, size = pack
        found = self._store.pack_size(name)
        if found is None:
            self._faults[pack] = _MISSING
        elif found != size:
            self._faults[pack] = f"has {found:,} bytes instead of {size:,}"
        else:
            self._faults[pack] = None

    def _read(self, pack: Pack) -> None:
        name, size = pack
        try:
            self._store.pack(name, size)
        except ObjectMissingError:
            self._faults[pack] = _MISSING
        except DamagedObjectError:
            self._measure(pack)
            self._faults[pack] = self._faults[pack] or OTHER_BYTES
        else:
            self._faults[pack] = None
        if self._progress is not None:
            self._progress.advance(size)
