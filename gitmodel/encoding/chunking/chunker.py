"""What a chunker is, and how its rule is named.

A *chunker* is fed windows of one file, in order, and says how long the chunks at the start of a
window are. A *chunker id* is the rule's name and its parameters.

One thing is guaranteed: `ChunkerId.parse(str(chunker_id)) == chunker_id`, so an id kept in a manifest
comes back as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, Self

from gitmodel.domain.text.lazy_regex import pattern

LONGEST_CHUNK: Final = 8 << 20  # 8 MiB: with its header a chunk always fits into one pack

_WRITTEN: Final = pattern(r"[a-z0-9][a-z0-9-]{0,31}(?: (?:0|[1-9][0-9]{0,11})){0,8}")


@dataclass(frozen=True, slots=True)
class ChunkerId:
    """Which rule cut a file: enough to cut the next version in the same places.

    Args:
        name: The rule, such as `fastcdc-v1`; a manifest may name one that is not known here.
        parameters: Its numbers, in bytes: shortest, usual and longest chunk of `fastcdc-v1`,
            `tensors.PARAMETERS` for files cut by their header.
    """

    name: str
    parameters: tuple[int, ...]

    def __str__(self) -> str:
        return " ".join([self.name, *map(str, self.parameters)])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a chunker id, known here or not: `ChunkerId.parse(str(chunker_id)) == chunker_id`.

        Raises:
            ValueError: The text is written in another way.
        """
        if not _WRITTEN.fullmatch(text):
            raise ValueError(text)
        name, *parameters = text.split(" ")
        return cls(name, tuple(map(int, parameters)))


class Chunker(Protocol):
    """Cuts one file. Not for two files, nor for two threads, at the same time."""

    @property
    def id(self) -> ChunkerId:
        """The rule and its parameters."""
        ...

    @property
    def longest(self) -> int:
        """Length in bytes of the longest chunk: a window this long always holds a whole one."""
        ...

    def feed(self, window: memoryview, *, final: bool) -> list[int]:
        """Return the lengths of the complete chunks at the start of a window.

        The bytes behind them begin the next window. A window shorter than `longest` may hold no
        complete chunk, unless it is the final one; longer windows only cost fewer bytes seen
        twice.

        Args:
            window: Contiguous bytes, starting at the end of the last chunk returned.
            final: The window ends where the file ends, so all of it is cut.

        Returns:
            Lengths in bytes, each at least 1 and at most `longest`; their sum is at most
            `len(window)`, and exactly that when final.
        """
        ...
