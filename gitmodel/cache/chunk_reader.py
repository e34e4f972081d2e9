"""Reads and checks single chunks of packs, and parts of files.

`Reader` streams whole files. This module reads the header of an earlier version, the base of a delta, or a
byte range.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

from gitmodel.encoding.codecs.codec import decode, decode_base, decode_checked
from gitmodel.errors import DamagedObjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gitmodel.encoding.codecs.codec import ByteBuffer
    from gitmodel.encoding.manifest.manifest import ChunkLocation, FileEntry, Manifest

    # (name of a pack, offset, size in bytes) -> those bytes, or fewer at the pack's end
    ReadPack = Callable[[str, int, int], bytes]

_KEPT = 8  # decoded chunks that a view keeps; at most 16 MiB each, mostly 256 KiB to 4 MiB


class PackReader(Protocol):
    """Reads parts of packs, unchecked; called from several threads at once."""

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        """Read up to `size` bytes from `offset`, fewer only at the end of the pack.

        Raises ObjectMissingError if no source has the pack.
        """

    def read_into(self, name: str, offset: int, buffers: Sequence[memoryview]) -> int:
        """Fill buffers with consecutive bytes; returns their number; raises as `read_at`."""


def fill(buffers: Sequence[memoryview], data: bytes, offset: int = 0) -> int:
    """Fill buffers with consecutive bytes; returns their number, less if the data are cut short."""
    start = offset
    for buffer in buffers:
        part = memoryview(data)[start : start + len(buffer)]
        buffer[: len(part)] = part
        start += len(part)
    return start - offset


class DamagedPackError(DamagedObjectError):
    """A pack in the cache has bytes that do not match a chunk's name."""

    def __init__(self, pack: str, problem: str) -> None:
        super().__init__(
            f"pack {pack[:12]} in the cache is damaged: {problem}", hint="gitmodel verify --cache"
        )
        self.pack = pack


def raw_chunk(read: ReadPack, manifest: Manifest, number: int) -> ByteBuffer:
    """The raw bytes of one chunk of a manifest.

    Raises DamagedPackError if the stored bytes do not decode to that chunk, and what `read` raises.
    """
    place = manifest.chunk(number)
    pack = manifest.packs[place.pack]
    return decoded(read, manifest, place, read(pack, place.offset, place.stored_size))


def decoded(
    read: ReadPack, manifest: Manifest, place: ChunkLocation, stored: ByteBuffer
) -> ByteBuffer:
    """Decode and check the stored bytes of a chunk, reading its base if it has one; raises as `raw_chunk`."""
    base = None if place.base < 0 else raw_chunk(read, manifest, place.base)
    with _blaming(manifest, place, stored):
        return decode_checked(
            place.codec,
            stored,
            raw_size=place.raw_size,
            expected=place.hash,
            width=place.width,
            base=base,
        )


def decode_into(
    read: ReadPack, manifest: Manifest, place: ChunkLocation, stored: ByteBuffer, out: memoryview
) -> None:
    """Decode the stored bytes of a chunk into a buffer of its raw size, without checking its hash.

    The caller checks the digest of the whole file, which covers every chunk and every base. Raises
    DamagedPackError if the bytes do not decode to a chunk of this size, and what `read` raises.
    """
    base = None
    if place.base >= 0:
        of = manifest.chunk(place.base)
        stored_base = read(manifest.packs[of.pack], of.offset, of.stored_size)
        with _blaming(manifest, of, stored_base):
            base = decode_base(of.codec, stored_base, raw_size=of.raw_size, width=of.width)
    with _blaming(manifest, place, stored):
        decode(place.codec, stored, raw_size=place.raw_size, width=place.width, base=base, out=out)


@contextmanager
def _blaming(manifest: Manifest, place: ChunkLocation, stored: ByteBuffer) -> Iterator[None]:
    """Raise an error of decoding as `DamagedPackError` of the chunk's pack."""
    pack = manifest.packs[place.pack]
    if len(stored) != place.stored_size:
        raise DamagedPackError(pack, "it is cut short")
    try:
        yield
    except DamagedObjectError as error:
        raise DamagedPackError(pack, error.message) from error


class FileView:
    """One file of a manifest, read at any offset without reading the rest. For one thread.

    Each chunk is checked against the manifest. Whether these are the chunks of the file is not checked.
    `give_up` is given a damaged pack, which `read` then takes from another source. Without it a damaged
    pack is an error at once.
    """

    def __init__(
        self,
        read: ReadPack,
        manifest: Manifest,
        entry: FileEntry,
        *,
        give_up: Callable[[str], None] | None = None,
    ) -> None:
        self._read = read
        self._give_up = give_up
        self._manifest = manifest
        self._numbers = manifest.chunks_of(entry)
        sizes = (manifest.chunk(number).raw_size for number in self._numbers)
        self._ends = list(accumulate(sizes))
        self._kept: OrderedDict[int, ByteBuffer] = OrderedDict()
        self.size = entry.size

    def read_at(self, offset: int, size: int) -> bytes:
        """Read up to `size` bytes from `offset`, fewer at the end of the file; raises as `raw_chunk`."""
        parts = []
        index = bisect_right(self._ends, offset)
        while size > 0 and index < len(self._ends):
            start = self._ends[index - 1] if index else 0
            chunk = self._chunk(self._numbers[index])
            part = bytes(chunk[offset - start : offset - start + size])
            parts.append(part)
            offset += len(part)
            size -= len(part)
            index += 1
        return b"".join(parts)

    def _chunk(self, number: int) -> ByteBuffer:
        found = self._kept.pop(number, None)
        while found is None:
            try:
                found = raw_chunk(self._read, self._manifest, number)
            except DamagedPackError as error:
                if self._give_up is None:
                    raise
                self._give_up(error.pack)
        self._kept[number] = found
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found
