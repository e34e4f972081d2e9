"""The URL of a bucket, from a request that botocore sent.

The URL depends on options, profile, environment, rules for the region, and redirects, which only botocore
evaluates completely.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request that botocore sent, with bucket, key and query in its URL; the region is of its signature."""

    url: str
    region: str | None

    def bucket_url(self, bucket: str, endpoint: str) -> str | None:
        """URL of the bucket itself; None if the form of the request is unknown.

        `endpoint` is the address of the server without the bucket.
        """
        sent, server = urlsplit(self.url), urlsplit(endpoint)
        path = server.path.rstrip("/")
        if sent.netloc != server.netloc and sent.netloc.startswith(f"{bucket}."):
            return f"{sent.scheme}://{sent.netloc}{path}"
        path = f"{path}/{bucket}"
        if f"{sent.path}/".startswith(f"{path}/"):
            return f"{sent.scheme}://{sent.netloc}{path}"
        return None
