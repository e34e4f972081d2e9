"""Where a file falls into chunks.

A chunker is fed windows of one file, in order, and returns the lengths of the chunks at the start of a
window. The caller puts the bytes left over at the start of the next window. The manifest keeps the
chunker's id (name and parameters): two versions share chunks only if the same rule cut them.
`choose_chunker` looks at a file's header: safetensors, zip archives of tensors and GGUF are cut by a plan
of pieces, at tensor boundaries, everything else by its content.

Guarantee: the cuts depend on the file's bytes and the chunker's id, never on the sizes of the windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.encoding.chunking.chunker import LONGEST_CHUNK, Chunker, ChunkerId
from gitmodel.encoding.chunking.content import CONTENT_CHUNKER, ContentChunker
from gitmodel.encoding.chunking.tensors import (
    GGUF_CHUNKER,
    SAFETENSORS_CHUNKER,
    ZIP_CHUNKER,
    Piece,
    TensorChunker,
    pieces_of_runs,
)
from gitmodel.formats.header import Read
from gitmodel.formats.tensors import GGUF, SAFETENSORS, TORCH_ZIP, read_extents

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = [
    "CONTENT_CHUNKER",
    "GGUF_CHUNKER",
    "LONGEST_CHUNK",
    "SAFETENSORS_CHUNKER",
    "ZIP_CHUNKER",
    "Chunker",
    "ChunkerId",
    "ContentChunker",
    "Piece",
    "Read",
    "TensorChunker",
    "choose_chunker",
    "pieces_of",
]

_CHUNKERS: Final = {SAFETENSORS: SAFETENSORS_CHUNKER, TORCH_ZIP: ZIP_CHUNKER, GGUF: GGUF_CHUNKER}


def choose_chunker(read: Read, size: int) -> Chunker:
    """Return the chunker for a file: planned where its header can be trusted, by content elsewhere.

    Args:
        read: `read(offset, count)` gives bytes of the file as pread does, fewer at its end. What it
            raises is passed on; nothing that the bytes say is ever raised.
        size: The file's, in bytes.
    """
    planned = _plan(read, size)
    return ContentChunker() if planned is None else TensorChunker(*planned)


def pieces_of(read: Read, size: int) -> Sequence[Piece] | None:
    """Return the pieces of a file of which perhaps only the header is at hand.

    They are those of `choose_chunker(read, size)`: the chunks of a version that was stored before,
    if its manifest names one of the planned chunkers and its chunks are of these sizes.

    Args:
        read: As of `choose_chunker`; raises LookupError for bytes that are not at hand. Where a piece
            without a key can be had, all that is needed can be: mostly, no other bytes are asked for.
        size: The file's, in bytes.

    Returns:
        None if the file is one to be cut by content, or the bytes needed are not at hand.
    """
    try:
        planned = _plan(read, size)
    except LookupError:
        return None
    return None if planned is None else planned[1]


def _plan(read: Read, size: int) -> tuple[ChunkerId, list[Piece]] | None:
    found = read_extents(read, size)
    if found is None or found[0] not in _CHUNKERS:  # a format without a chunker: by content
        return None
    try:
        return _CHUNKERS[found[0]], pieces_of_runs(found[1])
    except ValueError:
        return None
