"""Opens a bucket: credentials, and whether the fast path is used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitmodel.backends.cloud.backend import CloudBackend
from gitmodel.backends.cloud.checksums import checks_path
from gitmodel.backends.cloud.fast_path import is_enabled
from gitmodel.backends.s3.credentials import CredentialSource
from gitmodel.backends.s3.service import S3Service
from gitmodel.backends.s3.static_credentials import static_config

if TYPE_CHECKING:
    from gitmodel.backends.cloud.fast_path import Transport
    from gitmodel.backends.open_options import OpenOptions
    from gitmodel.backends.s3.s3fs import FileSystem
    from gitmodel.backends.s3.static_credentials import StaticS3Config
    from gitmodel.domain.config.remote import Remote


def open_s3(remote: Remote, options: OpenOptions) -> CloudBackend:
    """Open the bucket of a remote.

    An untrusted foreign endpoint gets no credentials, no writes and no fast path.
    """
    foreign = remote.is_foreign and not options.trusted
    fast = is_enabled(options.environment) and not foreign
    profile = options.profile

    def open_filesystem() -> FileSystem:
        from gitmodel.backends.s3.s3fs import open_filesystem as open_it

        return open_it(remote, profile=profile, foreign=foreign)

    service = S3Service(CredentialSource(profile, os.environ), open_filesystem, remote)
    if not (foreign or remote.anonymous):
        service.login = (remote.endpoint, profile)
    static = static_config(remote, profile=profile, environment=os.environ) if fast else None
    server = static.url if static is not None else remote.endpoint or f"profile {profile}"
    return CloudBackend(
        service,
        retrier=options.retrier,
        note=options.note,
        checks_path=checks_path(options.checks_folder, remote.url, server),
        writable=not foreign,
        fast=fast,
        open_transport=None if static is None else lambda: _static_transport(remote, static),
    )


def _static_transport(remote: Remote, config: StaticS3Config) -> Transport | None:
    from gitmodel.backends.cloud.obstore import S3Address, s3_transport

    address = S3Address(
        url=config.url, region=config.region, sse=remote.sse, sse_kms_key_id=remote.sse_kms_key_id
    )
    return s3_transport(address, None if config.keys is None else lambda: config.keys)
