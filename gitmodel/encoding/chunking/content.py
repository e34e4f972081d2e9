"""Cutters that need to know nothing about a file: by its content, or every so many bytes.

One thing is guaranteed: the cuts of `fastcdc-v1` are those of the test vectors, for ever; whoever
changed one would make every file of every store move again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.encoding.chunking.chunker import LONGEST_CUT, CutterId

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitmodel.encoding.chunking.chunker import Cutter

CONTENT_CUTTER: Final = CutterId("fastcdc-v1", (64 << 10, 256 << 10, 1 << 20))
FIXED_CUTTER: Final = CutterId("fixed-v1", (4 << 20,))


class ContentCutter:
    """FastCDC 2020 by pyfastcdc, whose cuts are those of nlfiedler/fastcdc-rs.

    Two libraries with the same parameters share 1 cut in 25 (measured), hence the `v1`: it means
    this gear table and these masks, pinned by test vectors.

    Raises:
        ValueError: The parameters are not three, or outside what the rule accepts.
    """

    def __init__(self, cutter_id: CutterId) -> None:
        from pyfastcdc import FastCDC

        shortest, usual, longest = cutter_id.parameters
        if longest > LONGEST_CUT:
            raise ValueError(longest)
        self.id = cutter_id
        self.longest = longest
        self._chunker = FastCDC(usual, min_size=shortest, max_size=longest)

    def feed(self, window: memoryview, *, final: bool) -> list[int]:
        """See `Cutter.feed`."""
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

    def __init__(self, cutter_id: CutterId) -> None:
        (size,) = cutter_id.parameters
        if not 1 <= size <= LONGEST_CUT:
            raise ValueError(size)
        self.id = cutter_id
        self.longest = size

    def feed(self, window: memoryview, *, final: bool) -> list[int]:
        """See `Cutter.feed`."""
        whole, rest = divmod(len(window), self.longest)
        lengths = [self.longest] * whole
        if final and rest:
            lengths.append(rest)
        return lengths


CUTTERS: Final[dict[str, Callable[[CutterId], Cutter]]] = {
    CONTENT_CUTTER.name: ContentCutter,
    FIXED_CUTTER.name: FixedCutter,
}
