"""Hashes the pieces of a file, and encodes those that are not stored yet, perhaps against a base.

Encoding runs in several threads, which only read what they share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitmodel.encoding.codecs.codec import chunk_hash, encode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.cache.cache import Cache
    from gitmodel.cache.delta_bases import Base, Bases
    from gitmodel.encoding.codecs.codec import Encoded
    from gitmodel.encoding.manifest.manifest import ChunkLocation, Manifest


class StoredChunk(NamedTuple):
    """A chunk in a pack of the cache, by names instead of the numbers of a manifest."""

    location: ChunkLocation  # as in a manifest; its numbers of pack and base mean nothing here
    base: bytes | None  # chunk hash
    pack: str = ""  # name, "" while the pack is not finished
    pack_size: int = 0  # bytes


class RawPiece(NamedTuple):
    """A chunk to encode, with key and width of its `PlannedChunk`."""

    data: memoryview
    key: str | None
    width: int


class EncodedChunk(NamedTuple):
    """A chunk after encoding.

    `encoded` is None if the chunk is stored already. For codec RAW it refers to the piece's own memory.
    """

    hash: bytes
    raw_size: int
    encoded: Encoded | None
    base: Base | None


def known_places(cache: Cache, reuse: Iterable[Manifest]) -> dict[bytes, StoredChunk]:
    """The chunks of these manifests whose packs are in the cache."""
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
                    chunk,
                    None if base is None else base.hash,
                    manifest.packs[chunk.pack],
                    manifest.pack_sizes[chunk.pack],
                )
    return places


def encode_group(
    group: list[RawPiece], places: dict[bytes, StoredChunk], bases: Bases
) -> list[EncodedChunk]:
    """Hash and encode some chunks; runs in several threads, and only reads `places`."""
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
