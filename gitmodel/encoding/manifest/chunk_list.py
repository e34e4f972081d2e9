"""The digest of a chunk list: all chunks of a manifest's files, in order.

A pointer states this digest as `chunks`, because a manifest alone is not trusted: anyone who writes to
the store could replace its list. With the digest, a part of the weights can be verified by its chunks.

Guarantee: different lists are hashed as different bytes. Packs, codecs and bases do not change the
digest, so chunks can be stored again in another form.
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

    from gitmodel.encoding.manifest.chunk_table import ChunkTable
    from gitmodel.encoding.manifest.file_table import FileEntry

CONTEXT: Final = "gitmodel 2026 chunks v1"

_FILE: Final = Struct("<BQQ")  # NUL, size in bytes, number of chunks
_ROW: Final = Struct(f"<Q{HASH_SIZE}s")  # raw size in bytes, chunk hash
_ROW_SIZE: Final = _ROW.size
_BLOCK_ROWS: Final = 16_384  # rows in memory at once: 640 KiB


def chunk_list_digest(
    files: Sequence[FileEntry], sequence: array[int], chunk_table: ChunkTable
) -> Digest:
    r"""Compute the digest of the chunk list of some files, in the order of their paths.

    It is BLAKE3 in derive-key mode over path, NUL, size and number of chunks of each file, each followed by
    raw size and hash of its chunks. Numbers have 64 bits, little endian. Paths contain no NUL. `sequence`
    has the chunk numbers, file by file.
    """
    state = blake3(derive_key_context=CONTEXT)
    parts: list[bytes] = []  # hashed together: most files of a folder are short
    rows = b""  # those of sequence[start:end]
    start = end = 0
    for file in files:
        parts.append(path_key(file.path) + _FILE.pack(0, file.size, file.count))
        at, last = file.first, file.first + file.count
        while at < last:
            if at >= end:
                state.update(b"".join(parts))
                parts.clear()
                start, end = at, min(at + _BLOCK_ROWS, len(sequence))
                rows = _rows(sequence[start:end], chunk_table)
            stop = last if last < end else end  # noqa: FURB136 - min() takes longer than the rest of the loop
            parts.append(rows[(at - start) * _ROW_SIZE : (stop - start) * _ROW_SIZE])
            at = stop
    state.update(b"".join(parts))
    return Digest(state.hexdigest())


def _rows(numbers: array[int], chunk_table: ChunkTable) -> bytes:
    """Raw size and hash of each chunk; `map` runs the loop in C."""
    starts = [number * HASH_SIZE for number in numbers]
    ends = map(HASH_SIZE.__add__, starts)
    hashes = map(chunk_table.hashes.__getitem__, map(slice, starts, ends))
    return b"".join(map(_ROW.pack, map(chunk_table.raw_sizes.__getitem__, numbers), hashes))
