"""The file system of s3fs with one attempt per request; the only importer of s3fs.

The import takes 0.25 s and the first request 0.1 s more, so it is imported when it is needed.
"""

from __future__ import annotations

import logging
import weakref
from typing import TYPE_CHECKING, Any

from botocore.exceptions import NoCredentialsError
from s3fs import S3FileSystem

from gitmodel.backends.cloud.service import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS
from gitmodel.backends.s3.bucket_url import SentRequest
from gitmodel.backends.s3.credentials import CredentialsError

if TYPE_CHECKING:
    from gitmodel.domain.config.remote import Remote

# More than the eight concurrent packs, so a claim does not wait for a pack.
CONNECTIONS = 16
# Python prints warnings of loggers without a handler. These libraries also raise what they log.
for _name in ("botocore", "aiobotocore", "s3fs", "fsspec", "urllib3"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


class FileSystem(S3FileSystem):  # type: ignore[misc] # s3fs has no types
    """s3fs with one attempt per request, and without settings from files and variables of fsspec.

    fsspec looks these up by protocol (FSSPEC_S3_KEY), and there are none for this protocol.
    """

    protocol = "gitmodel-s3"
    retries = 1
    last_request: SentRequest | None = None

    async def set_session(self, *arguments: Any, **options: Any) -> Any:
        """Return the client, as s3fs asks for it before each request.

        Raises CredentialsError if there are no credentials. They are found, and renewed before they expire,
        here and not in a request.
        """
        try:
            client = await super().set_session(*arguments, **options)
            await self._require_credentials()
        except Exception as error:
            if _is_endpoint_error(error):
                raise
            raise CredentialsError from error
        # s3fs keeps the client until this object is gone, so the client must not keep this object: 12 MB each.
        me = weakref.ref(self)

        def record(request: Any, **_: Any) -> None:
            if (filesystem := me()) is not None:
                region = request.context.get("signing", {}).get("region")
                filesystem.last_request = SentRequest(request.url, region)

        client.meta.events.register("request-created.s3", record, unique_id="gitmodel")
        return client

    async def _require_credentials(self) -> None:
        if self.anon:
            return
        credentials = await self.session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        await credentials.get_frozen_credentials()


def _is_endpoint_error(error: Exception) -> bool:
    """Whether botocore refused the endpoint, which only the text of the error shows."""
    return isinstance(error, ValueError) and "endpoint" in str(error).lower()


def open_filesystem(remote: Remote, *, profile: str | None, foreign: bool) -> FileSystem:
    """Open the file system of an `s3` remote; sends no request. A foreign one gets no credentials."""
    config = {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "read_timeout": READ_TIMEOUT_SECONDS,
        "max_pool_connections": CONNECTIONS,
        "retries": {"total_max_attempts": 1},
        # The CRC headers that botocore adds by default fail on many compatible stores, and digests check
        # the content anyway.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    if remote.addressing != "auto":
        config["s3"] = {"addressing_style": remote.addressing}
    encryption = {"ServerSideEncryption": remote.sse, "SSEKMSKeyId": remote.sse_kms_key_id}
    return FileSystem(
        anon=remote.anonymous or foreign,
        endpoint_url=remote.endpoint,
        client_kwargs={"region_name": remote.region} if remote.region else {},
        config_kwargs=config,
        s3_additional_kwargs={name: value for name, value in encryption.items() if value},
        skip_instance_cache=True,
        use_listings_cache=False,
        **({"profile": profile} if profile and not foreign else {}),
    )
