"""The last line of pointers and alias files: a hash of the lines before it.

It detects files that Git merged line by line or that were edited by hand. It does not detect attacks.
"""

from __future__ import annotations

from blake3 import blake3


def check_of(body: str) -> str:
    """Return 16 hex digits of BLAKE3, which detect accidents but not attacks."""
    return blake3(body.encode()).hexdigest()[:16]


def check_as_written(text: str) -> str | None:
    """Return the check of the unchanged lines, or None if they do not end with a check.

    A later gitmodel may order its keys differently; its check still matches its own lines.
    """
    start = 0
    while text.startswith("#", start):
        start = text.find("\n", start) + 1 or len(text)
    end = text.rfind("\ncheck: ") + 1
    whole = text.startswith("gitmodel: ", start) and text.find("\n", end) == len(text) - 1
    return check_of(text[start:end]) if 0 < start < end and whole else None
