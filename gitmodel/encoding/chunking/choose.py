"""Where a file falls into chunks.

A *cutter* is fed windows of one file, in order, and says how long the chunks at the start of a
window are. What it leaves over, the caller puts at the start of the next window. A *cutter id*
(name and parameters) is kept in the manifest, because two versions share chunks only when the same
rule cut them. `choose_chunker` looks at a file's header: safetensors, zip archives of tensors and GGUF
are cut by a plan of *pieces*, at tensor boundaries, everything else by its content.

One thing is guaranteed: the cuts depend on the file's bytes and the cutter's id, never on how the
caller chose the windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.encoding.chunking.chunker import LONGEST_CHUNK, Chunker, ChunkerId
from gitmodel.encoding.chunking.content import CHUNKERS, CONTENT_CHUNKER, FIXED_CHUNKER
from gitmodel.encoding.chunking.tensors import (
    GGUF_CHUNKER,
    SAFETENSORS_CHUNKER,
    TENSOR_CHUNKERS,
    ZIP_CHUNKER,
    Piece,
    TensorChunker,
    pieces_of_runs,
)
from gitmodel.errors import NewerFormatError
from gitmodel.formats.header import Read
from gitmodel.formats.tensors import GGUF, SAFETENSORS, TORCH_ZIP, read_runs

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = [
    "CONTENT_CHUNKER",
    "FIXED_CHUNKER",
    "GGUF_CHUNKER",
    "LONGEST_CHUNK",
    "SAFETENSORS_CHUNKER",
    "ZIP_CHUNKER",
    "Chunker",
    "ChunkerId",
    "Piece",
    "Read",
    "TensorChunker",
    "choose_chunker",
    "chunker_for",
    "content_chunker",
    "fixed_chunker",
    "pieces_of",
]

_CHUNKERS: Final = {SAFETENSORS: SAFETENSORS_CHUNKER, TORCH_ZIP: ZIP_CHUNKER, GGUF: GGUF_CHUNKER}


def content_chunker() -> Chunker:
    """Cut where the content says so: an insertion moves few cuts (FastCDC 2020, see `chunker_for`)."""
    return chunker_for(CONTENT_CHUNKER)


def fixed_chunker(size: int = 4 << 20) -> Chunker:
    """Cut every `size` bytes, from 1 byte to 8 MiB."""
    return chunker_for(ChunkerId(FIXED_CHUNKER.name, (size,)))


def chunker_for(chunker_id: ChunkerId) -> Chunker:
    """Return a new cutter for one file.

    Reading never needs this: a manifest lists the chunks themselves. It is for cutting a new
    version as the version before it was cut.

    Raises:
        NewerFormatError: The rule or its parameters are not known here.
        ValueError: The rule plans its cuts from the file itself; ask `choose_chunker`.
    """
    if chunker_id in TENSOR_CHUNKERS:
        raise ValueError(f"{chunker_id} needs the file's header: choose_cutter")
    make = CHUNKERS.get(chunker_id.name)
    try:
        if make is not None:
            return make(chunker_id)
    except ValueError:
        pass  # parameters outside what the rule accepts: not ours, so as unknown as the name
    raise NewerFormatError(
        f"the file was cut by a rule that is not known here: {str(chunker_id)!r}",
        hint="upgrade gitmodel",
    )


def choose_chunker(read: Read, size: int) -> Chunker:
    """Return the cutter for a file: planned where its header can be trusted, by content elsewhere.

    Args:
        read: `read(offset, count)` gives bytes of the file as pread does, fewer at its end. What it
            raises is passed on; nothing that the bytes say is ever raised.
        size: The file's, in bytes.
    """
    planned = _plan(read, size)
    return content_chunker() if planned is None else TensorChunker(*planned)


def pieces_of(read: Read, size: int) -> Sequence[Piece] | None:
    """Return the pieces of a file of which perhaps only the header is at hand.

    They are those of `choose_chunker(read, size)`: the chunks of a version that was stored before,
    if its manifest names one of the planned cutters and its chunks are of these sizes.

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
    found = read_runs(read, size)
    if found is None:
        return None
    try:
        return _CHUNKERS[found[0]], pieces_of_runs(found[1])
    except ValueError:
        return None
