"""A `PackReader` that reads whole packs from a remote, to verify the remote.

A pack is fetched on first use, checked against its name, and kept in memory until others replace it. The cache
is not used.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from gitmodel.cache.chunk_reader import fill
from gitmodel.errors import ObjectMissingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitmodel.encoding.manifest.manifest import Manifest
    from gitmodel.store.objects import ObjectStore

_KEPT = 8  # packs, of at most 16 MiB


class RemotePacks:
    """Packs of manifests on one remote; for several threads.

    `fetched` names the packs that were fetched and had the right bytes; `bytes_read` counts each fetch.
    """

    def __init__(self, store: ObjectStore, manifests: Sequence[Manifest]) -> None:
        self._store = store
        self._sizes: dict[str, int] = {}
        for manifest in manifests:
            self._sizes.update(manifest.sized_packs)
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._fetching: dict[str, threading.Lock] = {}
        self.fetched: set[str] = set()
        self.bytes_read = 0

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        """See `PackReader.read_at`. Also raises DamagedObjectError if the pack has other bytes."""
        return self._pack(name)[offset : offset + size]

    def read_into(self, name: str, offset: int, buffers: Sequence[memoryview]) -> int:
        """See `PackReader.read_into`; raises as `read_at` does."""
        return fill(buffers, self._pack(name), offset)

    def _pack(self, name: str) -> bytes:
        with self._lock:
            alone = self._fetching.setdefault(name, threading.Lock())
        with alone:  # other threads wait while one fetches the same pack
            with self._lock:
                found = self._kept.get(name)
                if found is not None:
                    self._kept.move_to_end(name)
                    return found
            if name not in self._sizes:
                raise ObjectMissingError(f"pack {name[:12]} belongs to none of these versions")
            found = self._store.pack(name, self._sizes[name])
            with self._lock:
                self.bytes_read += len(found)
                self.fetched.add(name)
                self._kept[name] = found
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return found
