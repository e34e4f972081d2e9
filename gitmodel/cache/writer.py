"""Stores weights in the cache: reads them once, cuts, hashes, encodes, packs, and writes the manifest last.

A thread takes a block of a file. It reads, cuts and hashes the block while no other thread does so, encodes its
chunks beside the other threads, and copies them into the pack in the order of the blocks. Two more threads
write finished packs. Memory is pooled, and bounded by the blocks and packs in flight, whatever the file size.
A chunk of a manifest given as `reuse` is neither encoded nor written again.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple, Self

from gitmodel.cache.chunk_encoder import EncodedChunk, StoredChunk, encode_group, known_places
from gitmodel.cache.delta_bases import Bases
from gitmodel.cache.ordered_workers import process_in_order
from gitmodel.cache.source_reader import BLOCK_SIZE, ReadBlock, SourceReader, block_buffers
from gitmodel.domain.digest import ListedFile, folder_digest
from gitmodel.encoding.manifest.chunk_table import NO_BASE
from gitmodel.encoding.manifest.manifest import ChunkLocation, Manifest, ManifestBuilder
from gitmodel.encoding.pack import PACK_MAX, ChunkHeader, PackBuilder
from gitmodel.errors import ObjectMissingError
from gitmodel.files.buffer_pool import BufferPool
from gitmodel.files.write_back import WriteBackQueue
from gitmodel.store.layout import manifest_key, pack_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitmodel.cache.cache import Cache
    from gitmodel.domain.progress import Progress
    from gitmodel.files.source_file import SourceFile

_MOST_WORKERS = 4  # each holds a block and its encoded chunks; the disk takes no more
_WRITERS = 2
_PACKS_IN_FLIGHT = 4
_MOST_FILES = 16  # files that are flushed at a time


def store_weights(
    cache: Cache,
    files: Sequence[SourceFile],
    *,
    folder: bool,
    reuse: Iterable[Manifest] = (),
    progress: Progress,
    workers: int | None = None,
) -> Manifest:
    """Store files in the cache, durably, and return their manifest.

    One file of the path "", or those of a `folder`. Chunks of the manifests `reuse` are not stored again,
    if the cache has their packs. `progress` receives the number of bytes read. Raises
    ChangedWhileReadError, and NoSpaceError if the cache's file system is full.
    """
    with Batch(cache) as batch:
        manifest = batch.store(
            files, folder=folder, reuse=reuse, progress=progress, workers=workers
        )
        batch.flush()
    return manifest


class Batch:
    """Stores the weights of several models, and waits for the disk once.

    Use as a context manager. The weights are in the cache only after `flush`. At most `most` files, each
    with a descriptor, are flushed at a time.
    """

    def __init__(self, cache: Cache, *, most: int = _MOST_FILES) -> None:
        self.cache = cache
        self.packs = BufferPool(PACK_MAX)
        self.flushing = WriteBackQueue(most)
        self.writers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="gitmodel-write")
        self._buffers = block_buffers()
        self._keys: list[str] = []  # of packs
        self._manifests: dict[str, Manifest] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.writers.shutdown(wait=True, cancel_futures=True)
        self.flushing.close()

    def store(
        self,
        files: Sequence[SourceFile],
        *,
        folder: bool,
        reuse: Iterable[Manifest] = (),
        progress: Progress,
        workers: int | None = None,
    ) -> Manifest:
        """Store the files of one model; arguments and errors are those of `store_weights`."""
        writer = _Writer(self, reuse, SourceReader(files, progress, self._buffers))
        size = sum(file.size for file in files)
        writer.take_in(min(workers or os.cpu_count() or 1, _MOST_WORKERS, 1 + size // BLOCK_SIZE))
        manifest = writer.finish(folder=folder)
        self._keys += writer.keys
        known = self.cache.manifest(manifest.digest)
        # The manifest in the cache may come from a store; this one was made from the files themselves.
        if (
            known is not None
            and not self.cache.missing_packs(known)
            and known.chunk_list() == manifest.chunk_list()
        ):
            return known
        return self._manifests.setdefault(manifest.digest.hex, manifest)

    def flush(self) -> None:
        """Flush all packs, then write and flush the manifests.

        Raises ObjectMissingError if a reused pack was removed meanwhile, NoSpaceError if the disk is
        full.
        """
        self.cache.wait_for(self.flushing)
        self.cache.sync_folders(self._keys)
        manifests = list(self._manifests.values())
        self._keys, self._manifests = [], {}
        for manifest in manifests:
            if self.cache.missing_packs(manifest):
                raise ObjectMissingError(
                    f"packs vanished from the cache {self.cache.root} meanwhile",
                    hint="run the same command again",
                )
            self.cache.write_manifest(manifest, flushing=self.flushing)
        self.cache.wait_for(self.flushing)
        self.cache.sync_folders(manifest_key(manifest.digest) for manifest in manifests)


class _EncodedBlock(NamedTuple):
    block: ReadBlock
    chunks: list[EncodedChunk]


class _Writing(NamedTuple):
    """A finished pack that is being written."""

    work: Future[None]
    buffer: memoryview


class _Writer:
    """Stores the weights of one model. `keys` are those of all its packs, also if the cache had them."""

    def __init__(self, batch: Batch, reuse: Iterable[Manifest], source: SourceReader) -> None:
        self._batch = batch
        self._source = source
        earlier = list(reuse)
        self._places = known_places(batch.cache, earlier)
        self._bases = Bases(batch.cache, earlier)
        self._writing: deque[_Writing] = deque()
        self._buffer = batch.packs.acquire(PACK_MAX)
        self._pack = PackBuilder(self._buffer)
        self._in_pack: list[bytes] = []  # hashes of its chunks
        self.keys: list[str] = []

    def take_in(self, workers: int) -> None:
        """Read all files, and put their chunks into packs."""
        with closing(self._source.read()) as blocks:
            process_in_order(
                blocks, self._encode, self._put_all, threads=workers, name="gitmodel-encode"
            )

    def _encode(self, block: ReadBlock) -> _EncodedBlock:
        """Hash and encode the chunks of a block; runs in several threads."""
        return _EncodedBlock(block, encode_group(block.pieces, self._places, self._bases))

    def _put_all(self, encoded: _EncodedBlock) -> None:
        """Put the chunks of a block into packs; runs in the order of the blocks."""
        block = encoded.block
        for chunk in encoded.chunks:
            block.chunks.append(chunk.hash)
            self._put(chunk)
        self._source.release(block)

    def _put(self, chunk: EncodedChunk) -> None:
        """Put a chunk into the pack, unless it is stored already."""
        found = chunk.encoded
        if found is None or chunk.hash in self._places:
            return
        header = ChunkHeader(
            codec=found.codec,
            width=found.width,
            raw_size=chunk.raw_size,
            stored_size=found.size,
            hash=chunk.hash,
            base=None if chunk.base is None else chunk.base.hash,
        )
        location = ChunkLocation(
            hash=chunk.hash,
            raw_size=chunk.raw_size,
            stored_size=found.size,
            pack=0,
            offset=self._pack.add(header, *found.parts),
            codec=found.codec,
            width=found.width,
        )
        self._places[chunk.hash] = StoredChunk(location, header.base)
        self._in_pack.append(chunk.hash)
        if self._pack.is_full:
            self._finish_pack()

    def _finish_pack(self) -> None:
        """Have a thread write the pack, and begin another."""
        name = self._name_pack()
        work = self._batch.writers.submit(self._write, name, self._pack.finish())
        self._writing.append(_Writing(work, self._buffer))
        while len(self._writing) >= _PACKS_IN_FLIGHT:
            self._settle()
        self._buffer = self._batch.packs.acquire(PACK_MAX)
        self._pack = PackBuilder(self._buffer)
        self._in_pack = []

    def _name_pack(self) -> str:
        name, size = self._pack.name, self._pack.size
        self.keys.append(
            pack_key(name)
        )  # another process may have written it, and not flushed its name
        for chunk in self._in_pack:
            self._places[chunk] = self._places[chunk]._replace(pack=name, pack_size=size)
        return name

    def _settle(self) -> None:
        """Wait for the oldest pack that is being written."""
        pack = self._writing.popleft()
        pack.work.result()
        self._batch.packs.release(pack.buffer)

    def _write(self, name: str, data: memoryview) -> None:
        """Write a pack and begin to flush it; a damaged one in the cache is replaced."""
        cache = self._batch.cache
        if not cache.has_sound_pack(name, len(data)):
            cache.write_pack(name, data, flushing=self._batch.flushing)

    def finish(self, *, folder: bool) -> Manifest:
        """Write the last pack; returns the manifest, which is not written yet."""
        if self._in_pack:  # in this thread: it has nothing else to do
            self._write(self._name_pack(), self._pack.finish())
        self._batch.packs.release(self._buffer)
        while self._writing:
            self._settle()
        return self._manifest(folder=folder)

    def _manifest(self, *, folder: bool) -> Manifest:
        builder = ManifestBuilder()
        packs: dict[str, int] = {}
        for written in self._source.files:
            numbers = [self._add_chunk(builder, packs, chunk) for chunk in written.chunks]
            builder.add_file(
                written.path, written.size, written.digest, numbers, chunker=written.chunker
            )
        listing = [ListedFile(file.path, file.size, file.digest) for file in self._source.files]
        digest = folder_digest(listing) if folder else self._source.files[0].digest
        return builder.build(digest, "folder" if folder else "file")

    def _add_chunk(self, builder: ManifestBuilder, packs: dict[str, int], chunk: bytes) -> int:
        """Add a chunk to the manifest, after its base if it has one; returns its number."""
        found = builder.find(chunk)
        if found is not None:
            return found
        place = self._places[chunk]
        base = NO_BASE if place.base is None else self._add_chunk(builder, packs, place.base)
        if place.pack not in packs:
            packs[place.pack] = builder.add_pack(place.pack, place.pack_size)
        return builder.add_chunk(place.location._replace(pack=packs[place.pack], base=base))
