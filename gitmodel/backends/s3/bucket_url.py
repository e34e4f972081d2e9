"""Where requests to a bucket go, read off a request that botocore made.

It depends on options, profile, environment, the rules for the region, and redirects; a second reading
of all these would be wrong somewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Sent:
    """The last request.

    Args:
        url: Its address, with bucket, key and query.
        region: What it was signed for, or None if it was not signed.
    """

    url: str
    region: str | None

    def bucket_url(self, bucket: str, endpoint: str) -> str | None:
        """Address of the bucket itself; None for one of a form that is not known here.

        Args:
            bucket: Its name.
            endpoint: Address of the server without the bucket.
        """
        sent, server = urlsplit(self.url), urlsplit(endpoint)
        path = server.path.rstrip("/")
        if sent.netloc != server.netloc and sent.netloc.startswith(f"{bucket}."):
            return f"{sent.scheme}://{sent.netloc}{path}"
        path = f"{path}/{bucket}"
        if f"{sent.path}/".startswith(f"{path}/"):
            return f"{sent.scheme}://{sent.netloc}{path}"
        return None
