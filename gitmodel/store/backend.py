"""Where objects live: one small interface over folders, S3 and Azure.

A *backend* holds objects by *key* ("packs/ab/…"), bytes under a name. It knows nothing about what the
bytes mean: names, digests and verification are one floor up, in `objects.py`. All methods may be
called from several threads at once, and all are idempotent: calling one again after any failure is
safe.

Guaranteed: a reader sees an object whole or not at all, and of many who create one key at the same
time exactly one owns it (on a store that honours exclusive creation; `doctor` tries).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from gitmodel.domain.address import is_system_folder
from gitmodel.errors import ConfigError
from gitmodel.store.keys import ObjectInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gitmodel.domain.remote import Remote
    from gitmodel.store.retry import Retrier


__all__ = ["Backend", "ObjectInfo", "folder_of", "open_backend"]


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


def open_backend(
    remote: Remote,
    *,
    trusted: bool,
    profile: str | None = None,
    root: str | None = None,
    create_root: bool = False,
    checks_folder: str | None = None,
    environment: Mapping[str, str] | None = None,
    retrier: Retrier | None = None,
    note: Callable[[str], None] | None = None,
) -> Backend:
    """Open the backend that a remote names. Nothing is sent until the first call of a method.

    Args:
        remote: The address and its options.
        trusted: The person said yes to this address, or chose it. Otherwise an address with its own
            endpoint gets no credentials and nothing is written to it.
        profile: AWS profile, from the person's own settings, never from a committed file.
        root: Folder that relative paths are relative to.
        create_root: Create the folder of a `file` remote if it is not there.
        checks_folder: Where to remember which checksums the server compares (`checks.py`); None
            finds it out for this process alone.
        environment: Variables to take Azure credentials and GITMODEL_TRANSPORT from; default is this
            process's own. (AWS credentials come from the process's own in any case, because botocore
            reads no other.)
        retrier: How to try again; default is `RetryPolicy()`. Folders are never tried again.
        note: Is told, from another thread, when a server has not answered for a while (`waiting.py`).

    Raises:
        ConfigError: A relative path without `root`, or GITMODEL_TRANSPORT is none that is known.
        RemoteDeniedError: The profile does not exist.
    """
    if remote.scheme == "file":
        from gitmodel.store.folder import FolderBackend

        return FolderBackend(folder_of(remote, root=root), create_root=create_root)
    from gitmodel.store.transport import is_wanted

    chosen = os.environ if environment is None else environment
    quick = is_wanted(chosen)
    if remote.scheme == "s3":
        from gitmodel.store.s3_opening import open_s3

        return open_s3(
            remote,
            trusted=trusted,
            profile=profile,
            environment=os.environ,
            quick=quick,
            checks_folder=checks_folder,
            retrier=retrier,
            note=note,
        )
    from gitmodel.store.azure import open_azure

    return open_azure(
        remote,
        trusted=trusted,
        environment=chosen,
        quick=quick,
        checks_folder=checks_folder,
        retrier=retrier,
        note=note,
    )


def folder_of(remote: Remote, *, root: str | None) -> str:
    """Return the folder that a `file` remote names.

    Args:
        remote: The address.
        root: Absolute folder that relative paths are relative to.

    Raises:
        ConfigError: The path is relative and there is no `root`, or leads into a folder of the system.
    """
    if not remote.is_relative:
        return remote.url
    if root is None:
        raise ConfigError(
            f"The remote {remote.url} is a relative path, and nothing says relative to what",
            hint="gitmodel remote add URL, with an absolute path",
        )
    whole = os.path.normpath(os.path.join(root, remote.url))
    if is_system_folder(whole):  # `../../../etc` says so only now
        raise ConfigError(f"The remote {remote.url} is refused: that folder belongs to the system")
    return whole
