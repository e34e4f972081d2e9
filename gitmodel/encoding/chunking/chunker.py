"""The interface of chunkers, and their ids in manifests.

Two versions share chunks only if the same chunker split them, so a manifest stores the chunker's id.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol, Self

from gitmodel.domain.text.lazy_regex import lazy_compile

LONGEST_CHUNK: Final = 8 << 20  # 8 MiB: with its header a chunk always fits into one pack

_CHUNKER_ID: Final = lazy_compile(r"[a-z0-9][a-z0-9-]{0,31}(?: (?:0|[1-9][0-9]{0,11})){0,8}")


class ChunkerId(NamedTuple):
    """Name and parameters of the rule that split a file.

    A manifest may name an unknown rule. Parameters are in bytes: shortest, average and longest chunk of
    `fastcdc-v1`; `tensors.PARAMETERS` for files split by their header.
    """

    name: str
    parameters: tuple[int, ...]

    def __str__(self) -> str:
        return " ".join([self.name, *map(str, self.parameters)])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse any chunker id: `ChunkerId.parse(str(chunker_id)) == chunker_id`. Raises ValueError."""
        if not _CHUNKER_ID.fullmatch(text):
            raise ValueError(text)
        name, *parameters = text.split(" ")
        return cls(name, tuple(map(int, parameters)))


class Chunker(Protocol):
    """Splits one file at a time into chunks. Not thread-safe."""

    @property
    def id(self) -> ChunkerId:
        """Name and parameters of the rule."""
        ...

    @property
    def longest(self) -> int:
        """Length in bytes of the longest chunk: a block this long always contains a whole chunk."""
        ...

    def feed(self, block: memoryview, *, final: bool) -> list[int]:
        """Return the lengths in bytes, from 1 to `longest`, of the complete chunks at the start of a block.

        A block is contiguous, and starts at the end of the last chunk returned: the caller passes the
        remaining bytes again. If `final`, it ends at the end of the file, and the lengths add up to its
        own.
        """
        ...
