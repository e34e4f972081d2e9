"""Keys and size limits of the objects of a store (docs/format.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest

SWEEP_LIMIT = 256 * 2**20  # bytes; the list of objects that a large collection will delete


def pack_key(name: str) -> str:
    """The key of a pack; its name is the hex of the BLAKE3 of its bytes."""
    return f"packs/{name[:2]}/{name}"


def manifest_key(digest: Digest) -> str:
    """The key of the manifest of a digest."""
    return f"manifests/{digest.hex[:2]}/{digest.hex}"
