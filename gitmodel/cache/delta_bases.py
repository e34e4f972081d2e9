"""Finds the chunk of an earlier version that a new chunk can be a delta against.

Chunks of two versions are paired by their keys: the tensor's name and the offset in it. The keys of an earlier
version are found by planning its file again from its header, which is in the cache. The base is always
self-contained: if the earlier chunk is a delta itself, its base is used.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from gitmodel.cache.chunk_reader import FileView, raw_chunk
from gitmodel.encoding.chunking.choose import planned_chunks
from gitmodel.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitmodel.cache.cache import Cache
    from gitmodel.encoding.codecs.codec import ByteBuffer
    from gitmodel.encoding.manifest.manifest import FileEntry, Manifest


class Base(NamedTuple):
    """A self-contained chunk of an earlier version."""

    manifest: Manifest
    number: int

    @property
    def hash(self) -> bytes:
        """Its chunk hash."""
        return self.manifest.chunk(self.number).hash


class Bases:
    """The chunks of earlier versions (the nearest first) by their keys. For several threads.

    Chunks whose packs the cache lacks are not used, and nothing is fetched.
    """

    def __init__(self, cache: Cache, manifests: Iterable[Manifest]) -> None:
        self._cache = cache
        self._by_key: dict[str, Base] = {}
        for manifest in manifests:
            here = cache.packs_here(manifest)
            for entry in manifest.files:
                self._add_file(manifest, entry, here)

    def _add_file(self, manifest: Manifest, entry: FileEntry, here: list[bool]) -> None:
        def read(offset: int, count: int) -> bytes:
            try:
                return view.read_at(offset, count)
            except StoreError as error:
                raise LookupError(offset) from error

        view = FileView(self._cache.read_at, manifest, entry)
        pieces = planned_chunks(read, entry.size)
        numbers = manifest.chunks_of(entry)
        if pieces is None or len(pieces) != len(numbers):
            return  # cut by content, or by another rule
        for piece, number in zip(pieces, numbers, strict=True):
            chunk = manifest.chunk(number)
            if piece.key is None or chunk.raw_size != piece.size:
                continue
            base = chunk.base if chunk.base >= 0 else number
            if here[manifest.chunk(base).pack]:
                self._by_key.setdefault(piece.key, Base(manifest, base))

    def find(self, key: str | None, size: int) -> tuple[Base, ByteBuffer] | None:
        """Return the base for a key and size, and its raw bytes; None if there is none.

        A base that cannot be read counts as none: the chunk is then stored whole.
        """
        base = None if key is None else self._by_key.get(key)
        if base is None or base.manifest.chunk(base.number).raw_size != size:
            return None
        with suppress(StoreError):
            return base, raw_chunk(self._cache.read_at, base.manifest, base.number)
        return None
