"""Checksums that go with a body, for the server to compare.

A body that changes on its way, without TLS or behind the end of it, is stored as it arrives unless the
server has something to compare it with. SeaweedFS does not compare it with the hash that is signed:
it stored packs with a bit flipped by a proxy and answered 200 (measured).
"""

from __future__ import annotations

import base64


def md5_of(data: bytes) -> str:
    """The value of `Content-MD5`, which servers know that know no other checksum (RFC 1864).

    It tells an accident, no attack: who can change a body can change its checksum. Late import: most
    requests never come here.
    """
    import hashlib

    digest = hashlib.md5(data, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")
