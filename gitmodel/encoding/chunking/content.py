"""Cutters that need to know nothing about a file: by its content, or every so many bytes.

One thing is guaranteed: the cuts of `fastcdc-v1` are those of the test vectors, for ever; whoever
changed one would make every file of every store move again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.encoding.chunking.chunker import LONGEST_CHUNK, ChunkerId

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.encoding.chunking.chunker import Chunker

CONTENT_CHUNKER: Final = ChunkerId("fastcdc-v1", (64 << 10, 256 << 10, 1 << 20))
FIXED_CHUNKER: Final = ChunkerId("fixed-v1", (4 << 20,))


class ContentCutter:
    """FastCDC 2020 by pyfastcdc, whose cuts are those of nlfiedler/fastcdc-rs.

    Two libraries with the same parameters share 1 cut in 25 (measured), hence the `v1`: it means
    this gear table and these masks, pinned by test vectors.

    Raises:
        ValueError: The parameters are not three, or outside what the rule accepts.
    """

    def __init__(self, chunker_id: ChunkerId) -> None:
        from pyfastcdc import FastCDC

        shortest, usual, longest = chunker_id.parameters
        if longest > LONGEST_CHUNK:
            raise ValueError(longest)
        self.id = chunker_id
        self.longest = longest
        self._chunker = FastCDC(usual, min_size=shortest, max_size=longest)

    def feed(self, window: memoryview, *, final: bool) -> list[int]:
        """See `Chunker.feed`."""
        lengths = [chunk.length for chunk in self._chunker.cut_buf(window)]
        # A cut found before the end of the window depends on the bytes before it alone, so it
        # stands. Only the last chunk may have been ended by the window and not by its content.
        if lengths and not final and lengths[-1] < self.longest:
            lengths.pop()
        return lengths


class FixedCutter:
    """Cuts at multiples of one length.

    Raises:
        ValueError: The parameter is not one, or outside what the rule accepts.
    """

    def __init__(self, chunker_id: ChunkerId) -> None:
        (size,) = chunker_id.parameters
        if not 1 <= size <= LONGEST_CHUNK:
            raise ValueError(size)
        self.id = chunker_id
        self.longest = size

    def feed(self, window: memoryview, *, final: bool) -> list[int]:
        """See `Chunker.feed`."""
        whole, rest = divmod(len(window), self.longest)
        lengths = [self.longest] * whole
        if final and rest:
            lengths.append(rest)
        return lengths


CHUNKERS: Final[dict[str, Callable[[ChunkerId], Chunker]]] = {
    CONTENT_CHUNKER.name: ContentCutter,
    FIXED_CHUNKER.name: FixedCutter,
}
