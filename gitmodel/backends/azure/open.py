"""Opens a container: credentials, and whether the fast path is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.backends.azure.account import resolve_account
from gitmodel.backends.azure.service import AzureService
from gitmodel.backends.cloud.backend import CloudBackend
from gitmodel.backends.cloud.checksums import checks_path
from gitmodel.backends.cloud.fast_path import is_enabled

if TYPE_CHECKING:
    from gitmodel.backends.azure.account import StaticAzureLogin
    from gitmodel.backends.azure.adlfs import FileSystem
    from gitmodel.backends.cloud.fast_path import Transport
    from gitmodel.backends.open_options import OpenOptions
    from gitmodel.domain.config.remote import Remote


def open_azure(remote: Remote, options: OpenOptions) -> CloudBackend:
    """Open the container of a remote.

    Credentials are the first of these that fits the account: none for an anonymous or untrusted remote; the
    variables AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN; what
    azure-identity finds (`az login`, a managed identity, AZURE_CLIENT_ID and so on). An untrusted foreign
    endpoint gets no writes and no fast path.
    """
    foreign = remote.is_foreign and not options.trusted
    fast = is_enabled(options.environment) and not foreign
    anonymous = remote.anonymous or foreign
    account = resolve_account(remote, options.environment)

    def open_filesystem() -> FileSystem:
        from gitmodel.backends.azure.adlfs import open_filesystem as open_it

        return open_it(account, anonymous=anonymous)

    service = AzureService(account, open_filesystem, remote, anonymous=anonymous)
    static = account.static_login(anonymous=anonymous) if fast else None
    server = account.url or account.name or ""
    return CloudBackend(
        service,
        retrier=options.retrier,
        note=options.note,
        checks_path=checks_path(options.checks_folder, remote.url, server),
        writable=not foreign,
        fast=fast,
        open_transport=(
            None if static is None else lambda: _static_transport(service.bucket, static)
        ),
    )


def _static_transport(container: str, login: StaticAzureLogin) -> Transport | None:
    from gitmodel.backends.cloud.obstore import azure_transport

    return azure_transport(login.url, login.account, container, login.credential)
