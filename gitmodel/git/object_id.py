"""Object ids as Git writes them: SHA-1 has 40 hex digits, SHA-256 has 64."""

from __future__ import annotations

_HEX_DIGITS = frozenset("0123456789abcdef")


def is_oid(text: str) -> bool:
    """Whether a text is a full object id."""
    return len(text) in {40, 64} and not set(text) - _HEX_DIGITS
