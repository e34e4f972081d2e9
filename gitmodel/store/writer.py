"""Weights into the cache: read once, cut, hash, encode, pack, and the manifest last.

One thread reads and hashes whole files; as many workers as cores hash and encode chunks; another
thread flushes finished packs. Memory is bounded by the windows in flight, whatever the file size.
A chunk that a manifest given as `reuse` already has is neither encoded nor written again.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

from blake3 import blake3

from gitmodel.domain.digest import Digest, FileHasher, ListedFile, folder_digest
from gitmodel.encoding.codec import Codec, Octets, encode
from gitmodel.encoding.cut import CutterId, content_cutter
from gitmodel.encoding.manifest import ChunkPlace, Manifest, ManifestBuilder
from gitmodel.encoding.pack import ChunkHeader, Pack, PackBuilder
from gitmodel.errors import ChangedWhileReadError, ObjectMissingError
from gitmodel.store.objects import manifest_key, pack_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gitmodel.domain.progress import Progress
    from gitmodel.store.cache import Cache

WINDOW = 8 * 2**20  # bytes read at a time
GROUP = 2 * 2**20  # bytes of chunks a worker takes at a time
_GROUPS_IN_FLIGHT = 24  # 48 MiB, however many cores there are
_PACKS_IN_FLIGHT = 3


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to store.

    Attributes:
        path: Its path in the model, "" for a model that is one file.
        size: Bytes, as seen when it was listed.
        open: Gives a new file descriptor for reading, which the writer closes.
    """

    path: str
    size: int
    open: Callable[[], int]


class _Place(NamedTuple):
    """Where a chunk lies: in which pack, and how it is encoded there."""

    pack: str
    pack_size: int
    offset: int
    stored_size: int
    codec: int
    width: int


class _Chunk(NamedTuple):
    """What a worker made of one chunk; `payload` is None where the chunk is known already."""

    hash: bytes
    raw_size: int
    codec: int
    width: int
    payload: Octets | None


class _WrittenFile(NamedTuple):
    path: str
    size: int
    digest: Digest
    chunks: list[bytes]


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

    Args:
        cache: Where to.
        files: What; one file with the path "" unless `folder`.
        folder: Whether the model is a folder.
        reuse: Manifests whose chunks need not be stored again, where the cache has their packs.
        progress: Told about bytes read.
        workers: Threads that encode; as many as cores if not given.

    Raises:
        ChangedWhileReadError: A file changed while it was read.
        NoSpaceError: The cache's file system is full.
    """
    with _Writer(cache, reuse, workers or os.cpu_count() or 1, progress) as writer:
        for source in files:
            writer.add(source)
        return writer.finish(folder=folder)


class _Writer:
    def __init__(
        self, cache: Cache, reuse: Iterable[Manifest], workers: int, progress: Progress
    ) -> None:
        self._cache = cache
        self._progress = progress
        self._places = _known_places(cache, reuse)
        self._raw_sizes: dict[bytes, int] = {}
        self._cutter_id: CutterId = content_cutter().id
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="gitmodel-encode")
        self._flusher = ThreadPoolExecutor(1, thread_name_prefix="gitmodel-flush")
        self._limit = min(workers * 3, _GROUPS_IN_FLIGHT)
        self._groups: deque[tuple[Future[list[_Chunk]], list[bytes]]] = deque()
        self._flushing: deque[Future[None]] = deque()
        self._pack = PackBuilder()
        self._in_pack: list[tuple[_Chunk, int]] = []  # and its offset
        self._files: list[_WrittenFile] = []
        self._keys: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.shutdown(wait=True, cancel_futures=True)
        self._flusher.shutdown(wait=True, cancel_futures=True)

    def add(self, source: SourceFile) -> None:
        """Read one file to its end."""
        descriptor = source.open()
        try:
            before = os.fstat(descriptor)
            self._files.append(self._read(descriptor, source))
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        changed = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
        if changed or not after.st_size == self._files[-1].size == source.size:
            raise _changed(source)

    def _read(self, descriptor: int, source: SourceFile) -> _WrittenFile:
        hasher = FileHasher()
        cutter = content_cutter()
        chunks: list[bytes] = []
        size = 0
        carry = b""
        final = False
        while not final:
            wanted = min(WINDOW, max(source.size - size, 0) + 1)  # one more shows the end
            window = bytearray(len(carry) + wanted)
            window[: len(carry)] = carry
            view = memoryview(window)
            count = _read_into(descriptor, view[len(carry) :])
            final = count < wanted
            view = view[: len(carry) + count]
            hasher.update(view[len(carry) :])
            lengths = cutter.feed(view, final=final)
            cut = sum(lengths)
            carry = bytes(view[cut:])
            self._submit(view, lengths, chunks)
            size += count
            self._progress.advance(count)
            if size > source.size:  # it may grow for ever
                raise _changed(source)
        return _WrittenFile(source.path, size, hasher.result(), chunks)

    def _submit(self, view: memoryview, lengths: list[int], chunks: list[bytes]) -> None:
        start = 0
        group: list[memoryview] = []
        group_size = 0
        for length in lengths:
            group.append(view[start : start + length])
            start += length
            group_size += length
            if group_size >= GROUP:
                self._enqueue(group, chunks)
                group, group_size = [], 0
        if group:
            self._enqueue(group, chunks)

    def _enqueue(self, group: list[memoryview], chunks: list[bytes]) -> None:
        while len(self._groups) >= self._limit:
            self._take()
        self._groups.append((self._workers.submit(_encode_group, group, self._places), chunks))

    def _take(self) -> None:
        """Put the oldest encoded group into the pack."""
        future, chunks = self._groups.popleft()
        for chunk in future.result():
            chunks.append(chunk.hash)
            self._raw_sizes[chunk.hash] = chunk.raw_size
            if chunk.payload is None or chunk.hash in self._places:
                continue
            self._places[chunk.hash] = _Place("", 0, 0, 0, 0, 0)  # on its way: stored once
            header = ChunkHeader(
                codec=chunk.codec,
                width=chunk.width,
                raw_size=chunk.raw_size,
                stored_size=len(chunk.payload),
                hash=chunk.hash,
                base=None,
            )
            self._in_pack.append((chunk, self._pack.add(header, chunk.payload)))
            if self._pack.is_full:
                self._finish_pack()

    def _finish_pack(self) -> None:
        if not self._in_pack:
            return
        pack = self._pack.finish()
        for chunk, offset in self._in_pack:
            stored = 0 if chunk.payload is None else len(chunk.payload)
            self._places[chunk.hash] = _Place(
                pack.name, pack.size, offset, stored, chunk.codec, chunk.width
            )
        self._pack = PackBuilder()
        self._in_pack = []
        while len(self._flushing) >= _PACKS_IN_FLIGHT:
            self._flushing.popleft().result()
        self._flushing.append(self._flusher.submit(self._flush, pack))

    def _flush(self, pack: Pack) -> None:
        # A damaged one is replaced: storing weights again is how a person mends the cache.
        if not self._cache.has_sound_pack(pack.name, pack.size):
            self._cache.write_pack(pack.name, pack.parts, durable=True)
        self._keys.append(pack_key(pack.name))  # whoever wrote it may not have flushed its name

    def finish(self, *, folder: bool) -> Manifest:
        """Write what is left; the manifest is written when every pack is durable."""
        while self._groups:
            self._take()
        self._finish_pack()
        while self._flushing:
            self._flushing.popleft().result()
        manifest = self._manifest(folder=folder)
        if self._cache.holds(manifest.digest):
            known = self._cache.manifest(manifest.digest)
            return manifest if known is None else known
        self._cache.sync_folders(self._keys)
        if self._cache.missing_packs(manifest):  # a pack to be reused went while we wrote
            raise ObjectMissingError(
                f"packs vanished from the cache {self._cache.root} meanwhile",
                hint="run the same command again",
            )
        self._cache.write_manifest(manifest, durable=True)
        self._cache.sync_folders([manifest_key(manifest.digest)])
        return manifest

    def _manifest(self, *, folder: bool) -> Manifest:
        builder = ManifestBuilder()
        packs: dict[str, int] = {}
        numbers: dict[bytes, int] = {}
        for written in self._files:
            for chunk in written.chunks:
                if chunk not in numbers:
                    place = self._places[chunk]
                    if place.pack not in packs:
                        packs[place.pack] = builder.add_pack(place.pack, place.pack_size)
                    numbers[chunk] = builder.add_chunk(
                        ChunkPlace(
                            hash=chunk,
                            raw_size=self._raw_sizes[chunk],
                            stored_size=place.stored_size,
                            pack=packs[place.pack],
                            offset=place.offset,
                            codec=place.codec,
                            width=place.width,
                        )
                    )
            builder.add_file(
                written.path,
                written.size,
                written.digest,
                [numbers[chunk] for chunk in written.chunks],
                cutter=self._cutter_id,
            )
        listing = [ListedFile(file.path, file.size, file.digest) for file in self._files]
        digest = folder_digest(listing) if folder else self._files[0].digest
        return builder.build(digest, "folder" if folder else "file")


def _changed(source: SourceFile) -> ChangedWhileReadError:
    return ChangedWhileReadError(
        f"{source.path or 'the file'} changed while it was read",
        hint="wait until training has finished writing, then run gitmodel add again",
    )


def _known_places(cache: Cache, reuse: Iterable[Manifest]) -> dict[bytes, _Place]:
    """Where the self-contained chunks of these manifests lie, as far as the cache has their packs."""
    places: dict[bytes, _Place] = {}
    for manifest in reuse:
        here = [
            cache.has_pack(name, size)
            for name, size in zip(manifest.packs, manifest.pack_sizes, strict=True)
        ]
        for number in range(manifest.chunk_count):
            chunk = manifest.chunk(number)
            if here[chunk.pack] and chunk.base < 0:
                places[chunk.hash] = _Place(
                    manifest.packs[chunk.pack],
                    manifest.pack_sizes[chunk.pack],
                    chunk.offset,
                    chunk.stored_size,
                    chunk.codec,
                    chunk.width,
                )
    return places


def _encode_group(group: list[memoryview], places: dict[bytes, _Place]) -> list[_Chunk]:
    """Hash and encode some chunks; runs in a worker, only looks into `places`."""
    done = []
    for raw in group:
        name = blake3(raw).digest()
        if name in places:
            done.append(_Chunk(name, len(raw), Codec.RAW, 0, None))
        else:
            found = encode(raw)
            # A copy: a view of 256 KiB would keep its whole window, 8 MiB, until the pack is out.
            payload = bytes(raw) if found.codec is Codec.RAW else found.payload
            done.append(_Chunk(name, len(raw), found.codec, found.width, payload))
    return done


def _read_into(descriptor: int, view: memoryview) -> int:
    """Fill a buffer from a file; fewer bytes only at its end."""
    filled = 0
    while filled < len(view):
        count = os.readv(descriptor, [view[filled:]])
        if count == 0:
            break
        filled += count
    return filled
