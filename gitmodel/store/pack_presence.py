"""Which packs a remote has, checked by one command: by their sizes, or by their bytes.

Results of earlier commands (`push_ledger`) do not count: a lifecycle rule or a person can delete or truncate
an object at any time. The size shows that an object is complete; only its bytes show that it is right.
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
    """Packs of one remote, each checked once. For one command and one thread.

    With `full` every pack is read and its bytes are checked, instead of requesting its size. `suspects`,
    whose bytes were wrong when they were last read, are always read. `progress` and `bytes_read` count
    the bytes of the packs that were read.
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
        """Check packs that were not checked yet, many at a time. Raises RemoteError."""
        fresh = [pack for pack in dict.fromkeys(packs) if pack not in self._faults]
        read = [pack for pack in fresh if self._full or pack[0] in self._suspects]
        for_each(self._read, read)
        measured = [pack for pack in fresh if pack not in self._faults]
        for_each(self._measure, measured, in_flight=_LOOKS_IN_FLIGHT)
        self.bytes_read += sum(size for name, size in read if self._faults[name, size] is None)

    def has(self, pack: Pack) -> bool:
        """Whether a pack was checked and is valid by that check."""
        return self._faults.get(pack, "") is None

    def fault(self, pack: Pack) -> str:
        """The problem of a checked pack, such as "is missing"; "" if there is none."""
        return self._faults.get(pack) or ""

    def arrived(self, packs: Iterable[Pack]) -> None:
        """Add packs that this command has uploaded and checked."""
        self._faults.update(dict.fromkeys(packs))

    @property
    def seen(self) -> int:
        """Number of packs that were checked or uploaded."""
        return len(self._faults)

    def is_sound(self, name: str) -> bool:
        """Whether a pack of that name was checked and is valid."""
        return any(fault is None for (seen, _), fault in self._faults.items() if seen == name)

    @property
    def damaged(self) -> list[str]:
        """Names of packs that have the right size and wrong bytes."""
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
