"""Cuts that follow from a file's header: at tensor boundaries, wherever the header moved them.

The reader of a format says which *runs* of bytes a file consists of: tensors, which have a name,
and all else, which has none. `pieces_of_runs` makes *pieces* of them, each of which becomes one
chunk, and `TensorChunker` hands those out.

- A tensor from 256 KiB to 8 MiB is a piece; a longer one falls into pieces of about 4 MiB, counted
  from its start and holding whole elements.
- Smaller tensors that are neighbours share a piece, a *group*, of 1 MiB at most. A new group also
  begins at about every 512 KiB of them, where the hash of a tensor's name says so: behind such an
  anchor the groups of two versions are the same again, whatever was inserted or grew before it.
- Headers, padding and gaps are pieces without a key; padding between two members stays in the group.

One thing is guaranteed: the sizes of the pieces add up to the runs', in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from gitmodel.encoding.chunking.chunker import LONGEST_CHUNK, ChunkerId
from gitmodel.formats.extent import END_OF_GROUP, SMALL, Extent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GROUP_USUAL: Final = 512 << 10  # bytes between two anchors, on average
GROUP_LONGEST: Final = 1 << 20  # bytes
PIECE: Final = 4 << 20  # bytes of one piece of a tensor longer than LONGEST_CUT
_BETWEEN: Final = 4 << 10  # bytes; padding and the headers of a zip archive are far shorter

PARAMETERS: Final = (SMALL, GROUP_USUAL, GROUP_LONGEST, PIECE, LONGEST_CHUNK)
SAFETENSORS_CHUNKER: Final = ChunkerId("safetensors-v1", PARAMETERS)
ZIP_CHUNKER: Final = ChunkerId("zip-v1", PARAMETERS)
GGUF_CHUNKER: Final = ChunkerId("gguf-v1", PARAMETERS)


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of bytes that becomes one chunk.

    Attributes:
        size: Bytes, from 1 to `LONGEST_CHUNK`.
        key: Pairs the piece with that of another version: `layer.0.weight+4194304` is a tensor and
            the offset in it, `layer.0.bias*7=43008` a group by its first tensor, how many there are
            and its bytes. No two pieces of a file have the same. None where there is no name.
        width: As of a `Extent`; 0 where the tensors of a group differ.
    """

    size: int
    key: str | None
    width: int


class TensorChunker:
    """Cuts a file into the pieces of its plan; the n-th chunk is the n-th piece.

    A file that ends before its plan or goes on after it (it was changed meanwhile) is cut all the
    same, with a last chunk that is shorter than its piece or with chunks that have no piece.

    Args:
        chunker_id: The rule that made the plan.
        pieces: The plan, which covers the file.
    """

    def __init__(self, chunker_id: ChunkerId, pieces: Sequence[Piece]) -> None:
        self.id = chunker_id
        self.pieces = pieces
        self.longest = max((piece.size for piece in pieces), default=LONGEST_CHUNK)
        self._next = 0

    def feed(self, window: memoryview, *, final: bool) -> list[int]:
        """See `Chunker.feed`."""
        left = len(window)
        lengths: list[int] = []
        while self._next < len(self.pieces) and self.pieces[self._next].size <= left:
            lengths.append(self.pieces[self._next].size)
            left -= lengths[-1]
            self._next += 1
        if final or self._next == len(self.pieces):
            whole, rest = divmod(left, self.longest)
            lengths += [self.longest] * whole
            if final and rest:
                lengths.append(rest)
        if final:
            self._next = 0
        return lengths


def pieces_of_runs(runs: Iterable[Extent]) -> list[Piece]:
    """Return the pieces of a file.

    A run without bytes leaves no trace, but for `END_OF_GROUP`.

    Raises:
        UnicodeEncodeError: A name cannot be written as UTF-8.
    """
    plan = _Plan()
    for run in runs:
        plan.add(run)
    plan.close()
    return plan.pieces


class _Plan:
    """Pieces so far, and the group that may still grow."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self._members: list[Extent] = []
        self._size = 0  # bytes of the group, with what lies between its members
        self._between = 0  # bytes after its last member, not part of it unless another one follows

    def add(self, run: Extent) -> None:
        """Put the next run of the file into the open group, or into pieces of its own.

        A small tensor joins the group, or begins a new one where it is an anchor or the group would
        grow too long. Short unnamed bytes after a member are held back: they belong to the group only
        if another member follows.
        """
        size, name = run.size, run.name
        if size == 0:
            if run is END_OF_GROUP:
                self.close()
        elif name is None and self._members and self._between + size <= _BETWEEN:
            self._between += size
        elif name is not None and size < SMALL:
            if self._size + self._between + size > GROUP_LONGEST or _is_anchor(name, size):
                self.close()
            self._members.append(run)
            self._size += self._between + size
            self._between = 0
        else:
            self.close()
            self._add_alone(run)

    def close(self) -> None:
        """End the group, if there is one."""
        if self._members:
            first = self._members[0]
            count = len(self._members)
            key = f"{first.name}+0" if count == 1 else f"{first.name}*{count}={self._size}"
            widths = {member.width for member in self._members}
            width = first.width if len(widths) == 1 else 0
            self.pieces.append(Piece(self._size, key, width))
        if self._between:
            self.pieces.append(Piece(self._between, None, 0))
        self._members = []
        self._size = self._between = 0

    def _add_alone(self, run: Extent) -> None:
        step = run.size
        if step > LONGEST_CHUNK:
            step = PIECE - PIECE % run.width if run.width else PIECE
        for offset in range(0, run.size, step):
            key = None if run.name is None else f"{run.name}+{offset}"
            self.pieces.append(Piece(min(step, run.size - offset), key, run.width))


def _is_anchor(name: str, size: int) -> bool:
    """Whether a small tensor begins a group by its name: one in `GROUP_USUAL` bytes does."""
    drawn = int.from_bytes(blake3(name.encode()).digest(4), "little")
    return drawn * GROUP_USUAL < size << 32
