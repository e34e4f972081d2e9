"""The chunker of files with a tensor header: chunk boundaries are tensor boundaries.

A format's reader divides a file into extents: named tensors and unnamed bytes. `plan_chunks` turns
extents into planned chunks, and `TensorChunker` splits the file accordingly.

- A tensor from 256 KiB to 8 MiB is one chunk. A longer tensor is split into chunks of about 4 MiB,
  which hold whole elements.
- Smaller neighbouring tensors form a *group*, one chunk of at most 1 MiB. The hash of a tensor's name
  also starts a new group, after 512 KiB on average. After such an *anchor* the groups of two versions
  are the same again, even if a tensor before it was inserted or has grown.
- Headers, padding and gaps are chunks without a key; padding between two members stays in the group.

Guarantee: the planned chunks cover the extents exactly, in the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from blake3 import blake3

from gitmodel.encoding.chunking.chunker import LONGEST_CHUNK, ChunkerId
from gitmodel.formats.header import END_OF_GROUP, SMALL, Extent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GROUP_AVERAGE: Final = 512 << 10  # bytes between two anchors, on average
GROUP_MAX: Final = 1 << 20  # bytes
SPLIT_SIZE: Final = 4 << 20  # bytes of one chunk of a tensor longer than LONGEST_CHUNK
_MAX_GAP: Final = 4 << 10  # bytes; padding and headers in zip archives are far shorter

PARAMETERS: Final = (SMALL, GROUP_AVERAGE, GROUP_MAX, SPLIT_SIZE, LONGEST_CHUNK)
SAFETENSORS_CHUNKER: Final = ChunkerId("safetensors-v1", PARAMETERS)
ZIP_CHUNKER: Final = ChunkerId("zip-v1", PARAMETERS)
GGUF_CHUNKER: Final = ChunkerId("gguf-v1", PARAMETERS)


class PlannedChunk(NamedTuple):
    """Consecutive bytes of a file that become one chunk.

    `key` identifies the same part of another version, unique in a file: tensor and offset
    (`layer.0.weight+4194304`), or first tensor, number of tensors and bytes of a group
    (`layer.0.bias*7=43008`); None for unnamed bytes. `width` is as in `Extent`; 0 if the tensors of a group
    differ in it.
    """

    size: int  # bytes, from 1 to `LONGEST_CHUNK`
    key: str | None
    width: int


class TensorChunker:
    """Splits a file as planned by the rule of the id.

    If the file changed meanwhile, its last chunk is shorter than planned, or chunks follow the planned
    ones.
    """

    def __init__(self, chunker_id: ChunkerId, planned: Sequence[PlannedChunk]) -> None:
        self.id = chunker_id
        self.planned = planned
        self.longest = max((chunk.size for chunk in planned), default=LONGEST_CHUNK)
        self._next = 0

    def feed(self, block: memoryview, *, final: bool) -> list[int]:
        """Implement `Chunker.feed`."""
        left = len(block)
        lengths: list[int] = []
        while self._next < len(self.planned) and self.planned[self._next].size <= left:
            lengths.append(self.planned[self._next].size)
            left -= lengths[-1]
            self._next += 1
        if final or self._next == len(self.planned):
            whole, rest = divmod(left, self.longest)
            lengths += [self.longest] * whole
            if final and rest:
                lengths.append(rest)
        if final:
            self._next = 0
        return lengths


def plan_chunks(extents: Iterable[Extent]) -> list[PlannedChunk]:
    """Return the planned chunks of a file. Empty extents are skipped.

    Raises UnicodeEncodeError if a name cannot be written as UTF-8.
    """
    planner = _ChunkPlanner()
    for extent in extents:
        planner.add(extent)
    planner.close_group()
    return planner.planned


class _ChunkPlanner:
    """Chunks planned so far, and the group that may still grow."""

    def __init__(self) -> None:
        self.planned: list[PlannedChunk] = []
        self._members: list[Extent] = []
        self._size = 0  # bytes of the group, including gaps between its members
        self._gap = 0  # bytes after its last member; they join the group if another member follows

    def add(self, extent: Extent) -> None:
        """Add the next extent to the open group, or plan chunks of its own.

        A small tensor joins the group. It starts a new group if it is an anchor or the group would
        exceed its maximum. A short gap after a member joins the group only if another member follows.
        """
        size, name = extent.size, extent.name
        if size == 0:
            if extent is END_OF_GROUP:
                self.close_group()
        elif name is None and self._members and self._gap + size <= _MAX_GAP:
            self._gap += size
        elif name is not None and size < SMALL:
            if self._size + self._gap + size > GROUP_MAX or _is_anchor(name, size):
                self.close_group()
            self._members.append(extent)
            self._size += self._gap + size
            self._gap = 0
        else:
            self.close_group()
            self._add_ungrouped(extent)

    def close_group(self) -> None:
        """Plan the open group and the gap after it, if any."""
        if self._members:
            first = self._members[0]
            count = len(self._members)
            key = f"{first.name}+0" if count == 1 else f"{first.name}*{count}={self._size}"
            widths = {member.width for member in self._members}
            width = first.width if len(widths) == 1 else 0
            self.planned.append(PlannedChunk(self._size, key, width))
        if self._gap:
            self.planned.append(PlannedChunk(self._gap, None, 0))
        self._members = []
        self._size = self._gap = 0

    def _add_ungrouped(self, extent: Extent) -> None:
        step = extent.size
        if step > LONGEST_CHUNK:
            step = SPLIT_SIZE - SPLIT_SIZE % extent.width if extent.width else SPLIT_SIZE
        for offset in range(0, extent.size, step):
            key = None if extent.name is None else f"{extent.name}+{offset}"
            self.planned.append(PlannedChunk(min(step, extent.size - offset), key, extent.width))


def _is_anchor(name: str, size: int) -> bool:
    """Whether the hash of the name starts a group: once per `GROUP_AVERAGE` bytes on average."""
    name_hash = int.from_bytes(blake3(name.encode()).digest(4), "little")
    return name_hash * GROUP_AVERAGE < size << 32
