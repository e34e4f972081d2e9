"""Opens a bucket: by which way requests go, and with whose credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.backends.cloud.backend import CloudBackend
from gitmodel.backends.cloud.checksums import checks_path
from gitmodel.backends.s3.credentials import Person
from gitmodel.backends.s3.service import S3Service
from gitmodel.backends.s3.static_credentials import plain_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitmodel.backends.cloud.fast_path import Transport
    from gitmodel.backends.cloud.retry import Retrier
    from gitmodel.backends.s3.s3fs import FileSystem
    from gitmodel.backends.s3.static_credentials import StaticS3Config
    from gitmodel.domain.config.remote import Remote


def open_s3(
    remote: Remote,
    *,
    trusted: bool,
    profile: str | None,
    environment: Mapping[str, str],
    fast: bool,
    checks_folder: str | None,
    retrier: Retrier | None,
    note: Callable[[str], None] | None = None,
) -> CloudBackend:
    """Open the bucket that a remote names; see `gitmodel.backends.open.open_backend`.

    Args:
        remote: The bucket.
        trusted: See there.
        profile: See there.
        environment: Variables of the process, to know whether settings are plain.
        fast: Requests may take a transport; never to a stranger's endpoint.
        checks_folder: See there.
        retrier: See there.
        note: See there.
    """
    foreign = remote.is_foreign and not trusted
    fast = fast and not foreign

    def open_filesystem() -> FileSystem:
        from gitmodel.backends.s3.s3fs import open_filesystem as open_it

        return open_it(remote, profile=profile, foreign=foreign)

    service = S3Service(Person(profile, environment), open_filesystem, remote)
    if not (foreign or remote.anonymous):
        service.login = (remote.endpoint, profile)
    plain = plain_settings(remote, profile=profile, environment=environment) if fast else None
    server = plain.url if plain is not None else remote.endpoint or f"profile {profile}"
    return CloudBackend(
        service,
        retrier=retrier,
        note=note,
        checks_path=checks_path(checks_folder, remote.url, server),
        writable=not foreign,
        fast=fast,
        open_transport=None if plain is None else lambda: _plain_transport(remote, plain),
    )


def _plain_transport(remote: Remote, plain: StaticS3Config) -> Transport | None:
    from gitmodel.backends.cloud.obstore import S3Address, s3_transport

    address = S3Address(
        url=plain.url, region=plain.region, sse=remote.sse, sse_kms_key_id=remote.sse_kms_key_id
    )
    return s3_transport(address, None if plain.keys is None else lambda: plain.keys)
