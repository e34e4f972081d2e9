"""Opens the backend of a remote: one row for each scheme, the function that opens it.

Each function imports its backend when it is called. `register_store` adds a row from outside the package.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from gitmodel.domain.config.address import is_system_folder, register_scheme
from gitmodel.errors import ConfigError

if TYPE_CHECKING:
    from gitmodel.backends.backend import Backend
    from gitmodel.backends.open_options import OpenOptions
    from gitmodel.domain.config.address import AddressScheme
    from gitmodel.domain.config.remote import Remote


__all__ = ["Opener", "folder_of", "open_backend", "register_store"]


class Opener(Protocol):
    """Opens the backend of a remote of one scheme, without a request."""

    def __call__(self, remote: Remote, options: OpenOptions, /) -> Backend:
        """Return the backend. Raises GitmodelError if the remote or the options cannot be used."""


def open_backend(remote: Remote, options: OpenOptions) -> Backend:
    """Open the backend of a remote. No request is sent before the first call of a method.

    Raises ConfigError for a relative path without `root`, an unknown scheme or an unknown
    GITMODEL_TRANSPORT, RemoteDeniedError if the profile does not exist.
    """
    opener = _openers.get(remote.scheme)
    if opener is None:
        raise ConfigError(f"no store is registered for {remote.scheme}://")
    return opener(remote, options)


def register_store(scheme: AddressScheme, opener: Opener) -> None:
    """Add a store for the rest of the process: its address scheme, and how to open it.

    Raises ValueError if the scheme is registered already, or cannot be one.
    """
    register_scheme(scheme)
    _openers[scheme.name] = opener


def folder_of(remote: Remote, *, root: str | None) -> str:
    """Return the path of a `file` remote; a relative one is joined to the absolute `root`.

    Raises ConfigError if the path is relative and there is no `root`, or if it is a folder of the system.
    """
    if not remote.is_relative:
        return remote.url
    if root is None:
        raise ConfigError(
            f"the remote {remote.url} is a relative path outside a repository",
            hint="gitmodel remote add URL, with an absolute path",
        )
    path = os.path.normpath(os.path.join(root, remote.url))
    if is_system_folder(path):  # `../../../etc` is recognized only after it was joined
        raise ConfigError(f"the remote {remote.url} is refused: that folder belongs to the system")
    return path


def _open_folder(remote: Remote, options: OpenOptions) -> Backend:
    from gitmodel.backends.folder import FolderBackend

    return FolderBackend(folder_of(remote, root=options.root), create_root=options.create_root)


def _open_s3(remote: Remote, options: OpenOptions) -> Backend:
    from gitmodel.backends.s3.open import open_s3

    return open_s3(remote, options)


def _open_azure(remote: Remote, options: OpenOptions) -> Backend:
    from gitmodel.backends.azure.open import open_azure

    return open_azure(remote, options)


_openers: dict[str, Opener] = {"file": _open_folder, "s3": _open_s3, "az": _open_azure}
