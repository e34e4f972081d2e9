"""Chooses the chunker of a file from its header.

safetensors, GGUF and zip archives of tensors are split at tensor boundaries, other files by content.

Guarantee: chunk boundaries depend on the file's bytes and the chunker's id, never on block sizes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.encoding.chunking.chunker import LONGEST_CHUNK, Chunker, ChunkerId
from gitmodel.encoding.chunking.content import CONTENT_CHUNKER, ContentChunker
from gitmodel.encoding.chunking.tensors import (
    GGUF_CHUNKER,
    SAFETENSORS_CHUNKER,
    ZIP_CHUNKER,
    PlannedChunk,
    TensorChunker,
    plan_chunks,
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
    "PlannedChunk",
    "Read",
    "TensorChunker",
    "choose_chunker",
    "planned_chunks",
]

_CHUNKERS: Final = {SAFETENSORS: SAFETENSORS_CHUNKER, TORCH_ZIP: ZIP_CHUNKER, GGUF: GGUF_CHUNKER}


def choose_chunker(read: Read, size: int) -> Chunker:
    """Return a `TensorChunker` if the file's header is valid, else a `ContentChunker`.

    `read(offset, count)` returns bytes of the file as pread does, fewer at its end. Its exceptions
    propagate; invalid bytes raise nothing.
    """
    plan = _plan(read, size)
    return ContentChunker() if plan is None else TensorChunker(*plan)


def planned_chunks(read: Read, size: int) -> Sequence[PlannedChunk] | None:
    """Return the planned chunks of a file; only bytes of the header need to be available.

    `read` is as of `choose_chunker`, and raises LookupError for unavailable bytes. None if the file is
    split by content, or if bytes of its header are unavailable. Planning reads chunks without a key, and
    rarely others.
    """
    try:
        plan = _plan(read, size)
    except LookupError:
        return None
    return None if plan is None else plan[1]


def _plan(read: Read, size: int) -> tuple[ChunkerId, list[PlannedChunk]] | None:
    header = read_extents(read, size)
    if header is None or header[0] not in _CHUNKERS:
        return None
    try:
        return _CHUNKERS[header[0]], plan_chunks(header[1])
    except ValueError:
        return None
