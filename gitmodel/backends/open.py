"""Opens the backend that a remote's address names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.domain.config.address import is_system_folder
from gitmodel.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitmodel.backends.backend import Backend
    from gitmodel.backends.cloud.retry import Retrier
    from gitmodel.domain.config.remote import Remote


__all__ = ["folder_of", "open_backend"]


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
        from gitmodel.backends.folder import FolderBackend

        return FolderBackend(folder_of(remote, root=root), create_root=create_root)
    from gitmodel.backends.cloud.fast_path import is_wanted

    chosen = os.environ if environment is None else environment
    fast = is_wanted(chosen)
    if remote.scheme == "s3":
        from gitmodel.backends.s3.open import open_s3

        return open_s3(
            remote,
            trusted=trusted,
            profile=profile,
            environment=os.environ,
            fast=fast,
            checks_folder=checks_folder,
            retrier=retrier,
            note=note,
        )
    from gitmodel.backends.azure.service import open_azure

    return open_azure(
        remote,
        trusted=trusted,
        environment=chosen,
        fast=fast,
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
