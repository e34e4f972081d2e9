"""SHA-1 and SHA-256 without OpenSSL: `hashlib` loads it, which takes 4 ms of each `status` (measured).

Python has both as small modules of its own, which `hashlib` uses where there is no OpenSSL.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


def sha(name: str, data: bytes = b"") -> _Hash:
    """Return a hash object for `sha1` or `sha256`, with `data` hashed."""
    # From Python 3.12 on SHA-256 is in _sha2.
    for module in ("_sha1",) if name == "sha1" else ("_sha256", "_sha2"):
        try:
            found = getattr(import_module(module), name)
        except (ImportError, AttributeError):
            continue
        return cast("_Hash", found(data))
    import hashlib

    return hashlib.new(name, data, usedforsecurity=False)
