"""What is known to be on a remote, so that a push with nothing new needs no network.

One append-only text file a remote in the cache. A line is one pointer blob that a push of this
clone (or of another clone with the same cache) has confirmed: its weights are on the remote and
its version is claimed; or `stored` and a digest whose weights a push brought or a fetch found there;
or `walked` and a commit in whose history nothing is left that this cache could bring; or `bad` and a pack or
manifest (by its digest) whose bytes on the remote were found damaged; or `hole`, a digest and a version that was found incomplete. `not` and a line takes that line back. Losing the file costs one
look at the remote; a torn last line is ignored.

It spares a push with nothing new the network. Of what a push introduces it is no proof.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from gitmodel.domain.digest import digest_of
from gitmodel.files.safe_open import remember_lines

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
                with open(self._path, encoding="utf-8", errors="replace") as stream:
                    text = stream.read()
            except OSError:  # missing, or for another person alone
                return self._known
            for line in text.split("\n")[:-1]:  # what follows the last newline is torn
                if line.startswith("store "):
                    self._store_id = line[6:]
                    self._known.clear()
                elif line.startswith("not "):
                    self._known.discard(line[4:])
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

    def note_hole(self, blob: str, digest: Digest, version: str) -> None:
        """Record that a version was found missing or incomplete, and forget that it was ever whole.

        Which commits were walked is forgotten too: what a walk left out is to be found by the next one.

        Args:
            blob: The Git blob id of its pointer.
            digest: Of its weights.
            version: As a reference, for messages: `fraud@3`.
        """
        walks = [line for line in self._load() if line.startswith("walked ")]
        self._remove([blob, f"stored {digest.hex}", *walks])
        self.confirm([f"hole {digest.hex} {version}"])

    def note_whole(self, digests: Iterable[Digest]) -> None:
        """Record that weights were seen whole on the remote, so that they are no hole any more."""
        known = self._load()
        whole = {digest.hex for digest in digests}
        self._remove([x for x in known if x.startswith("hole ") and x.split(" ")[1] in whole])
        self.confirm(f"stored {hex_}" for hex_ in sorted(whole))

    def holes(self) -> list[str]:
        """Versions that were found missing or incomplete when somebody looked last, as references."""
        known = {line.split(" ", 2)[2] for line in self._load() if line.startswith("hole ")}
        return sorted(known)

    def bad(self) -> frozenset[str]:
        """Packs, and digests of manifests, whose bytes on the remote were wrong when they were last read."""
        return frozenset(line[4:] for line in self._load() if line.startswith("bad "))

    def note_bytes(self, *, bad: Iterable[str] = (), good: Iterable[str] = ()) -> None:
        """Record that packs, or manifests (by digest), have wrong bytes, or the right ones again."""
        self.confirm(f"bad {name}" for name in bad)
        self._remove([f"bad {name}" for name in good])

    def is_of_a_store(self) -> bool:
        """Whether this cache has pushed to the remote before, whatever became of that store since."""
        self._load()
        return bool(self._store_id)

    def has_stored(self, digest: Digest) -> bool:
        """Whether a push or a fetch of this cache has seen the weights of this digest on the remote."""
        return f"stored {digest.hex}" in self._load()

    def walked(self) -> frozenset[str]:
        """Commits in whose history no push has to look for versions that were left behind."""
        return frozenset(line[7:] for line in self._load() if line.startswith("walked "))

    def note_walked(self, commits: Iterable[str]) -> None:
        """Record that whatever of these commits' history is in the cache is on the remote."""
        self.confirm(f"walked {commit}" for commit in commits)

    def journal(self) -> UploadJournal:
        """The journal of the push that is under way or was interrupted."""
        return UploadJournal(f"{self._path}.packs")

    def _remove(self, lines: list[str]) -> None:
        known = self._load()
        there = [line for line in lines if line in known]
        if there:
            self._append([f"not {line}" for line in there])
            known.difference_update(there)

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
