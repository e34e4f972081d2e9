"""The chunker for files without a header of tensors: it cuts by content.

Guarantee: the cuts of `fastcdc-v1` are those of the test vectors and never change. A changed cut would
make every file of every store be uploaded again.
"""

from __future__ import annotations

from typing import Final

from gitmodel.encoding.chunking.chunker import ChunkerId

CONTENT_CHUNKER: Final = ChunkerId("fastcdc-v1", (64 << 10, 256 << 10, 1 << 20))


class ContentChunker:
    """FastCDC 2020 by pyfastcdc, whose cuts are those of nlfiedler/fastcdc-rs.

    Two libraries with the same parameters share 1 cut in 25 (measured), hence the `v1`: it means
    this gear table and these masks, pinned by test vectors.
    """

    def __init__(self, chunker_id: ChunkerId = CONTENT_CHUNKER) -> None:
        from pyfastcdc import FastCDC

        shortest, usual, longest = chunker_id.parameters
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
