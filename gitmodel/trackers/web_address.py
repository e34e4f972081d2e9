"""Addresses of pages, from variables of the environment.

Guarantee: an address is http or https with a host, is printable, has at most 2,000 characters, and has
no user info, query or fragment, any of which may hold a password or a token.
"""

from __future__ import annotations

from typing import Final

_MAX_CHARACTERS: Final = 2_000


def web_address(base: str, *segments: str) -> str | None:
    """Return the address of a page, or None if it would not be one.

    Args:
        base: What the page is below; the variable of somebody else's program.
        segments: Parts of the path below it. They are quoted; an empty one is no page.
    """
    from urllib.parse import quote, urlsplit

    try:
        parts = urlsplit(base.strip())
        host = parts.netloc.rpartition("@")[2]
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    if not valid or not all(segments) or {".", ".."} & set(segments):
        return None
    quoted = [quote(segment, safe="", errors="replace") for segment in segments]
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._", errors="replace")
    address = "/".join([f"{parts.scheme}://{host}{path}".rstrip("/"), *quoted])
    usable = len(address) <= _MAX_CHARACTERS and address.isprintable() and " " not in address
    return address if usable else None
