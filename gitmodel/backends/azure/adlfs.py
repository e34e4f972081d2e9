"""The file system of adlfs with its own client of the Azure SDK; the only importer of adlfs.

The client is created here, because adlfs sends secrets of the environment to any account that a repository names,
cannot disable the retries of the Azure SDK, and cannot use another cloud over http. The import takes 0.85 s, so it
is imported when it is needed.
"""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

from adlfs import AzureBlobFileSystem

from gitmodel.backends.cloud.service import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobServiceClient

    from gitmodel.backends.azure.account import Account

# Larger than any pack, so a pack is one GET or one PUT and never several blocks.
SINGLE_REQUEST_BYTES = 64 << 20
# Python prints warnings of loggers without a handler. The SDK also raises what it logs.
logging.getLogger("azure").addHandler(logging.NullHandler())


class FileSystem(AzureBlobFileSystem):  # type: ignore[misc] # adlfs has no types
    """adlfs with a given client, and without settings from files and variables of fsspec."""

    protocol = "gitmodel-az"

    def __init__(self, client: BlobServiceClient, login: Any, **options: object) -> None:
        self.service_client = client
        self.login = login  # closed with the client, or None
        # With a connection string (not used, see `do_connect`) adlfs does not look for credentials.
        unused = {"account_name": "unused", "connection_string": "unused", "anon": True}
        super().__init__(**unused, **options)

    def do_connect(self) -> None:
        """Keep the given client; adlfs would create one from the environment."""


def open_filesystem(account: Account, *, anonymous: bool) -> FileSystem:
    """Open the file system of an account; sends no request."""
    client, login = account.open_client(
        anonymous=anonymous,
        connection_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        max_single_get_size=SINGLE_REQUEST_BYTES,
        max_single_put_size=SINGLE_REQUEST_BYTES,
        retry_total=0,
        raw_request_hook=_stream_body,
    )
    return FileSystem(
        client, login, skip_instance_cache=True, use_listings_cache=False, max_concurrency=1
    )


def _stream_body(request: Any) -> None:
    """Let aiohttp send a large body in parts; with bytes it blocks its loop and warns."""
    body = request.http_request.data
    if isinstance(body, bytes):
        request.http_request.data = io.BytesIO(body)
