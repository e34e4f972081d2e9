"""The file system of adlfs around a client of ours; the only importer of adlfs.

The client is made here, because adlfs takes secrets from the environment for whatever account a
repository names, has no way to switch off the retries of the Azure SDK, and cannot be given the address
of another cloud over http. Importing all that takes 0.85 s, so nothing does before it is needed.
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

# Larger than any pack, so that one is one GET and one PUT and never blocks that are put together.
SINGLE_REQUEST_BYTES = 64 << 20
# The SDK logs warnings while requests fail, and Python prints those of a logger that nobody handles.
logging.getLogger("azure").addHandler(logging.NullHandler())


class FileSystem(AzureBlobFileSystem):  # type: ignore[misc] # adlfs has no types
    """adlfs around a client of ours; no settings from fsspec's files and variables (see `s3_filesystem.py`)."""

    protocol = "gitmodel-az"

    def __init__(self, client: BlobServiceClient, login: Any, **options: object) -> None:
        self.service_client = client
        self.login = login  # what has to be closed with the client, or None
        # With a connection string (not used, see `do_connect`) adlfs does not look for credentials.
        unused = {"account_name": "unused", "connection_string": "unused", "anon": True}
        super().__init__(**unused, **options)

    def do_connect(self) -> None:
        """Keep the client that was given; adlfs would make one from the environment."""


def open_filesystem(account: Account, *, anonymous: bool) -> FileSystem:
    """Make the file system of an account; nothing is sent.

    Args:
        account: Which, and with what to log in.
        anonymous: Send no credentials.
    """
    client, login = account.open_client(
        anonymous=anonymous,
        connection_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        max_single_get_size=SINGLE_REQUEST_BYTES,
        max_single_put_size=SINGLE_REQUEST_BYTES,
        retry_total=0,
        raw_request_hook=_send_in_pieces,
    )
    return FileSystem(
        client, login, skip_instance_cache=True, use_listings_cache=False, max_concurrency=1
    )


def _send_in_pieces(request: Any) -> None:
    """Let aiohttp send a large body piece by piece; given bytes, it blocks its loop and warns."""
    body = request.http_request.data
    if isinstance(body, bytes):
        request.http_request.data = io.BytesIO(body)
