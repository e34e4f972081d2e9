"""The digest of a chunk list: which chunks, in which order, make up the files of a manifest.

A pointer states it (`chunks`), so that a part of the weights can be checked by its chunks alone: a
manifest comes from a store, and whoever writes there could put another version's list into it.

Two things are guaranteed: two different lists never give the same bytes to hash; and packs, codecs and
bases do not count, so that chunks may be stored in another way without a change of the digest.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from gitmodel.domain.digest import Digest
from gitmodel.encoding.codecs.codec import HASH_SIZE
from gitmodel.encoding.manifest.file_table import path_key

if TYPE_CHECKING:
    from array import array
    from collections.abc import Sequence

    from gitmodel.encoding.manifest.chunk_table import PlaceTable
    from gitmodel.encoding.manifest.file_table import FileEntry

CONTEXT: Final = "gitmodel 2026 chunks v1"

_FILE: Final = Struct("<BQQ")  # NUL, size in bytes, number of chunks
_ROW: Final = Struct(f"<Q{HASH_SIZE}s")  # raw size in bytes, chunk hash
_ROW_SIZE: Final = _ROW.size
_WINDOW: Final = 16_384  # rows in memory at a time: 640 KiB


def chunk_list_digest(
    files: Sequence[FileEntry], sequence: array[int], places: PlaceTable
) -> Digest:
    r"""Compute the digest of the chunk list of some files.

    Hashed is, by BLAKE3 in derive-key mode, for each file its path, NUL, its size and its number of chunks,
    then of each chunk raw size and hash. Numbers have 64 bits, little endian. No path can hold NUL.

    Args:
        files: In the order of their paths.
        sequence: Their chunk numbers, file by file.
        places: Has hash and raw size of each number.
    """
    state = blake3(derive_key_context=CONTEXT)
    parts: list[bytes] = []  # hashed together: most files of a folder are short
    rows = b""
    start = end = 0  # what `rows` has of the sequence
    for file in files:
        parts.append(path_key(file.path) + _FILE.pack(0, file.size, file.count))
        at, last = file.first, file.first + file.count
        while at < last:
            if at >= end:
                state.update(b"".join(parts))
                parts.clear()
                start, end = at, min(at + _WINDOW, len(sequence))
                rows = _rows(sequence[start:end], places)
            stop = last if last < end else end  # noqa: FURB136 - min() takes longer than all else here
            parts.append(rows[(at - start) * _ROW_SIZE : (stop - start) * _ROW_SIZE])
            at = stop
    state.update(b"".join(parts))
    return Digest(state.hexdigest())


def _rows(numbers: array[int], places: PlaceTable) -> bytes:
    """Raw size and hash of chunks, one after the other; at the speed of C."""
    starts = [number * HASH_SIZE for number in numbers]
    ends = map(HASH_SIZE.__add__, starts)
    hashes = map(places.hashes.__getitem__, map(slice, starts, ends))
    return b"".join(map(_ROW.pack, map(places.raw_sizes.__getitem__, numbers), hashes))
