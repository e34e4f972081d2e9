"""Escapes untrusted text for messages.

Names, addresses, paths and the output of other programs could move the cursor, reverse the reading
direction or fill the screen. `quote_text` escapes, shortens and quotes a value, `escaped` only escapes,
`printable` replaces characters by spaces. Guarantee: each returns printable characters on one line.
"""

from __future__ import annotations


def quote_text(text: str, *, limit: int = 60) -> str:
    r"""Return any text, also with surrogates, in double quotes, escaped and shortened, for a message.

    More than `limit` characters after escaping end with an ellipsis.
    """
    # Shortened first, because escaping a long text takes time.
    line = escaped(text[: limit + 1].replace("\\", r"\\").replace('"', r"\""))
    if len(text) > limit or len(line) > limit:
        return f'"{line[:limit]}…"'
    return f'"{line}"'


def escaped(text: str) -> str:
    r"""Return `text` with characters that are not printable as escapes: `\x1b`, `\n`, `\u202e`.

    These are controls, format characters (bidirectional, zero width), separators except the space,
    surrogates and unassigned characters.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode("ascii")
        for one in text
    )


def printable(text: str) -> str:
    """Return `text` with characters that are not printable replaced by spaces."""
    return "".join(one if one.isprintable() else " " for one in text)


def without_user_info(url: str) -> str:
    """Return a Git URL without user name and password: `git@host:a.git` becomes `host:a.git`.

    Local paths are unchanged.
    """
    scheme, separator, rest = url.partition("://")
    if separator:
        authority, slash, path = rest.partition("/")
        return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
    host, colon, path = url.partition(":")
    if colon and "/" not in host:
        return f"{host.rpartition('@')[2]}:{path}"
    return url
