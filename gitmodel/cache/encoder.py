"""What becomes of one piece of a file: hashed, recognised, or encoded, perhaps against a base.

Encoding runs in workers; what they share is only looked into there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitmodel.encoding.codecs.codec import chunk_hash, encode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.cache.cache import Cache
    from gitmodel.cache.delta_bases import Base, Bases
    from gitmodel.encoding.codecs.codec import Encoded
    from gitmodel.encoding.manifest.manifest import Manifest


class StoredChunk(NamedTuple):
    """Where a chunk lies: in which pack, and how it is encoded there."""

    raw_size: int
    pack: str = ""
    pack_size: int = 0
    offset: int = 0
    stored_size: int = 0
    codec: int = 0
    width: int = 0
    base: bytes | None = None  # chunk hash


class RawPiece(NamedTuple):
    """A chunk to be encoded; `key` and `width` are those of its piece."""

    data: memoryview
    key: str | None
    width: int


class EncodedChunk(NamedTuple):
    """What a worker made of one chunk.

    `encoded` is None where the chunk is known already; of one stored raw it has the piece's own memory.
    """

    hash: bytes
    raw_size: int
    encoded: Encoded | None
    base: Base | None


def known_places(cache: Cache, reuse: Iterable[Manifest]) -> dict[bytes, StoredChunk]:
    """Where the chunks of these manifests lie, as far as the cache has their packs."""
    places: dict[bytes, StoredChunk] = {}
    for manifest in reuse:
        here = cache.packs_here(manifest)
        for number in range(manifest.chunk_count):
            chunk = manifest.chunk(number)
            base = None if chunk.base < 0 else manifest.chunk(chunk.base)
            if not here[chunk.pack] or (base is not None and not here[base.pack]):
                continue
            known = places.get(chunk.hash)
            if known is None or (known.base is not None and base is None):  # whole is better
                places[chunk.hash] = StoredChunk(
                    chunk.raw_size,
                    manifest.packs[chunk.pack],
                    manifest.pack_sizes[chunk.pack],
                    chunk.offset,
                    chunk.stored_size,
                    chunk.codec,
                    chunk.width,
                    None if base is None else base.hash,
                )
    return places


def encode_group(
    group: list[RawPiece], places: dict[bytes, StoredChunk], bases: Bases
) -> list[EncodedChunk]:
    """Hash and encode some chunks; runs in a worker, only looks into `places`."""
    return [_encode_chunk(raw, places, bases) for raw in group]


def _encode_chunk(raw: RawPiece, places: dict[bytes, StoredChunk], bases: Bases) -> EncodedChunk:
    name = chunk_hash(raw.data)
    size = len(raw.data)
    if name in places:
        return EncodedChunk(name, size, None, None)
    base = bases.find(raw.key, size)
    found = encode(raw.data, width=raw.width, base=None if base is None else base[1])
    used = base[0] if base is not None and found.uses_base else None
    return EncodedChunk(name, size, found, used)
