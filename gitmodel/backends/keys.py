"""Keys of objects: relative paths with `/` ("packs/ab/ab12…") that mean the same on every store."""

from __future__ import annotations

from gitmodel.errors import UnsafePathError

PACKS = "packs/"  # the prefix of packs, the only large objects
RESERVED = (".tmp-", ".gitmodel-tmp-", ".unfinished")  # temporary files in a folder


def check_key(key: str) -> str:
    """Return a key if it stays below the remote's prefix on every store.

    A `..` in a key would leave the folder, and s3fs and adlfs read a `?` as the version of an object.
    Raises UnsafePathError for a key that is empty, absolute, has `.`, `..` or empty parts, control
    characters, backslash, `?` or `#`, or a name that is reserved for temporary files.
    """
    parts = key.split("/")
    bad_part = any(part in {"", ".", ".."} or part.startswith(RESERVED) for part in parts)
    if bad_part or any(sign in key for sign in "\\?#") or not key.isprintable():
        raise UnsafePathError(f"the object key {key!r} is not a plain relative path")
    return key


def check_prefix(prefix: str) -> str:
    """Return a prefix for a listing if it stays below the remote's prefix.

    Raises UnsafePathError as for keys; "" and a trailing "/" are fine.
    """
    if prefix:
        check_key(prefix.removesuffix("/"))
    return prefix
