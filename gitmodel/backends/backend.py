"""The interface of backends: objects by key, in a folder, in S3 or in Azure.

An object is bytes under a key ("packs/ab/…"). Names, digests and verification are in `store`. All methods are
thread-safe and idempotent: a call may be repeated after any failure.

Guarantee: a reader sees a whole object or none, and of several concurrent creates of one key exactly one
succeeds (on a store with exclusive creation, which `doctor` tests).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class ObjectInfo(NamedTuple):
    """An entry of a listing."""

    key: str  # without the remote's own prefix
    size: int  # bytes
    modified: float  # Unix seconds by the store's clock; compare only with times of that store
    etag: str  # the store's opaque tag of this content or write; empty if there is none


class Backend(Protocol):
    """Objects by key.

    Every method can raise RemoteUnreachableError (no response, or only failures, after all retries),
    RemoteDeniedError (wrong or missing credentials, or a missing permission), RemoteMissingError (the
    bucket, container or folder does not exist) and UnsafePathError (the key is not a plain relative path).
    """

    @property
    def url(self) -> str:
        """The address for messages, without secrets."""

    def read(self, key: str, *, limit: int) -> bytes:
        """Return a whole object.

        Raises ObjectMissingError if it does not exist, DamagedObjectError if it is larger than `limit`
        bytes or ended early.
        """

    def read_range(self, key: str, start: int, size: int) -> bytes:
        """Return exactly `size` bytes from offset `start`.

        Raises ObjectMissingError if the object does not exist, DamagedObjectError if it ends before that.
        """

    def create(self, key: str, data: bytes | memoryview) -> bool:
        """Write an object only if its key does not exist.

        An unclear response (lost, "exists") is followed by reading the object back, so a success is never
        reported as a conflict. Content that changed in transit is written again. Returns whether the object
        now holds `data`, whoever wrote it.
        """

    def read_back(self, key: str, *, limit: int) -> bytes:
        """Return a whole object from the store, not from a cache of this machine.

        Raises: as `read`.
        """

    def write(self, key: str, data: bytes | memoryview) -> bool:
        """Create or replace an object; readers see the old bytes or the new ones, never a mixture.

        Returns whether the stored content is known to be `data`: the server compared a checksum, it was
        read back, or the system reported that it was flushed. False only for packs, which the caller reads
        back.
        """

    def size(self, key: str) -> int | None:
        """Return the size of an object in bytes, None if it does not exist.

        Raises RemoteDeniedError also if the store does not reveal whether it exists.
        """

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield all objects whose key begins with `prefix` (a string prefix, "" for all).

        The order is undefined. Objects created or deleted during the listing may be missing or included.
        """

    def delete(self, key: str) -> None:
        """Delete an object; a missing one is no error."""

    def prove_checks(self) -> dict[str, bool]:
        """Send wrong checksums; returns whether the server compares them, by kind.

        Kinds with an unclear result are omitted.
        """

    def close(self) -> None:
        """Close connections; idempotent. No other method may be called afterwards."""
