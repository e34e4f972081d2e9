"""Foreign text inside messages: escaped, bounded, in quotes.

Names, addresses and paths come from repositories of strangers. Printed raw they could move the
cursor, reverse the reading direction or fill the screen, so every error message shows them
through `shown`. Guarantees: one line, printable characters only, never longer than the limit by
more than the quotes and the ellipsis.
"""

from __future__ import annotations


def shown(text: str, *, limit: int = 60) -> str:
    r"""Return `text` in double quotes, ready for a message.

    Args:
        text: Anything, lone surrogates included.
        limit: Greatest number of characters of the escaped text before it is cut off with an
            ellipsis (the unit is characters, not columns).
    """
    # Cut first: escaping 10 MB to show 60 characters of it would be work for nothing.
    escaped = "".join(_escaped(character) for character in text[: limit + 1])
    if len(text) > limit or len(escaped) > limit:
        return f'"{escaped[:limit]}…"'
    return f'"{escaped}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    # Not printable for Python: controls, format characters (bidi, zero width), separators other
    # than the plain space, surrogates, unassigned.
    if character.isprintable():
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


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
