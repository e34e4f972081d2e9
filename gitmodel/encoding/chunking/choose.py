"""Where a file falls into chunks.

A *cutter* is fed windows of one file, in order, and says how long the chunks at the start of a
window are. What it leaves over, the caller puts at the start of the next window. A *cutter id*
(name and parameters) is kept in the manifest, because two versions share chunks only when the same
rule cut them. `choose_cutter` looks at a file's header: safetensors, zip archives of tensors and GGUF
are cut by a plan of *pieces*, at tensor boundaries, everything else by its content.

One thing is guaranteed: the cuts depend on the file's bytes and the cutter's id, never on how the
caller chose the windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.encoding.chunking.chunker import LONGEST_CUT, Cutter, CutterId
from gitmodel.encoding.chunking.content import CONTENT_CUTTER, CUTTERS, FIXED_CUTTER
from gitmodel.encoding.chunking.tensors import (
    GGUF_CUTTER,
    PLANNED_CUTTERS,
    SAFETENSORS_CUTTER,
    ZIP_CUTTER,
    Piece,
    PlannedCutter,
    pieces_of_runs,
)
from gitmodel.errors import NewerFormatError
from gitmodel.formats.header import Read
from gitmodel.formats.tensors import GGUF, SAFETENSORS, TORCH_ZIP, read_runs

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = [
    "CONTENT_CUTTER",
    "FIXED_CUTTER",
    "GGUF_CUTTER",
    "LONGEST_CUT",
    "SAFETENSORS_CUTTER",
    "ZIP_CUTTER",
    "Cutter",
    "CutterId",
    "Piece",
    "PlannedCutter",
    "Read",
    "choose_cutter",
    "content_cutter",
    "cutter_for",
    "fixed_cutter",
    "pieces_of",
]

_CUTTERS: Final = {SAFETENSORS: SAFETENSORS_CUTTER, TORCH_ZIP: ZIP_CUTTER, GGUF: GGUF_CUTTER}


def content_cutter() -> Cutter:
    """Cut where the content says so: an insertion moves few cuts (FastCDC 2020, see `cutter_for`)."""
    return cutter_for(CONTENT_CUTTER)


def fixed_cutter(size: int = 4 << 20) -> Cutter:
    """Cut every `size` bytes, from 1 byte to 8 MiB."""
    return cutter_for(CutterId(FIXED_CUTTER.name, (size,)))


def cutter_for(cutter_id: CutterId) -> Cutter:
    """Return a new cutter for one file.

    Reading never needs this: a manifest lists the chunks themselves. It is for cutting a new
    version as the version before it was cut.

    Raises:
        NewerFormatError: The rule or its parameters are not known here.
        ValueError: The rule plans its cuts from the file itself; ask `choose_cutter`.
    """
    if cutter_id in PLANNED_CUTTERS:
        raise ValueError(f"{cutter_id} needs the file's header: choose_cutter")
    make = CUTTERS.get(cutter_id.name)
    try:
        if make is not None:
            return make(cutter_id)
    except ValueError:
        pass  # parameters outside what the rule accepts: not ours, so as unknown as the name
    raise NewerFormatError(
        f"the file was cut by a rule that is not known here: {str(cutter_id)!r}",
        hint="upgrade gitmodel",
    )


def choose_cutter(read: Read, size: int) -> Cutter:
    """Return the cutter for a file: planned where its header can be trusted, by content elsewhere.

    Args:
        read: `read(offset, count)` gives bytes of the file as pread does, fewer at its end. What it
            raises is passed on; nothing that the bytes say is ever raised.
        size: The file's, in bytes.
    """
    planned = _plan(read, size)
    return content_cutter() if planned is None else PlannedCutter(*planned)


def pieces_of(read: Read, size: int) -> Sequence[Piece] | None:
    """Return the pieces of a file of which perhaps only the header is at hand.

    They are those of `choose_cutter(read, size)`: the chunks of a version that was stored before,
    if its manifest names one of the planned cutters and its chunks are of these sizes.

    Args:
        read: As of `choose_cutter`; raises LookupError for bytes that are not at hand. Where a piece
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


def _plan(read: Read, size: int) -> tuple[CutterId, list[Piece]] | None:
    found = read_runs(read, size)
    if found is None:
        return None
    try:
        return _CUTTERS[found[0]], pieces_of_runs(found[1])
    except ValueError:
        return None
