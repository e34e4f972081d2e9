"""What is known to be on a remote, so that a push with nothing new needs no network.

One append-only text file a remote in the cache. A line is one pointer blob that a push of this
clone (or of another clone with the same cache) has confirmed: its weights are on the remote and
its version is claimed; or `stored` and a digest whose weights a push brought or a fetch found there;
or `walked` and a commit in whose history nothing is left that this cache could bring. Losing the file
costs one look at the remote; a torn last line is ignored.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.digest import digest_of
from gitmodel.store.handles import remember_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.domain.digest import Digest


class Ledger:
    """Confirmed pointer blobs of one remote.

    Args:
        folder: Where ledgers lie (in the cache).
        remote: What tells remotes apart: the fingerprint of the address.
    """

    def __init__(self, folder: str, remote: str) -> None:
        self._path = os.path.join(folder, digest_of(remote.encode()).hex[:32])
        self._known: set[str] | None = None
        self._store_id = ""

    def _load(self) -> set[str]:
        if self._known is None:
            self._known = set()
            try:
                with open(self._path, encoding="ascii", errors="replace") as stream:
                    text = stream.read()
            except OSError:  # missing, or for another person alone
                return self._known
            for line in text.split("\n")[:-1]:  # what follows the last newline is torn
                if line.startswith("store "):
                    self._store_id = line[6:]
                    self._known.clear()
                else:
                    self._known.add(line)
        return self._known

    def knows(self, blob: str) -> bool:
        """Whether the pointer with this Git blob id was confirmed on the remote."""
        return blob in self._load()

    def belongs_to(self, store_id: str) -> None:
        """Forget everything if the remote is another store than the one the ledger was kept for."""
        self._load()
        if store_id != self._store_id:
            self._append([f"store {store_id}"])
            self._store_id = store_id
            self._known = set()

    def confirm(self, blobs: Iterable[str]) -> None:
        """Record pointers as confirmed."""
        known = self._load()
        new = [blob for blob in dict.fromkeys(blobs) if blob not in known]
        if new:
            self._append(new)
            known.update(new)

    def has_stored(self, digest: Digest) -> bool:
        """Whether a push or a fetch of this cache has seen the weights of this digest on the remote."""
        return f"stored {digest.hex}" in self._load()

    def note_stored(self, digests: Iterable[Digest]) -> None:
        """Record that weights are on the remote; whether their version is claimed is another matter."""
        self.confirm(f"stored {digest.hex}" for digest in digests)

    def walked(self) -> frozenset[str]:
        """Commits in whose history no push has to look for versions that were left behind."""
        return frozenset(line[7:] for line in self._load() if line.startswith("walked "))

    def note_walked(self, commits: Iterable[str]) -> None:
        """Record that whatever of these commits' history is in the cache is on the remote."""
        self.confirm(f"walked {commit}" for commit in commits)

    def journal(self) -> UploadJournal:
        """The journal of the push that is under way or was interrupted."""
        return UploadJournal(f"{self._path}.packs")

    def _append(self, lines: list[str]) -> None:
        remember_lines(self._path, lines)


class UploadJournal:
    """Packs that an unfinished push has uploaded, so that the next one sends only the rest.

    A name is written down after the pack was sent and found there with its size, and the journal is
    emptied when the manifests are out. The next push still asks the remote for each of them, after
    it has written its intent: what a collection took in between is sent again.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()

    def packs(self) -> frozenset[str]:
        """Names of packs that arrived."""
        try:
            with open(self._path, encoding="ascii", errors="replace") as stream:
                return frozenset(stream.read().split("\n")[:-1])
        except OSError:  # missing, or for another person alone
            return frozenset()

    def arrived(self, name: str) -> None:
        """Write down that a pack arrived; from any thread."""
        with self._lock:
            remember_lines(self._path, [name])

    def clear(self) -> None:
        """Empty the journal: everything it names is named by a manifest now."""
        with suppress(OSError):
            os.unlink(self._path)
