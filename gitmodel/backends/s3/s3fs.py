"""The file system of s3fs as this project needs it; the only importer of s3fs.

Importing it takes 0.25 s and its first request 0.1 s more, so nothing does before it is needed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from botocore.exceptions import NoCredentialsError
from s3fs import S3FileSystem

from gitmodel.backends.cloud.service import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS
from gitmodel.backends.s3.bucket_url import Sent
from gitmodel.backends.s3.credentials import LoginError

if TYPE_CHECKING:
    from gitmodel.domain.config.remote import Remote

# More than the eight packs in flight, so that a claim need not wait for one of them.
CONNECTIONS = 16
# They log warnings with tracebacks while requests and logins fail, and Python prints those of a logger
# that nobody handles. What matters is raised, too.
for _name in ("botocore", "aiobotocore", "s3fs", "fsspec", "urllib3"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


class FileSystem(S3FileSystem):  # type: ignore[misc] # s3fs has no types
    """s3fs with one try, and without the settings that fsspec takes from its own files and variables.

    Those are looked up by protocol name; a name of our own finds none (FSSPEC_S3_KEY and the like).
    """

    protocol = "gitmodel-s3"
    retries = 1
    sent: Sent | None = None

    async def set_session(self, *arguments: Any, **options: Any) -> Any:
        """Return the client, as s3fs asks for it before each request.

        Raises:
            LoginError: There are no credentials. They are looked for here, and renewed where they
                are about to expire, so that no request fails for want of them.
        """
        try:
            client = await super().set_session(*arguments, **options)
            await self._look_for_credentials()
        except Exception as error:
            if _is_about_the_address(error):
                raise
            raise LoginError from error
        events = client.meta.events
        events.register("request-created.s3", self._remember, unique_id="gitmodel")
        return client

    async def _look_for_credentials(self) -> None:
        if self.anon:
            return
        credentials = await self.session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        await credentials.get_frozen_credentials()

    def _remember(self, request: Any, **_: Any) -> None:
        self.sent = Sent(request.url, request.context.get("signing", {}).get("region"))


def _is_about_the_address(error: Exception) -> bool:
    """Whether the client was refused for where it would ask; botocore says so in words alone."""
    return isinstance(error, ValueError) and "endpoint" in str(error).lower()


def open_filesystem(remote: Remote, *, profile: str | None, foreign: bool) -> FileSystem:
    """Make the file system of a remote; nothing is sent.

    Args:
        remote: An `s3` remote.
        profile: The person's own choice of a profile.
        foreign: The address gets no credentials.
    """
    config = {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "read_timeout": READ_TIMEOUT_SECONDS,
        "max_pool_connections": CONNECTIONS,
        "retries": {"total_max_attempts": 1},
        # The CRC headers that botocore adds by default break many compatible stores, and every
        # byte is checked against its name anyway.
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
