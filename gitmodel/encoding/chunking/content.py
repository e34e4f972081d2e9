"""The chunker of files without a tensor header: content-defined chunking.

Guarantee: the boundaries of `fastcdc-v1` never change; test vectors pin them. After a change, no new
version would share chunks with a stored one.
"""

from __future__ import annotations

from typing import Final

from gitmodel.encoding.chunking.chunker import ChunkerId

CONTENT_CHUNKER: Final = ChunkerId("fastcdc-v1", (64 << 10, 256 << 10, 1 << 20))


class ContentChunker:
    """FastCDC 2020 as in pyfastcdc and nlfiedler/fastcdc-rs.

    `v1` stands for their gear table and masks: other libraries with the same parameters share one
    boundary in 25 (measured).
    """

    def __init__(self, chunker_id: ChunkerId = CONTENT_CHUNKER) -> None:
        from pyfastcdc import FastCDC

        shortest, average, longest = chunker_id.parameters
        self.id = chunker_id
        self.longest = longest
        self._chunker = FastCDC(average, min_size=shortest, max_size=longest)

    def feed(self, block: memoryview, *, final: bool) -> list[int]:
        """Implement `Chunker.feed`."""
        lengths = [chunk.length for chunk in self._chunker.cut_buf(block)]
        # A boundary depends only on the bytes before it. The last one may be the end of the block
        # instead of a boundary by content.
        if lengths and not final and lengths[-1] < self.longest:
            lengths.pop()
        return lengths
