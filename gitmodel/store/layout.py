"""Where the objects of a store are, and how large they may be (docs/format.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitmodel.domain.digest import Digest

SWEEP_LIMIT = 256 * 2**20  # bytes; the list of doomed objects of a large collection


def pack_key(name: str) -> str:
    """The key of a pack, from the hex of the BLAKE3 of its bytes."""
    return f"packs/{name[:2]}/{name}"


def manifest_key(digest: Digest) -> str:
    """The key of the manifest of a digest."""
    return f"manifests/{digest.hex[:2]}/{digest.hex}"
