"""A cache of what a remote has, so that a push with nothing new needs no network.

One append-only text file a remote, in the cache. Its lines:

    store ID             the lines before are about another store and do not count
    OID                  a pointer blob: its weights are on the remote, and its version is claimed
    beside OID HASH      an alias file, by its blob and a hash of its path: it is proven
    stored DIGEST        weights that a push uploaded or a fetch found
    walked COMMIT        a commit whose history has nothing left that this cache could upload
    bad NAME             a pack, or a manifest by its digest, whose bytes on the remote were damaged
    hole DIGEST VERSION  a version that was incomplete on the remote
    not LINE             withdraws a line

If the file is lost, the next push checks the remote again. A torn last line is ignored. For pointers that a
push introduces the ledger is no proof.
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
    """Confirmed pointer blobs of one remote, which is named by the fingerprint of its address."""

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
            except OSError:  # missing, or readable for another user only
                return self._known
            for line in text.split("\n")[:-1]:  # text after the last newline is torn
                if line.startswith("store "):
                    self._store_id = line[6:]
                    self._known.clear()
                elif line.startswith("not "):
                    self._known.discard(line[4:])
                else:
                    self._known.add(line)
        return self._known

    def knows(self, blob: str) -> bool:
        """Whether a pointer blob was confirmed on the remote."""
        return blob in self._load()

    def knows_file(self, path: str, blob: str) -> bool:
        """Whether an alias file was proven at this path. A copy at another path is another file."""
        return _beside(path, blob) in self._load()

    def confirm_files(self, files: Iterable[tuple[str, str]]) -> None:
        """Record alias files, by path and blob, as proven."""
        self.confirm(_beside(path, blob) for path, blob in files)

    def belongs_to(self, store_id: str) -> None:
        """Clear the ledger if the remote is another store than before."""
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
        """Record that a version is missing or incomplete, and withdraw that it was complete.

        `blob` is the Git blob id of its pointer, `version` a reference for messages: `fraud@3`. Walked
        commits are withdrawn too, so that the next push finds what they left out.
        """
        walks = [line for line in self._load() if line.startswith("walked ")]
        self._remove([blob, f"stored {digest.hex}", *walks])
        self.confirm([f"hole {digest.hex} {version}"])

    def note_whole(self, digests: Iterable[Digest]) -> None:
        """Record that weights are complete on the remote."""
        known = self._load()
        whole = {digest.hex for digest in digests}
        self._remove([x for x in known if x.startswith("hole ") and x.split(" ")[1] in whole])
        self.confirm(f"stored {hex_}" for hex_ in sorted(whole))

    def holes(self) -> list[str]:
        """Versions that were missing or incomplete at the last check, as references."""
        known = {line.split(" ", 2)[2] for line in self._load() if line.startswith("hole ")}
        return sorted(known)

    def bad(self) -> frozenset[str]:
        """Packs, and digests of manifests, whose bytes were wrong when they were last read."""
        return frozenset(line[4:] for line in self._load() if line.startswith("bad "))

    def note_bytes(self, *, bad: Iterable[str] = (), good: Iterable[str] = ()) -> None:
        """Record whether packs, or manifests (by digest), have wrong bytes."""
        self.confirm(f"bad {name}" for name in bad)
        self._remove([f"bad {name}" for name in good])

    def is_of_a_store(self) -> bool:
        """Whether this cache has ever pushed to the remote."""
        self._load()
        return bool(self._store_id)

    def has_hole(self, digest: Digest) -> bool:
        """Whether a version of these weights was incomplete at the last check."""
        return any(line.startswith(f"hole {digest.hex} ") for line in self._load())

    def has_stored(self, digest: Digest) -> bool:
        """Whether a push or fetch of this cache has found a digest's weights on the remote."""
        return f"stored {digest.hex}" in self._load()

    def walked(self) -> frozenset[str]:
        """Commits whose history has no versions that an earlier push has missed."""
        return frozenset(line[7:] for line in self._load() if line.startswith("walked "))

    def note_walked(self, commits: Iterable[str]) -> None:
        """Record that the remote has all versions in these commits' history that the cache has."""
        self.confirm(f"walked {commit}" for commit in commits)

    def journal(self) -> UploadJournal:
        """The journal of the running or interrupted push."""
        return UploadJournal(f"{self._path}.packs")

    def _remove(self, lines: list[str]) -> None:
        known = self._load()
        there = [line for line in lines if line in known]
        if there:
            self._append([f"not {line}" for line in there])
            known.difference_update(there)

    def _append(self, lines: list[str]) -> None:
        remember_lines(self._path, lines)


def _beside(path: str, blob: str) -> str:
    """A line; paths may contain newlines."""
    return f"beside {blob} {digest_of(os.fsencode(path)).hex[:32]}"


class UploadJournal:
    """Packs that an unfinished push has uploaded, so that the next one sends only the rest.

    A name is added after the remote has confirmed the pack, and the journal is cleared when the manifests are
    published. The next push still checks each pack on the remote after writing its intent: a pack
    that a garbage collection has deleted is sent again.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()

    def packs(self) -> frozenset[str]:
        """Names of the uploaded packs."""
        try:
            with open(self._path, encoding="ascii", errors="replace") as stream:
                return frozenset(stream.read().split("\n")[:-1])
        except OSError:  # missing, or readable for another user only
            return frozenset()

    def arrived(self, name: str) -> None:
        """Add an uploaded pack; for several threads."""
        with self._lock:
            remember_lines(self._path, [name])

    def clear(self) -> None:
        """Clear the journal, after the manifests of its packs were published."""
        with suppress(OSError):
            os.unlink(self._path)
