"""Where objects live: one small interface over folders, S3 and Azure.

A *backend* holds objects by *key* ("packs/ab/…"), bytes under a name. It knows nothing about what the
bytes mean: names, digests and verification are one floor up, in `objects.py`. All methods may be
called from several threads at once, and all are idempotent: calling one again after any failure is
safe.

Guaranteed: a reader sees an object whole or not at all, and of many who create one key at the same
time exactly one owns it (on a store that honours exclusive creation; `doctor` tries).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a listing says about one object.

    Args:
        key: Its key, without the remote's own prefix.
        size: Bytes.
        modified: Unix seconds by the store's clock; compare only with other times of that store.
        etag: The store's opaque mark of this content or write; empty where there is none.
    """

    key: str
    size: int
    modified: float
    etag: str


class Backend(Protocol):
    """Objects by key. Every method also raises the errors of the remote as a whole.

    Raises:
        RemoteUnreachableError: No answer, or only failures, after all tries.
        RemoteDeniedError: Wrong or missing credentials, or no permission.
        RemoteMissingError: The bucket, container or folder is not there.
        UnsafePathError: The key is not a plain relative path.
    """

    @property
    def url(self) -> str:
        """The place, for messages; never with a secret in it."""

    def read(self, key: str, *, limit: int) -> bytes:
        """Return a whole object.

        Args:
            key: Its key.
            limit: Most bytes that it may have; reading stops there.

        Raises:
            ObjectMissingError: It is not there.
            DamagedObjectError: It is larger than `limit`, or ended early.
        """

    def read_range(self, key: str, start: int, size: int) -> bytes:
        """Return exactly `size` bytes from offset `start`.

        Raises:
            ObjectMissingError: It is not there.
            DamagedObjectError: It ends before that.
        """

    def create(self, key: str, data: bytes | memoryview) -> bool:
        """Write an object only if its key is free.

        An answer that leaves a doubt (lost, "exists already") is followed by reading back, so one's
        own success is never taken for a loss. As with `write`, what changed on its way is written
        again.

        Returns:
            True if the object now holds `data`, whoever wrote it; False if it holds other bytes.
        """

    def read_back(self, key: str, *, limit: int) -> bytes:
        """Return a whole object as the store has it, past what this machine remembers of writing it.

        Raises: as `read`.
        """

    def write(self, key: str, data: bytes | memoryview) -> bool:
        """Create or replace an object; readers see the old bytes or the new ones, never a mixture.

        Returns:
            Whether it is known that what is there is `data`: the server compared a checksum, it was
            read back, or the system said that it was written and flushed. A large pack of which that
            is not known is for the caller to read back; all else is read back here.
        """

    def size(self, key: str) -> int | None:
        """Return the bytes of an object, None if it is not there.

        Raises:
            RemoteDeniedError: Also when the store will not say whether it is there.
        """

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield all objects whose key begins with `prefix` (a string prefix, "" for all).

        The order is not defined. Objects created or deleted meanwhile may or may not be seen.
        """

    def delete(self, key: str) -> None:
        """Delete an object; that it is not there is fine."""

    def prove_checks(self) -> dict[str, bool]:
        """Find out anew, by sending wrong ones, which kinds of checksums of a body the server compares.

        Returns:
            By kind whether it does; without those of which that could not be found out.
        """

    def close(self) -> None:
        """Give connections back; may be called more than once. The backend is not usable after."""
