"""Text of strangers, made safe to show.

Names, addresses, paths and the output of other programs could move the cursor, reverse the reading
direction or fill the screen. `quote_text` quotes a value in a message, `escaped` writes invisible characters
out, `printable` replaces them by spaces. Guarantee: each returns printable characters on one line.
"""

from __future__ import annotations


def quote_text(text: str, *, limit: int = 60) -> str:
    r"""Return `text` in double quotes, ready for a message.

    Args:
        text: Anything, lone surrogates included.
        limit: Greatest number of characters of the escaped text before it is cut off with an
            ellipsis (the unit is characters, not columns).
    """
    # Cut first: escaping 10 MB to show 60 characters of it would be work for nothing.
    line = escaped(text[: limit + 1].replace("\\", r"\\").replace('"', r"\""))
    if len(text) > limit or len(line) > limit:
        return f'"{line[:limit]}…"'
    return f'"{line}"'


def escaped(text: str) -> str:
    r"""Return `text` with everything that is not printable written out: `\x1b`, `\n`, `\u202e`.

    Not printable for Python are controls, format characters (bidirectional, zero width), separators
    other than the plain space, surrogates and unassigned characters.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode("ascii")
        for one in text
    )


def printable(text: str) -> str:
    """Return `text` with spaces for everything that is not printable."""
    return "".join(one if one.isprintable() else " " for one in text)


def without_user_info(url: str) -> str:
    """Return a Git URL without user name and password, so that it can be shown and stored.

    `https://user:token@host/a.git` and `git@host:a.git` lose what stands before the `@`; a path of
    this machine stays as it is.
    """
    scheme, separator, rest = url.partition("://")
    if separator:
        authority, slash, path = rest.partition("/")
        return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
    host, colon, path = url.partition(":")
    if colon and "/" not in host:
        return f"{host.rpartition('@')[2]}:{path}"
    return url
